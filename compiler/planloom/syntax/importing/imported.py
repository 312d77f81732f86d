"""What an import gives: the plan as plain data, and what could not be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.diagnostics import Span

_OTHER: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Note:
    """Something of the source that the plan does not say, or says differently, and where it stands."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A plan as plain data in the order in which it is written, and the notes in the order of the source.

    Shape: `versions` says of each action with a commit (`actions/checkout@3d3c…`) which version that is.
    """

    tree: Mapping[str, Any]
    notes: tuple[Note, ...]
    versions: Mapping[str, str] = field(default_factory=dict)


def make_key(text: str, fallback: str) -> str:
    """Return a text as a step key or plan id: lowered, everything else a hyphen, at most 63 characters."""
    key = _OTHER.sub("-", text.lower()).strip("-")[:63].strip("-")
    return key or fallback
