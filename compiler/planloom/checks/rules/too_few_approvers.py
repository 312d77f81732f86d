"""PL502 too-few-approvers: a gate wants more approvals than there are keys.

What: `approvals` counts different keys with the role; the trust policy has at least so many.

Why: The step would wait for an approval that nobody can sign.

Fails:
    steps:
      - key: publish
        run: make publish
        gate: {approvals: 2}
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log

Passes:
    steps:
      - key: publish
        run: make publish
        gate: {approvals: 2}
    --- specs/trust/policy.json
    you: approver integrator operator root
    friend: approver
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL502", "too-few-approvers")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each gate that wants more approvals than keys with its role; none at all is another rule."""
    policy = facts.policy()
    if policy is None:
        return
    for plan in facts.plans:
        for step in facts.stating(plan, "gate"):
            if step.gate is None:
                continue
            wanted = max(step.gate.approvals, policy.thresholds.get(step.gate.role, 0))
            there = len(policy.holders(step.gate.role))
            if 0 < there < wanted:
                message = f"step '{name_of(step)}' wants {wanted} approvals, and {there} key{'s have' if there > 1 else ' has'} the role"
                help_text = f"planloom keys trust NAME FILE --role {step.gate.role}"
                yield FINDER.at(step.node.key_span("gate"), message, help=help_text)


RULE = FINDER.rule(__doc__, check)
