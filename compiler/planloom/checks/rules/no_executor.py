"""PL505 no-executor: no key may carry out a step.

What: Some key of the trust policy has a role that may sign `claimed`, by default executor.

Why: No step could ever be claimed.

Fails:
    steps:
      - key: build
        run: make
    --- specs/trust/policy.json
    you: approver integrator operator root

Passes:
    steps:
      - key: build
        run: make
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL505", "no-executor")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield one error a project whose policy lets nobody claim."""
    policy = facts.policy()
    if policy is None or not facts.plans:
        return
    if not any(policy.holders(role) for role in policy.events.get("claimed", ())):
        span = facts.plans[0].node.value_span("id")
        yield FINDER.at(span, "no key of the trust policy may claim a step", help="planloom keys trust NAME FILE --role executor")


RULE = FINDER.rule(__doc__, check)
