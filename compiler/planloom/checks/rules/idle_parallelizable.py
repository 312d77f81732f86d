"""PL410 idle-parallelizable: a step is parallelizable and nothing can run beside it.

What: `parallelizable: true` lets a step run beside others. Between two steps that run alone there must be at least
two that don't.

Why: The word promises a speed that the plan does not have.

Fails:
    steps:
      - key: a
        parallelizable: false
      - key: b
        parallelizable: true
      - key: c
        parallelizable: false

Passes:
    steps:
      - key: a
        parallelizable: false
      - key: b
        parallelizable: true
      - key: b2
        parallelizable: true
      - key: c
        parallelizable: false
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL410", "idle-parallelizable")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step that says it is parallelizable and stands by itself between two barriers (or a barrier and an end)."""
    for plan, graph in facts.ordered():
        steps = {step.key: step for step in plan.steps}
        order = graph.order
        if len(order) < 2:
            continue
        for index, key in enumerate(order):
            step = steps[key]
            if step.node.get("parallelizable") is not True or not step.parallelizable:
                continue
            beside = [steps[order[place]] for place in (index - 1, index + 1) if 0 <= place < len(order)]
            if all(not other.parallelizable for other in beside):
                help_text = "make a neighbour parallelizable too, or leave it out"
                yield FINDER.at(step.node.key_span("parallelizable"), f"nothing can run beside step '{key}'", help=help_text)


RULE = FINDER.rule(__doc__, check)
