"""PL706 many-secrets: a plan names more secrets than a repository has.

What: A plan names at most 100 secrets in all its steps.

Why: A repository, and an environment, holds at most 100.

Fails:
    steps:
      - key: build
        run: make
        secrets: [S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11, S12, S13, S14, S15, S16, S17, S18, S19, S20, S21, S22, S23, S24, S25, S26, S27, S28, S29, S30, S31, S32, S33, S34, S35, S36, S37, S38, S39, S40, S41, S42, S43, S44, S45, S46, S47, S48, S49, S50, S51, S52, S53, S54, S55, S56, S57, S58, S59, S60, S61, S62, S63, S64, S65, S66, S67, S68, S69, S70, S71, S72, S73, S74, S75, S76, S77, S78, S79, S80, S81, S82, S83, S84, S85, S86, S87, S88, S89, S90, S91, S92, S93, S94, S95, S96, S97, S98, S99, S100]

Passes:
    steps:
      - key: build
        run: make
        secrets: [S1, S2]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL706", "many-secrets")

MAX_SECRETS: Final = 100
"""Source: https://docs.github.com/actions/reference/security/secrets, "Limits for secrets"."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield the step with which a plan's secrets become too many."""
    for plan in facts.plans:
        names: set[str] = set()
        for step in facts.stating(plan, "secrets"):
            before = len(names)
            names.update(name.upper() for name in step.secrets)
            if before <= MAX_SECRETS < len(names):
                message = f"the plan names more than {MAX_SECRETS} secrets with this step"
                yield FINDER.at(step.node.key_span("secrets"), message, help="put several values in one secret")


RULE = FINDER.rule(__doc__, check)
