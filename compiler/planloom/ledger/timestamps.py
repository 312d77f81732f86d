"""Timestamps of `core.ports.Clock` as git wants them."""

from __future__ import annotations

from datetime import datetime


def unix_seconds(timestamp: str) -> int:
    """Return a timestamp (`2026-11-22T20:05:52.120Z`) as whole seconds since 1970, in UTC."""
    return int(datetime.fromisoformat(timestamp).timestamp())
