"""Questions about paths: does one step wait for another, which needs follow from others.

Each looks only at steps whose level is above the goal's, since a predecessor always has a lower level; no closure is built. All
questions of one object share a number of visits, so that no plan makes them cost more than a bounded time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from planloom.graph.plangraph import PlanGraph

MAX_VISITS: Final = 1_000_000
"""Some seconds; a plan of ten thousand steps usually takes a tenth of it."""


class Reach:
    """Answers about one graph. When the visits are used up, every answer is "unknown"."""

    def __init__(self, graph: PlanGraph, visits: int = MAX_VISITS) -> None:
        self.graph = graph
        self.visits = visits
        self._known: dict[tuple[str, str], bool | None] = {}

    def is_before(self, first: str, second: str) -> bool | None:
        """Return whether the second step waits for the first, directly or not; None when that is not known."""
        pair = (first, second)
        if pair not in self._known:
            self._known[pair] = self._search(first, second)
        return self._known[pair]

    def _search(self, first: str, second: str) -> bool | None:
        graph = self.graph
        floor = graph.level[first]
        stack, seen = [second], {second}
        while stack:
            key = stack.pop()
            self.visits -= 1 + len(graph.needs[key]) + len(graph.after[key])
            if self.visits < 0:
                return None
            for before in graph.predecessors(key):
                if before == first:
                    return True
                if before not in seen and graph.level[before] > floor:
                    seen.add(before)
                    stack.append(before)
        return False

    def find_implied(self, key: str) -> dict[str, str]:
        """Return need → another need of the same step that implies it; empty when that is not known.

        A need with the highest level of all is implied by none; the search ends when all others are found.
        """
        graph, level = self.graph, self.graph.level
        needs = graph.needs[key]
        highest = max((level[need] for need in needs), default=0)
        wanted = {need for need in needs if level[need] < highest}
        floor = min((level[need] for need in wanted), default=0)
        implied: dict[str, str] = {}
        seen: set[str] = set()
        for via in sorted(needs, key=lambda need: (-level[need], graph.position[need])):
            stack = [via]
            while stack and len(implied) < len(wanted):
                current = stack.pop()
                self.visits -= 1 + len(graph.needs[current])
                if self.visits < 0:
                    return {}
                for before in graph.needs[current]:
                    if before in wanted:
                        implied.setdefault(before, via)
                    if before not in seen and level[before] > floor:
                        seen.add(before)
                        stack.append(before)
        return implied
