"""Questions about paths: does one step wait for another, which needs follow from others.

Each looks only at steps whose level is above the goal's, since a predecessor always has a lower level; no closure is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planloom.graph.plangraph import PlanGraph


def find_implied(key: str, graph: PlanGraph) -> dict[str, str]:
    """Return need → the other need that implies it.

    Guarantee: looks only at steps whose level is not below the lowest need's, since a predecessor always has a lower level.
    """
    needs = graph.needs[key]
    if not needs:
        return {}
    wanted = set(needs)
    floor = min(graph.level[need] for need in needs)
    if all(graph.level[need] == floor for need in needs):
        return {}
    implied: dict[str, str] = {}
    seen: set[str] = set()
    for via in sorted(needs, key=lambda need: (-graph.level[need], graph.position[need])):
        stack = [via]
        while stack:
            for before in graph.needs[stack.pop()]:
                if before in wanted:
                    implied.setdefault(before, via)
                if before not in seen and graph.level[before] > floor:
                    seen.add(before)
                    stack.append(before)
    return implied


def is_before(first: str, second: str, graph: PlanGraph) -> bool:
    """Return whether the second step waits for the first, directly or not."""
    floor = graph.level[first]
    stack, seen = [second], {second}
    while stack:
        for before in graph.predecessors(stack.pop()):
            if before == first:
                return True
            if before not in seen and graph.level[before] > floor:
                seen.add(before)
                stack.append(before)
    return False
