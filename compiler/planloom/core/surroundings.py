"""What a project's folder lies in, and whether it is set up. Looks, and changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_in_git(folder: Path) -> bool:
    """Return whether a folder lies in a git repository: only from one does a project get to GitHub."""
    whole = folder.absolute()
    return any(os.path.lexists(parent / ".git") for parent in (whole, *whole.parents))


def next_after_compiling(folder: Path) -> str:
    """Return the command that carries compiled plans on: `run`, or where trust was never set up `init`, without which it is refused."""
    return "planloom run" if os.path.lexists(folder / "specs" / "trust" / "policy.json") else "planloom init"
