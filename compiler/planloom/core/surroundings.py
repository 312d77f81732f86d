"""What a project's folder lies in, and whether it is set up. Looks, and changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

POLICY_CHANGE: Final = ".planloom/policy.change"
"""The journal of a change of the trust policy (`trust.policyjournal`): it is there while the change is put into its place."""


def is_in_git(folder: Path) -> bool:
    """Return whether a folder lies in a git repository: only from one does a project get to GitHub."""
    whole = folder.absolute()
    return any(os.path.lexists(parent / ".git") for parent in (whole, *whole.parents))


def next_after_compiling(folder: Path) -> str:
    """Return the command that carries compiled plans on: `run`, or where trust was never set up `init`, without which it is refused."""
    return "planloom run" if os.path.lexists(folder / "specs" / "trust" / "policy.json") else "planloom init"


def has_unfinished_policy(folder: Path) -> bool:
    """Return whether somebody died between the moment at which a change of the trust policy counted and its end."""
    return os.path.lexists(folder / POLICY_CHANGE)
