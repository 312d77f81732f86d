"""The private copy of a git ledger, and what a race that was killed left on the remote."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

from planloom.care.findings import FIX, Finding, from_error
from planloom.care.scratch import Scratch
from planloom.core.errors import PlanloomError
from planloom.core.names import SCRATCH
from planloom.ledger import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planloom.care.findings import Ground

OLDEST_GIT: Final = (2, 31)
"""git 2.31 takes its configuration from GIT_CONFIG_COUNT (git release notes), which is how tokens reach it unseen."""

_SECONDS: Final = 300


def find_cache_faults(ground: Ground) -> Iterator[Finding]:
    """Yield copies of git ledgers that are damaged. They hold nothing that is not on the remote, so they can be made anew."""
    for folder in sorted((ground.root / ".planloom" / "cache").glob("*.git")):
        fault = _fault(ground, folder)
        if fault:
            what = f"the private copy of a git ledger is damaged: {fault}"
            yield Finding("cache", ground.shown(folder), what, FIX, _Rebuild(folder))


def find_git_faults(ground: Ground) -> Iterator[Finding]:
    """Yield a git that is too old, and refs of races that were killed; nothing where records lie in files."""
    try:
        scratch = Scratch.find(ground)
    except PlanloomError as error:
        yield from_error("ledger", "the ledger", error)
        return
    if scratch is None:
        return
    version = git_version(ground)
    if version and version < OLDEST_GIT:
        what = f"git {'.'.join(map(str, version))} is too old for a git ledger"
        yield Finding("git", "git", what, f"install git {'.'.join(map(str, OLDEST_GIT))} or newer")
        return
    try:
        left = scratch.find_left()
    except PlanloomError as error:
        yield from_error("ledger", scratch.label, error)
        return
    if left:
        names = ", ".join(sorted({chain.partition("/")[0] for chain in left}))
        what = f"{len(left)} ref{'' if len(left) == 1 else 's'} of a race that was stopped or is under way ({names})"
        yield Finding("left-over", f"refs/planloom/{SCRATCH}*", what, FIX, _RemoveRefs(scratch))


def git_version(ground: Ground) -> tuple[int, ...]:
    """Return the version of git, () when there is none."""
    environment = {"PATH": ground.environment.get("PATH"), "LC_ALL": "C"}
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, env=environment, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(rb"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else ()


def _fault(ground: Ground, folder: Path) -> str:
    if not (folder / "planloom-cache").exists() or not (folder / "HEAD").exists():
        return "it is not whole"
    stale = [path for path in sorted(folder.rglob("*.lock")) if ground.is_settled(path)]
    if stale:
        return f"{stale[0].name} was left by a git that was killed"
    command = ["git", "--git-dir", str(folder), "fsck", "--no-dangling", "--no-progress"]
    environment = {"PATH": ground.environment.get("PATH"), "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=_SECONDS, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return (said[0] if said else f"git fsck ended with {done.returncode}") if done.returncode else ""


class _Rebuild:
    """Takes a copy away; the next command that needs it fetches it again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self) -> None:
        import shutil

        # The locks that makers and readers of the copy hold: nobody is in the middle of it now.
        with (
            disk.locked(self._folder.with_suffix(".lock"), exclusive=True),
            disk.locked(self._folder / "planloom-lock", exclusive=True),
        ):
            shutil.rmtree(self._folder)


class _RemoveRefs:
    """Removes from the remote what races left there."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch

    def __call__(self) -> None:
        self._scratch.sweep()
