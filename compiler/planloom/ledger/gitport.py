"""Starting git: always a list, a timeout, and an environment that is put together here.

With a token of our own (a workflow's) git sees no configuration but ours: what a runner's image or a step before left in the
user's or the system's file can't redirect a push. Without one the user's credential helpers, ssh settings and proxies must
work as they do at their prompt, so their configuration is read, and the settings that would change what our commands
mean are overridden. Tokens and addresses reach git through the environment, never through argv or a file.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import resource
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from planloom.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

REMOTE: Final = "ledger"
"""What the remote is called inside our cache; its address comes by environment."""

TIMEOUT_SECONDS: Final = 600
"""For one git command; a transfer that stalls is given up much earlier (`http.lowSpeedTime`)."""

LONG_COMMAND: Final = 1_000_000
"""From this many characters on a command line is given more room."""

OURS: Final[tuple[tuple[str, str], ...]] = (
    ("advice.pushUpdateRejected", "false"),
    ("color.ui", "false"),
    ("core.fsync", "none"),
    ("core.hooksPath", os.devnull),
    ("core.logAllRefUpdates", "false"),
    ("fetch.prune", "false"),
    ("fetch.pruneTags", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.negotiate", "false"),
    ("push.pushOption", ""),
    ("push.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
)
"""Settings that make our commands mean the same everywhere (git-config(1)); protocol 2 lets a fetch name the refs that it wants.

Nothing in the cache has to survive a power cut (`Cache.fetch` makes a damaged one anew), so git need not wait for the disk at each ref.
"""

_PASSED: Final = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_CERT",
        "GIT_SSL_KEY",
        "GIT_EXEC_PATH",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
    ]
)
_PASSED_TO_USERS_GIT: Final = frozenset(
    [
        "SSH_AUTH_SOCK",
        "SSH_AGENT_PID",
        "SSH_ASKPASS",
        "SSH_ASKPASS_REQUIRE",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_ASKPASS",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "DBUS_SESSION_BUS_ADDRESS",
        "GNUPGHOME",
        "GPG_TTY",
        "GH_TOKEN",
        "GH_HOST",
        "GH_CONFIG_DIR",
        "KRB5CCNAME",
    ]
)


@dataclass(frozen=True, slots=True)
class Remote:
    """A git repository somewhere: its address and what people call it.

    Shape: `token` signs in, "" where the user's own git knows how to; `settings` are those of the user's repository that say how
    to reach it (git-config(1) names and values), used only without a token.
    """

    url: str = field(repr=False)
    label: str
    token: str = field(default="", repr=False)
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a git command ended. `timed_out` means that nobody knows what it did."""

    code: int
    stdout: bytes
    stderr: str
    timed_out: bool = False


def build_environment(environment: Mapping[str, str], remote: Remote) -> dict[str, str]:
    """Return the whole environment of a git command that talks to `remote`."""
    settings = [*OURS, (f"remote.{REMOTE}.url", remote.url)]
    passed = _PASSED
    result: dict[str, str] = {}
    if remote.token:
        result.update(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull)
        settings.append((f"http.{_origin(remote.url)}.extraheader", _header(remote.token)))
    else:
        passed = _PASSED | _PASSED_TO_USERS_GIT
        settings = [*_users_settings(environment), *remote.settings, *settings]
    result.update(_only(environment, passed))
    result.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GCM_INTERACTIVE="never", GIT_CONFIG_COUNT=str(len(settings)))
    for number, (key, value) in enumerate(settings):
        result[f"GIT_CONFIG_KEY_{number}"] = key
        result[f"GIT_CONFIG_VALUE_{number}"] = value
    return result


def users_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a git command that only looks into the user's own repository."""
    return {**_only(environment, _PASSED | _PASSED_TO_USERS_GIT), "LC_ALL": "C"}


def _only(environment: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: environment[name] for name in sorted(names) if environment.get(name)}


def _users_settings(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    count = environment.get("GIT_CONFIG_COUNT", "")
    if not count.isdecimal():
        return []
    pairs = ((environment.get(f"GIT_CONFIG_KEY_{n}"), environment.get(f"GIT_CONFIG_VALUE_{n}")) for n in range(int(count)))
    return [(key, value) for key, value in pairs if key and value is not None]


def _origin(url: str) -> str:
    """Return scheme, host and port of an address: the header goes nowhere else."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/"


def _header(token: str) -> str:
    # The form that actions/checkout uses; GitHub takes any user name with a token.
    value = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    return f"AUTHORIZATION: basic {value}"


class Git:
    """Runs git in one repository with one environment."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, own_session: bool = False) -> None:
        self.folder = folder.absolute()  # Commands are started elsewhere (`start`), where a relative path names something else.
        self._environment = dict(environment)
        # In a session of its own a command can be ended with all its children, but can't ask at the terminal.
        self._own_session = own_session

    def at(self, folder: Path) -> Git:
        """Return the same for another repository."""
        return Git(folder, self._environment, own_session=self._own_session)

    def run(self, arguments: Sequence[str], stdin: bytes = b"") -> Finished:
        """Run one command to its end. Raises: StoreError when git is missing."""
        process = self.start(["git", "--git-dir", str(self.folder), *arguments])
        try:
            stdout, stderr = process.communicate(stdin, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._end(process)
            return Finished(-1, b"", f"no answer within {TIMEOUT_SECONDS} seconds", timed_out=True)
        except BaseException:
            self._end(process)
            raise
        return Finished(process.returncode, stdout, _without_credentials(stderr.decode("utf-8", "replace").strip()))

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command with pipes to all three streams. Raises: StoreError when git is missing."""
        if sum(map(len, command)) > LONG_COMMAND:
            _allow_long_commands()
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                cwd="/",
                start_new_session=self._own_session,
            )
        except FileNotFoundError as error:
            raise no_git() from error

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._own_session:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()


def _without_credentials(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://", text)


def _allow_long_commands() -> None:
    """Raise the stack's limit for what this process starts from now on.

    Linux lets a command line be a quarter of it (execve(2)); thousands of refs need more than the usual 2 MB.
    """
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    wanted = 64 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_STACK, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def no_git() -> StoreError:
    """Return the refusal when there is no git on PATH."""
    hint = "install it (Debian, Ubuntu: apt-get install git), or keep records in files: --ledger files"
    return StoreError("git is not installed, and this ledger lies in a git repository", hint=hint)
