"""PL310 duplicate-plan: two files are the same plan.

What: The id of a plan is unique in `specs/`.

Why: Compiled files, work items and records are found by it.

Fails:
    --- specs/demo.yaml
    steps:
      - key: build
    --- specs/other.yaml
    steps:
      - key: test

Passes:
    --- specs/demo.yaml
    steps:
      - key: build
    --- specs/other.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    steps:
      - key: test
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.model.plan import Plan

FINDER = error("PL310", "duplicate-plan")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan whose id an earlier file has."""
    seen: dict[str, Plan] = {}
    for plan in facts.plans:
        first = seen.setdefault(plan.id, plan)
        if first is not plan and plan.id:
            label = Label(first.node.value_span("id"), "first defined here")
            yield FINDER.at(
                plan.node.value_span("id"), f"plan '{plan.id}' is here a second time", labels=[label], help="rename one"
            )


RULE = FINDER.rule(__doc__, check)
