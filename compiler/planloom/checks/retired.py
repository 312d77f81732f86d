"""Codes that are no longer found. A code is never given to another meaning, so those that went stay in this table.

To retire a rule, remove its file and its lines in `checks.registry` or `checks.catalogue`, and add its code here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Retired(NamedTuple):
    """A code that was, and why it is no longer found."""

    name: str
    why: str


RETIRED: Final[dict[str, Retired]] = {
    "PL797": Retired(
        "big-name",
        "it was about names of artifacts above 255 characters; since PL205 bounds step keys and work items, the longest has 199",
    ),
}
"""Code → what it was."""
