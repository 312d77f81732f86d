"""The real clock, ids and environment: the one place where they are read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> str:
        """Return the present moment as a timestamp (see `core.ports`)."""
        return format_time(time.time_ns() // 1_000_000)


class SystemIds:
    """The operating system's random source."""

    def nonce(self) -> str:
        """Return 32 hex digits."""
        return os.urandom(16).hex()  # what `secrets` does, without its imports: each claim starts a process


class SystemEnvironment:
    """The process environment."""

    def get(self, name: str) -> str:
        """Return the variable's value, or the empty string."""
        return os.environ.get(name, "")

    def all(self) -> Mapping[str, str]:
        """Return a copy of every variable."""
        return dict(os.environ)


def format_time(milliseconds: int) -> str:
    """Return Unix milliseconds as a timestamp."""
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def is_timestamp(text: str) -> bool:
    """Return whether a text is a timestamp as records hold them, and a moment that exists."""
    try:
        return len(text) == 24 and format_time(parse_time(text)) == text
    except (ValueError, OverflowError):
        return False


def parse_time(timestamp: str) -> int:
    """Return a timestamp as Unix milliseconds."""
    import calendar

    return calendar.timegm(time.strptime(timestamp[:19], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(timestamp[20:23])
