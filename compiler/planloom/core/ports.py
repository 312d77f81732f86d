"""Protocols of the effects that operations take as parameters: clock, ids, environment.

`api` builds the real ones; tests pass fixed ones. A timestamp is RFC 3339 in UTC with milliseconds
(`2026-11-22T20:05:52.120Z`): fixed width, so text order is time order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Clock(Protocol):
    """Tells the time; an operation asks once."""

    def now(self) -> str:
        """Return the present moment as a timestamp."""
        ...


class Ids(Protocol):
    """Makes values that nobody else makes."""

    def nonce(self) -> str:
        """Return 32 hex digits from a cryptographic source."""
        ...


class Environment(Protocol):
    """The process environment, read-only."""

    def get(self, name: str) -> str:
        """Return the variable's value, or the empty string."""
        ...

    def all(self) -> Mapping[str, str]:
        """Return a copy of every variable."""
        ...
