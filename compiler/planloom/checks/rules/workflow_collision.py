"""PL318 workflow-collision: two plans would write the same workflow file.

What: The workflows of a plan are named by `workflow.prefix`, by default its id and a hyphen. Upper and lower case are
one on some disks.

Why: One plan would overwrite the other's workflows.

Fails:
    --- specs/demo.yaml
    workflow: {prefix: x-}
    steps:
      - key: build
    --- specs/other.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    workflow: {prefix: X-}
    steps:
      - key: test

Passes:
    --- specs/demo.yaml
    workflow: {prefix: x-}
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

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.model.plan import Plan

FINDER = error("PL318", "workflow-collision")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan whose prefix another has, but for case."""
    seen: dict[str, Plan] = {}
    for plan in facts.plans:
        first = seen.setdefault(plan.workflow.prefix.lower(), plan)
        if first is not plan and first.id != plan.id:
            message = f"plans '{first.id}' and '{plan.id}' both write {plan.workflow.prefix}orchestrator.yml"
            label = Label(_place(first), "the other plan")
            yield FINDER.at(_place(plan), message, labels=[label], help="give one of them another workflow.prefix")


def _place(plan: Plan) -> Span:
    workflow = plan.node.map_at("workflow")
    return workflow.value_span("prefix") if "prefix" in workflow else plan.node.value_span("id")


RULE = FINDER.rule(__doc__, check)
