"""PL506 self-approval: only the executor's own key could approve.

What: Who approves a step must have another key than who carried it out, unless the trust policy allows self-approval.

Why: Where every key with the gate's role is also the only executor's, each approval would be refused.

Fails:
    steps:
      - key: publish
        run: make publish
        gate: {}
    --- specs/trust/policy.json
    me: approver executor integrator log operator root

Passes:
    steps:
      - key: publish
        run: make publish
        gate: {}
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL506", "self-approval")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each gate for which approvers and executors are one and the same key."""
    policy = facts.policy()
    if policy is None or policy.allow_self_approval:
        return
    executors = {key.name for role in policy.events.get("claimed", ()) for key in policy.holders(role)}
    for plan in facts.plans:
        for step in facts.stating(plan, "gate"):
            if step.gate is None:
                continue
            approvers = {key.name for key in policy.holders(step.gate.role)}
            if len(executors) == 1 and approvers == executors:
                message = f"only '{min(approvers)}' may approve step '{name_of(step)}', and only it may carry steps out"
                yield FINDER.at(
                    step.node.key_span("gate"), message, help="planloom keys new NAME gives the other role a key of its own"
                )


RULE = FINDER.rule(__doc__, check)
