"""Answers with one thing wrong: each value of a JSON answer replaced in turn by something of another kind."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = object()
KINDS: tuple[Any, ...] = (GONE, None, [], {}, "x", 0, True, [None], {"x": None})


def find_places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every value in a JSON value, itself first; of a list's members the first and the last."""
    yield place
    if isinstance(value, dict):
        for key in sorted(value):
            yield from find_places(value[key], (*place, key))
    elif isinstance(value, list):
        for number in sorted({0, len(value) - 1} if value else ()):
            yield from find_places(value[number], (*place, number))


def spoil(value: Any, place: tuple[str | int, ...], kind: Any) -> Any:
    """Return a copy with another value at a place; GONE takes it out."""
    if not place:
        return None if kind is GONE else copy.deepcopy(kind)
    changed = copy.deepcopy(value)
    around = changed
    for step in place[:-1]:
        around = around[step]
    if kind is GONE:
        del around[place[-1]]
    else:
        around[place[-1]] = copy.deepcopy(kind)
    return changed
