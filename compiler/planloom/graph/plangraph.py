"""The plan's graph: in which order steps may start, and what waits for what.

Two kinds of edges: `needs` as written, and barriers. The linear extension is the topological sort by needs, ties broken by (order,
key). A step that is not parallelizable starts after everything before it in that order, and everything after it starts later.

Keys are ranked once by (order, key), so that the algorithms compare integers; each is linear in steps and edges, up to a logarithm.
networkx is the vocabulary to the outside (`to_networkx`) and the oracle of the tests; importing it takes longer than checking
a plan of a thousand steps, so nothing here needs it.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from planloom.graph.cycles import find_cycles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import networkx as nx

    from planloom.model.plan import Plan, Step


class PlanGraph(NamedTuple):
    """A plan without cycles, in order.

    Shape: `order` is the linear extension; `position` the 1-based place in it; `needs` the known steps that a step
    needs; `after` the barrier edges beside the needs, sorted by position; `level` the length of the longest chain of predecessors;
    `waves` the steps by level, each in linear order: what runs at once when every step takes equally long; `critical_path` a longest
    chain, the one that comes first in linear order.
    Guarantee: needs and after together are linear in the plan's size and imply every barrier.
    """

    order: tuple[str, ...]
    position: Mapping[str, int]
    needs: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    level: Mapping[str, int]
    waves: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]

    def predecessors(self, key: str) -> tuple[str, ...]:
        """Return every step that must have ended well before this one starts: needs, then barriers."""
        return (*self.needs[key], *self.after[key])

    def to_networkx(self) -> nx.DiGraph[str]:
        """Return the graph with edges from a step to those that wait for it, each with kind="need" or "barrier"."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.order)
        for key in self.order:
            graph.add_edges_from(((need, key) for need in self.needs[key]), kind="need")
            graph.add_edges_from(((before, key) for before in self.after[key]), kind="barrier")
        return graph


class Cycles(NamedTuple):
    """Why a plan has no order: each cycle as keys, every one needing the next and the last the first.

    Shape: a cycle begins with its step that stands first in the file; cycles are sorted by that; one for each knot of steps
    that all need each other.
    """

    paths: tuple[tuple[str, ...], ...]


def build_graph(plan: Plan) -> PlanGraph | Cycles:
    """Return the graph of a plan, or its cycles. Needs that no step has as its key are left out: another check reports them."""
    steps = plan.steps
    known = {step.key for step in steps}
    needs = {step.key: tuple(need for need in step.needs if need in known) for step in steps}
    order = _linear_extension(steps, needs)
    if len(order) < len(steps):
        return Cycles(find_cycles(needs))
    position = {key: place for place, key in enumerate(order, 1)}
    parallelizable = {step.key: step.parallelizable for step in steps}
    after = _barriers(order, position, parallelizable, needs)
    level, path = _levels(order, needs, after)
    waves: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for key in order:
        waves[level[key]].append(key)
    return PlanGraph(order, position, needs, after, level, tuple(map(tuple, waves)), path)


def _linear_extension(steps: Sequence[Step], needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the smallest topological order by (order, key); shorter than the plan when there is a cycle (Kahn, with a heap)."""
    ranked = sorted((step.order, step.key) for step in steps)
    keys = [key for _, key in ranked]
    rank = {key: place for place, key in enumerate(keys)}
    followers: list[list[int]] = [[] for _ in keys]
    waiting = [0] * len(keys)
    for key, needed in needs.items():
        place = rank[key]
        waiting[place] = len(needed)
        for need in needed:
            followers[rank[need]].append(place)
    ready = [place for place, count in enumerate(waiting) if count == 0]
    heapify(ready)
    result = []
    while ready:
        place = heappop(ready)
        result.append(keys[place])
        for follower in followers[place]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heappush(ready, follower)
    return tuple(result)


def _barriers(
    order: Sequence[str],
    position: Mapping[str, int],
    parallelizable: Mapping[str, bool],
    needs: Mapping[str, tuple[str, ...]],
) -> dict[str, tuple[str, ...]]:
    """Return the barrier edges that needs do not already say.

    A barrier waits for every step since and including the one before it; those wait for that one, so nothing earlier needs an
    edge. A parallelizable step waits for the last barrier, unless it needs a step that does: the barrier or a later one.
    """
    after: dict[str, tuple[str, ...]] = {}
    last = 0  # position of the last barrier
    for place, key in enumerate(order, 1):
        needed = needs[key]
        if not parallelizable[key]:
            since = order[max(last - 1, 0) : place - 1]
            needed_set = frozenset(needed)
            after[key] = tuple(before for before in since if before not in needed_set)
            last = place
        elif last and not any(position[need] >= last for need in needed):
            after[key] = (order[last - 1],)
        else:
            after[key] = ()
    return after


def _levels(
    order: Sequence[str], needs: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return each step's level and a longest chain; among equals the predecessor that comes first in linear order."""
    level: dict[str, int] = {}
    through: dict[str, str] = {}
    place = {key: index for index, key in enumerate(order)}
    for key in order:
        best, best_level = "", -1
        for before in (*needs[key], *after[key]):
            reached = level[before]
            if reached > best_level or (reached == best_level and place[before] < place[best]):
                best, best_level = before, reached
        level[key] = best_level + 1
        through[key] = best
    if not order:
        return level, ()
    end = max(order, key=lambda key: (level[key], -place[key]))
    path = [end]
    while through[path[-1]]:
        path.append(through[path[-1]])
    return level, tuple(reversed(path))
