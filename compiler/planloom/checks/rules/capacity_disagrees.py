"""PL324 capacity-disagrees: two plans declare a resource with different capacities.

What: Resources are shared by all work items of the repository, so each plan that names one states the same capacity.

Why: One plan would let in what the other keeps out.

Fails:
    --- specs/demo.yaml
    resources: {slot: {capacity: 1}}
    steps:
      - key: build
        resources: [slot]
    --- specs/other.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    resources: {slot: {capacity: 2}}
    steps:
      - key: test
        resources: [slot]

Passes:
    --- specs/demo.yaml
    resources: {slot: {capacity: 2}}
    steps:
      - key: build
        resources: [slot]
    --- specs/other.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    resources: {slot: {capacity: 2}}
    steps:
      - key: test
        resources: [slot]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span


FINDER = error("PL324", "capacity-disagrees")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each resource whose capacity an earlier plan states differently."""
    seen: dict[str, tuple[int, Span]] = {}
    for plan in facts.plans:
        for resource in plan.resources:
            span = plan.node.map_at("resources").key_span(resource.name)
            capacity, place = seen.setdefault(resource.name, (resource.capacity, span))
            if capacity != resource.capacity:
                message = f"resource '{resource.name}' has capacity {resource.capacity} here and {capacity} in {place.path}"
                yield FINDER.at(span, message, labels=[Label(place, "stated here")], help="state the same capacity")


RULE = FINDER.rule(__doc__, check)
