"""PL409 unreachable-step: a step can never start.

What: A step that takes more of a resource than there is, or needs such a step, never becomes ready.

Why: It would stay blocked, and with it the work item.

Fails:
    resources: {slot: {capacity: 1}}
    steps:
      - key: a
        resources: {slot: 2}
      - key: b
        needs: [a]

Passes:
    resources: {slot: {capacity: 1}}
    steps:
      - key: a
        resources: {slot: 1}
      - key: b
        needs: [a]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL409", "unreachable-step")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step that waits, directly or not, for one whose demand can't be met or whose gate nobody can open."""
    policy = facts.policy()
    for plan, graph in facts.ordered():
        capacity = {resource.name: resource.capacity for resource in plan.resources}
        steps = {step.key: step for step in plan.steps}
        stuck = {
            step.key: step.key
            for step in plan.steps
            if (step.resources and any(units > capacity.get(name, units) for name, units in step.resources.items()))
            or (policy is not None and step.gate is not None and len(policy.holders(step.gate.role)) < step.gate.approvals)
        }
        if not stuck:
            continue
        for key in graph.order:
            cause = next((stuck[before] for before in graph.predecessors(key) if before in stuck), None)
            if cause is not None and key not in stuck:
                stuck[key] = cause
                label = Label(steps[cause].node.value_span("key"), f"'{cause}' can't start")
                message = f"step '{key}' can never start: it waits for '{cause}'"
                yield FINDER.at(steps[key].node.value_span("key"), message, labels=[label], help=f"repair '{cause}'")


RULE = FINDER.rule(__doc__, check)
