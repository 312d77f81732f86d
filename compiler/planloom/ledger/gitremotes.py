"""Which git repository is meant, and how to reach it."""

from __future__ import annotations

import hashlib
import re
import secrets
import subprocess
import time
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError
from planloom.ledger.gitport import Remote, no_git, users_environment

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.core.ports import Environment

TOKEN: Final = "PLANLOOM_LEDGER_TOKEN"  # noqa: S105 - the name of a variable
"""A token for a git ledger outside GitHub Actions, where git itself does not know how to sign in (a worker on a bare machine)."""

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+@[^/:]+:|[^/:]+\.[^/:]+:|[./~]")
_SECONDS: Final = 60
_LOCAL: Final = r"^(core\.sshcommand|credential\.|http\.|url\.)"
"""What a repository's own configuration may say about reaching its remotes; our cache needs it too."""


def find_remote(name: str, root: Path, environment: Environment) -> Remote:
    """Return the remote that `git:NAME` means: an address, a remote of the repository in `root`, or ("") the usual one.

    The usual one is the workflow's own repository inside GitHub Actions, `origin` elsewhere. Raises: StoreError when there is none.
    """
    server = environment.get("GITHUB_SERVER_URL").rstrip("/")
    in_actions = environment.get("GITHUB_ACTIONS") == "true"
    label = name or "origin"
    pairs: tuple[tuple[str, str], ...] = ()
    if not name and in_actions and environment.get("GITHUB_REPOSITORY"):
        url = f"{server or 'https://github.com'}/{environment.get('GITHUB_REPOSITORY')}"
    elif _ADDRESS.match(name):
        url = name if "://" in name or not name.startswith((".", "/")) else str((root / name).resolve())
        label = re.sub(r"://[^/@]*@", "://", url)
    else:
        url = _ask_git(root, environment, "remote", "get-url", "--push", label).strip()
        if not url:
            message = f"{root.name}/ has no git remote '{label}'"
            raise StoreError(message, hint=f"git remote add {label} URL, or keep records in files: --ledger files")
        url = url if _ADDRESS.match(url) and not url.startswith(".") else str((root / url).resolve())
        pairs = _local_settings(root, environment)
    token = environment.get(TOKEN)
    if not token and in_actions and (url.startswith(f"{server}/") or not server):
        # The workflow's token is for the workflow's server and goes nowhere else.
        token = environment.get("GITHUB_TOKEN")
    if not url.startswith(("http://", "https://")):
        token = ""
    return Remote(url, label, token, pairs)


def cache_folder(root: Path, environment: Environment, remote: Remote) -> Path:
    """Return where the cache of a remote lies: with the job's temporary files in a workflow, in `.planloom/cache/` elsewhere."""
    name = hashlib.sha256(remote.url.encode()).hexdigest()[:16] + ".git"
    temporary = environment.get("RUNNER_TEMP") if environment.get("GITHUB_ACTIONS") == "true" else ""
    return (type(root)(temporary) / "planloom-cache" / name) if temporary else root / ".planloom" / "cache" / name


def _local_settings(root: Path, environment: Environment) -> tuple[tuple[str, str], ...]:
    found = _ask_git(root, environment, "config", "--local", "--null", "--get-regexp", _LOCAL)
    pairs = (entry.partition("\n") for entry in found.split("\0") if entry)
    return tuple((key, value) for key, _, value in pairs)


def _ask_git(root: Path, environment: Environment, *words: str) -> str:
    """Return what git says about the user's repository, "" when it refuses. Raises: StoreError when git is missing."""
    command = ["git", "-C", str(root), *words]
    passed = users_environment(environment.all())
    try:
        done = subprocess.run(command, capture_output=True, env=passed, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise no_git() from error
    except subprocess.TimeoutExpired as error:
        message = f"git did not answer within {_SECONDS} seconds in {root.name}/"
        raise StoreError(message, hint="try `git remote -v` there") from error
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


class CommitClock:
    """The date of a commit when the caller has no clock: for people only, what counts is in the signed records."""

    def now(self) -> str:
        """Return the present moment, in whole seconds."""
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


class CommitIds:
    """What makes a commit unlike any other when the caller has no ids."""

    def nonce(self) -> str:
        """Return 32 hex digits from a cryptographic source."""
        return secrets.token_hex(16)
