"""Which repository is meant, where its API and its pages are, and what signs us in."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from planloom.care.git import ask_git
from planloom.core.errors import InputError, StoreError
from planloom.github.client import Client, name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.core.ports import Environment

_SCP: Final = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")
_URL: Final = re.compile(r"[a-z+]+://(?:[^/@]*@)?([^/:]+(?::\d+)?)/(.+)")
_SLUG: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_SECONDS: Final = 60
_NO_REMOTE: Final = (
    "gh repo create NAME --private --source . --push; or make one at https://github.com/new, then git remote add origin URL"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository: the server's host, `owner/name`, and the address of its API."""

    host: str
    repository: str
    api: str

    def page(self, path: str) -> str:
        """Return the address of one of its pages: `settings/environments`."""
        return f"https://{self.host}/{self.repository}/{path}"

    def client(self, token: str) -> Client:
        """Return its API, signed in with a token ("" for none)."""
        return Client(self.api, self.repository, token)

    def secret_page(self, environment: str) -> str:
        """Return the page on which an environment and its secrets are edited."""
        return self.page(f"settings/environments#{name(environment)}")


@dataclass(frozen=True, slots=True)
class Gh:
    """GitHub's own command, when it is on PATH. Secrets go to it by standard input, never as an argument."""

    command: str
    environment: Mapping[str, str] = field(repr=False)

    def token(self, host: str) -> str:
        """Return the token that it is signed in with, "" when it is not."""
        return self._run(["auth", "token", "--hostname", host]).stdout.strip()

    def set_secret(self, place: Place, secret: str, value: str, environment: str = "") -> None:
        """Store a secret of an environment, or of the repository ("" as environment). Raises: StoreError."""
        where = ["--env", environment] if environment else []
        words = ["secret", "set", secret, *where, "--repo", f"{place.host}/{place.repository}"]
        done = self._run(words, value)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()][-1:] or [f"exit {done.returncode}"]
            message = f"gh could not store the secret {secret}: {said[0].strip()}"
            raise StoreError(message, hint="gh auth status shows who is signed in; setting secrets needs admin rights")

    def _run(self, words: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.command, *words],
                input=given,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_SECONDS,
                env={**self.environment, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(words, -1, "", str(error))


def find_place(root: Path, environment: Environment) -> Place:
    """Return the repository: GITHUB_REPOSITORY, or the one that the remote `origin` names. Raises: InputError when there is none."""
    server = environment.get("GITHUB_SERVER_URL")
    host = server.partition("://")[2].rstrip("/") if server else ""
    repository = environment.get("GITHUB_REPOSITORY")
    if not _SLUG.fullmatch(repository):
        url = (ask_git(root, environment, "remote", "get-url", "origin") or b"").decode("utf-8", "replace").strip()
        found = _URL.fullmatch(url) or _SCP.fullmatch(url)
        path = found[2].removesuffix("/").removesuffix(".git") if found else ""
        if found is None or not _SLUG.fullmatch(path):
            message = f"the remote 'origin' names no repository on GitHub{f': {url}' if url else ''}"
            raise InputError(message, hint=_NO_REMOTE)
        host, repository = host or _known_host(found[1]), path
    host = host or "github.com"
    api = environment.get("GITHUB_API_URL").rstrip("/")
    return Place(host, repository, api or ("https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"))


def find_gh(environment: Environment) -> Gh | None:
    """Return GitHub's command when it is installed."""
    command = shutil.which("gh", path=environment.get("PATH"))
    return Gh(command, environment.all()) if command else None


def find_token(place: Place, gh: Gh | None, environment: Environment) -> str:
    """Return what signs us in: GH_TOKEN, GITHUB_TOKEN, or what `gh` is signed in with; "" when nothing does."""
    return environment.get("GH_TOKEN") or environment.get("GITHUB_TOKEN") or (gh.token(place.host) if gh else "")


def _known_host(host: str) -> str:
    # GitHub's own other name, for networks that let only port 443 out.
    return "github.com" if host == "ssh.github.com" else host
