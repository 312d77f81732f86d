"""PL406 order-against-needs: a step has a lower order than a step that it needs.

What: `order` says which of two ready steps starts first. It can't make a step start before what it needs.

Why: A reader of the orders believes in a sequence that never happens.

Fails:
    steps:
      - key: build
        order: 20
      - key: test
        order: 10
        needs: [build]

Passes:
    steps:
      - key: build
        order: 10
      - key: test
        order: 20
        needs: [build]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL406", "order-against-needs")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step whose order is written and below that of a need whose order is written."""
    for plan in facts.plans:
        steps = {step.key: step for step in plan.steps}
        for step in facts.stating(plan, "order"):
            for need in step.needs:
                other = steps.get(need)
                if other is not None and "order" in other.node and other.order > step.order:
                    label = Label(other.node.value_span("order"), f"'{name_of(other)}' has {other.order}")
                    message = (
                        f"step '{name_of(step)}' has order {step.order} and needs '{name_of(other)}' with order {other.order}"
                    )
                    yield FINDER.at(step.node.value_span("order"), message, labels=[label], help="give it a higher order")
                    break


RULE = FINDER.rule(__doc__, check)
