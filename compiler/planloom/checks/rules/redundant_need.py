"""PL405 redundant-need: a need follows from another one.

What: A step that needs `b`, which needs `a`, need not name `a` itself. The needed step's outputs are handed on only
to steps that name it: a need on a step with outputs is never redundant.

Why: Needs that say nothing hide those that do, and have to be kept in step with them.

Fails:
    steps:
      - key: a
      - key: b
        needs: [a]
      - key: c
        needs: [a, b]

Passes:
    steps:
      - key: a
      - key: b
        needs: [a]
      - key: c
        needs: [b]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, removal, written_steps
from planloom.checks.rule import warning
from planloom.graph.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL405", "redundant-need")

MAX_STEPS: Final = 20_000
"""Beyond, the search costs more than the advice is worth."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each need on a step without outputs that another need of the same step implies."""
    for plan, graph in facts.ordered():
        if len(plan.steps) > MAX_STEPS:
            continue
        reach = Reach(graph)
        silent = {step.key for step in plan.steps if not step.outputs}
        for step in written_steps(plan):
            if len(step.needs) < 2 or step.group or silent.isdisjoint(step.needs):
                continue
            implied = reach.find_implied(step.key)
            needs = step.node.list_at("needs")
            for index, need in enumerate(needs):
                via = implied.get(str(need))
                if via is not None and need in silent and need not in plan.groups:
                    message = f"step '{step.key}' needs '{need}' through '{via}' already"
                    yield FINDER.at(needs.item_span(index), message, help="leave it out", fix=removal(needs, index))


RULE = FINDER.rule(__doc__, check)
