"""PL321 unused-resource: a resource is declared and no step takes it.

What: Each entry of `resources` is taken by some step of the plan.

Why: A guard that nothing asks for guards nothing.

Fails:
    resources: {staging: {capacity: 1}}
    steps:
      - key: build

Passes:
    resources: {staging: {capacity: 1}}
    steps:
      - key: build
        resources: [staging]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL321", "unused-resource")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each resource that no step of its plan takes."""
    for plan in facts.plans:
        taken = {name for step in plan.steps for name in step.resources}
        for resource in plan.resources:
            if resource.name not in taken:
                span = plan.node.map_at("resources").key_span(resource.name)
                yield FINDER.at(span, f"no step takes resource '{resource.name}'", help="add it to a step, or leave it out")


RULE = FINDER.rule(__doc__, check)
