"""PL402 cycle: steps need each other in a circle.

What: following `needs` never leads back to where it began. One shortest path is printed for each knot of steps that all need
each other; it begins with the step that stands first in the file.

Why: none of these steps could ever start.

Fails:
    steps:
      - key: build
        needs: [test]
      - key: test
        needs: [build]

Passes:
    steps:
      - key: build
      - key: test
        needs: [build]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, need_span
from planloom.checks.rule import error
from planloom.core.diagnostics import Label
from planloom.graph.plangraph import Cycles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.model.plan import Plan, Step

FINDER = error("PL402", "cycle")

MAX_SHOWN = 12
"""Steps of a longer cycle are printed in part."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield one diagnostic a cycle of two steps and more; a step that needs itself is another rule."""
    for plan in facts.plans:
        graph = facts.graphs[plan.path]
        if isinstance(graph, Cycles):
            steps = {step.key: step for step in plan.steps}
            for path in graph.paths:
                if len(path) > 1:
                    yield _describe(plan, steps, path)


def _describe(plan: Plan, steps: dict[str, Step], path: tuple[str, ...]) -> Diagnostic:
    edges = list(zip(path, (*path[1:], path[0]), strict=True))
    labels = [Label(_span_of_need(plan, steps[key], need), f"'{key}' needs '{need}'") for key, need in edges[1:MAX_SHOWN]]
    shown = [*path[:MAX_SHOWN], "…"] if len(path) > MAX_SHOWN else list(path)
    first = edges[0]
    return FINDER.at(
        _span_of_need(plan, steps[first[0]], first[1]),
        f"needs go in a circle: {' → '.join((*shown, path[0]))}",
        labels=labels,
        help="take one of these needs away",
    )


def _span_of_need(plan: Plan, step: Step, need: str) -> Span:
    """Return where a step says that it needs another, or the group that holds it."""
    for index, name in enumerate(step.node.list_at("needs")):
        if name == need or need in plan.groups.get(str(name), ()):
            return need_span(step, index)
    return step.node.key_span("needs")


RULE = FINDER.rule(__doc__, check)
