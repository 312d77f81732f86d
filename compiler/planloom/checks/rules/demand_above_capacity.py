"""PL323 demand-above-capacity: a step takes more of a resource than there is.

What: The units that a step takes are at most the resource's capacity.

Why: The step would wait for ever.

Fails:
    resources: {slot: {capacity: 2}}
    steps:
      - key: deploy
        resources: {slot: 3}

Passes:
    resources: {slot: {capacity: 3}}
    steps:
      - key: deploy
        resources: {slot: 3}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, demand_span, name_of
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL323", "demand-above-capacity")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each demand above its resource's capacity."""
    for plan in facts.plans:
        capacity = {resource.name: resource.capacity for resource in plan.resources}
        for step in facts.stating(plan, "resources"):
            for index, (name, units) in enumerate(step.resources.items()):
                if units > capacity.get(name, units):
                    label = Label(plan.node.map_at("resources").key_span(name), f"there are {capacity[name]}")
                    message = f"step '{name_of(step)}' takes {units} of '{name}'"
                    yield FINDER.at(
                        demand_span(step, name, index), message, labels=[label], help="take less, or raise the capacity"
                    )


RULE = FINDER.rule(__doc__, check)
