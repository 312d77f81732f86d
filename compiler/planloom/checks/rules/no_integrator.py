"""PL507 no-integrator: nobody could take back a baseline step.

What: Where a step has `baseline: true`, some key of the trust policy may sign `reverted`, by default an integrator's.

Why: Its completion is final until a signed revert, which nobody could sign.

Fails:
    steps:
      - key: release
        run: make release
        baseline: true
    --- specs/trust/policy.json
    you: approver operator root
    ci: executor log

Passes:
    steps:
      - key: release
        run: make release
        baseline: true
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL507", "no-integrator")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield the first baseline step of each plan when nobody may revert."""
    policy = facts.policy()
    if policy is None or any(policy.holders(role) for role in policy.events.get("reverted", ())):
        return
    for plan in facts.plans:
        for step in facts.stating(plan, "baseline"):
            if step.baseline:
                message = f"step '{name_of(step)}' is a baseline, and no key may revert it"
                yield FINDER.at(step.node.key_span("baseline"), message, help="planloom keys trust NAME FILE --role integrator")
                break


RULE = FINDER.rule(__doc__, check)
