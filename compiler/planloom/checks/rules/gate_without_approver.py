"""PL501 gate-without-approver: a gate waits for a role that no key has.

What: A gate's role is held by at least one key of `specs/trust/policy.json` that is not revoked. Where trust was never
set up (there is no `specs/trust/`) this is a warning: plans may be written first.

Why: The step would wait for an approval that nobody can sign. It never runs without one: claims and approvals are refused
as long as there is no policy, and a policy that is there and can't be read is an error (PL503).

Fails:
    steps:
      - key: publish
        run: make publish
        gate: {role: aprover}
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log

Passes:
    steps:
      - key: publish
        run: make publish
        gate: {role: approver}
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import error
from planloom.core.diagnostics import Severity
from planloom.syntax.suggest import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL501", "gate-without-approver")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each gate whose role nobody has; one warning a plan when there is no policy at all."""
    policy = facts.policy()
    for plan in facts.plans:
        for step in facts.stating(plan, "gate"):
            if step.gate is None:
                continue
            if policy is None:
                if facts.policy_file is None and not facts.distrust:
                    message = f"step '{name_of(step)}' waits for approvals, and there is no specs/trust/policy.json"
                    help_text = "planloom init and planloom keys make keys and a policy"
                    yield FINDER.at(step.node.key_span("gate"), message, help=help_text, severity=Severity.WARNING)
                break
            if not policy.holders(step.gate.role):
                roles = sorted({role for key in policy.keys if key.revoked is None for role in key.roles})
                gate = step.node.map_at("gate")
                span = gate.value_span("role") if "role" in gate else step.node.key_span("gate")
                help_text = advise(step.gate.role, roles) or f"planloom keys trust NAME FILE --role {step.gate.role}"
                yield FINDER.at(span, f"no key has the role '{step.gate.role}'", help=help_text)


RULE = FINDER.rule(__doc__, check)
