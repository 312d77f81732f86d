"""PL503 unreadable-policy: the trust policy can't be read, or its root did not sign it.

What: `specs/trust/policy.json` is what `planloom keys` writes, in exactly its layout, signed by its root keys. So it is an
error, too, when the file is gone or no file while `specs/trust/` holds something.

Why: Without it nothing that is signed could be trusted, and no gate be opened.

Fails:
    steps:
      - key: build
    --- specs/trust/policy.json
    {}

Passes:
    steps:
      - key: build
    --- specs/trust/policy.json
    you: approver integrator operator root
    ci: executor log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.core.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL503", "unreadable-policy")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield the reason why there is a policy and it can't be read."""
    reason = facts.policy_problem()
    if reason:
        span = Span("specs/trust/policy.json", 1, 1, 1, 1)
        yield FINDER.at(
            span, f"the trust policy does not hold: {reason}", help="planloom keys list; take the last good version from git"
        )


RULE = FINDER.rule(__doc__, check)
