"""PL617 hidden-secret: a secret has the name of a variable that the workflow sets itself.

What: `secrets` does not name ATTEMPT, JOB_STATUS, STEP_KEY or WORK_ITEM.

Why: Secrets reach a command as variables. The execute workflow sets these four in the same place, so the command
would get them instead of the secret.

Fails:
    steps:
      - key: deploy
        run: make deploy
        secrets: [ATTEMPT]

Passes:
    steps:
      - key: deploy
        run: make deploy
        secrets: [DEPLOY_ATTEMPT]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL617", "hidden-secret", is_strict=True)

VARIABLES: Final = frozenset({"ATTEMPT", "JOB_STATUS", "STEP_KEY", "WORK_ITEM"})
"""What `emit.execute` sets for `exec`; a test there holds the two together."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each secret that would be hidden."""
    for plan in facts.plans:
        for step in facts.stating(plan, "secrets"):
            secrets = step.node.list_at("secrets")
            for index, name in enumerate(step.secrets):
                if name.upper() in VARIABLES:
                    yield FINDER.at(
                        secrets.item_span(index), f"secret '{name}' has the name of a variable of the workflow", help="rename it"
                    )


RULE = FINDER.rule(__doc__, check)
