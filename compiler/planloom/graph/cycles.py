"""Cycles of needs, each printed as one path that is the same on every run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def find_cycles(needs: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return one shortest cycle for each knot of steps that all need each other.

    Shape: `needs` in the order of the file; every need is one of its keys. A cycle begins with its knot's first step in the file;
    each step needs the next one, the last needs the first. A step that needs itself is a cycle of one.
    """
    place = {key: index for index, key in enumerate(needs)}
    knots = [sorted(knot, key=place.__getitem__) for knot in _knots(needs)]
    knots = [knot for knot in knots if len(knot) > 1 or knot[0] in needs[knot[0]]]
    knots.sort(key=lambda knot: place[knot[0]])
    return tuple(_shortest_cycle(knot[0], frozenset(knot), needs) for knot in knots)


def _shortest_cycle(start: str, knot: frozenset[str], needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return a shortest cycle through `start`, by breadth-first search over needs as they are written."""
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        key = queue.popleft()
        for need in needs[key]:
            if need == start:
                path = [key]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return tuple(reversed(path))
            if need in knot and need not in came_from:
                came_from[need] = key
                queue.append(need)
    return (start,)


def _knots(needs: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Yield the strongly connected components (Tarjan 1972, with a stack of our own instead of recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in needs:
        if root in index:
            continue
        work = [(root, iter(needs[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            key, rest = work[-1]
            for need in rest:
                if need not in index:
                    index[need] = low[need] = len(index)
                    stack.append(need)
                    on_stack.add(need)
                    work.append((need, iter(needs[need])))
                    break
                if need in on_stack:
                    low[key] = min(low[key], index[need])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[key])
                if low[key] == index[key]:
                    yield _pop_knot(key, stack, on_stack)


def _pop_knot(key: str, stack: list[str], on_stack: set[str]) -> list[str]:
    knot = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        knot.append(member)
        if member == key:
            return knot
