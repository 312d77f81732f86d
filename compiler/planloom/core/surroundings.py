"""What a project's folder lies in. Looks, and changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_in_git(folder: Path) -> bool:
    """Return whether a folder lies in a git repository: only from one does a project get to GitHub."""
    whole = folder.absolute()
    return any(os.path.lexists(parent / ".git") for parent in (whole, *whole.parents))
