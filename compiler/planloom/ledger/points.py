"""Crash points: the moments of an append at which a process may die, by name.

A ledger calls its `at` hook at each; normally that is `pass_by`. The fault suite passes a hook that kills the process, fills the
disk or cuts the connection, and goes through these lists, so a point that is added is a point that is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

Hook: TypeAlias = Callable[[str], None]

FILE_POINTS: Final = (
    "files: locked",
    "files: heads compared",
    "files: content written",
    "files: content synced",
    "files: linked",
    "files: published",
)
"""An append of one entry, in order. It is visible from `linked` on, and durable at `published`."""

JOURNAL_POINTS: Final = (
    "files: locked",
    "files: heads compared",
    "files: journal written",
    "files: journal renamed",
    "files: journal durable",
    "files: content written",
    "files: content synced",
    "files: linked",
    "files: rolled forward",
    "files: journal removed",
)
"""An append of several files, in order. It counts from `journal renamed` on, and is durable from `journal durable` on."""

GIT_POINTS: Final = (
    "git: objects written",
    "git: before push",
    "git: after push",
)
"""An append to the remote, in order. It counts as soon as the remote took the push, whatever happens to this process."""


def pass_by(point: str) -> None:
    """Do nothing."""
    del point
