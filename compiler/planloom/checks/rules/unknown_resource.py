"""PL322 unknown-resource: a step takes a resource that its plan does not declare.

What: What a step takes stands under `resources` of the plan, with its capacity.

Why: Without a capacity nobody knows when it is free.

Fails:
    resources: {staging: {capacity: 1}}
    steps:
      - key: deploy
        resources: [stagign]

Passes:
    resources: {staging: {capacity: 1}}
    steps:
      - key: deploy
        resources: [staging]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, demand_span
from planloom.checks.rule import error
from planloom.syntax.suggest import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL322", "unknown-resource")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each unknown resource."""
    for plan in facts.plans:
        known = facts.written[plan.path].resources
        for step in facts.stating(plan, "resources"):
            for index, name in enumerate(step.resources):
                if name not in known:
                    help_text = advise(name, known) or f"add it to the plan: resources: {{{name}: {{capacity: 1}}}}"
                    yield FINDER.at(demand_span(step, name, index), f"resource '{name}' is not declared", help=help_text)


RULE = FINDER.rule(__doc__, check)
