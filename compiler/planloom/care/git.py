"""Asking the user's own git about the user's own repository; never changing anything in it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from planloom.ledger.gitport import users_environment

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.core.ports import Environment

_SECONDS: Final = 60


def ask_git(root: Path, environment: Environment, *words: str) -> bytes | None:
    """Return what git says in `root`, None when it refuses, is missing or takes too long."""
    command = ["git", "-c", "core.excludesFile=", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            env=users_environment(environment.all()),
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def is_repository(root: Path, environment: Environment) -> bool:
    """Return whether `root` lies in a git repository with a work tree."""
    answer = ask_git(root, environment, "rev-parse", "--is-inside-work-tree")
    return answer is not None and answer.strip() == b"true"
