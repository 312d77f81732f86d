"""PL616 key-environment: a step runs in the environment that holds the signing key.

What: In isolated execution, no step's `environment` is the one that the project keeps for the signing key (`environment` in
specs/planloom.yaml, by default planloom).

Why: A job that names the environment can read its secrets: the command, or an action beside it, could sign anything
in the project's name. Isolated execution promises that it can't.

Fails:
    steps:
      - key: deploy
        run: make deploy
        environment: planloom

Passes:
    steps:
      - key: deploy
        run: make deploy
        environment: production
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL616", "key-environment", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step of an isolated plan whose environment is the key's. GitHub compares their names without case."""
    kept = facts.project.environment
    for plan in facts.plans:
        if plan.workflow.execution != "isolated":
            continue
        for step in facts.stating(plan, "environment"):
            if step.environment.lower() == kept.lower() and not step.is_manual:
                message = f"step '{name_of(step)}' runs in environment '{step.environment}', which holds the signing key"
                yield FINDER.at(step.node.value_span("environment"), message, help="give the step an environment of its own")


RULE = FINDER.rule(__doc__, check)
