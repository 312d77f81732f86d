"""PL316 idle-setting: a step that somebody does by hand has settings for a command.

What: A step with neither `run` nor `steps` is manual. env, secrets, shell, container, permissions, matrix, runs-on,
attempts, timeout-minutes and working-directory mean nothing for it.

Why: Most often the command was forgotten.

Fails:
    steps:
      - key: sign-off
        secrets: [TOKEN]

Passes:
    steps:
      - key: sign-off
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL316", "idle-setting")

IDLE: Final = (
    "env",
    "secrets",
    "shell",
    "container",
    "permissions",
    "matrix",
    "runs-on",
    "attempts",
    "timeout-minutes",
    "working-directory",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each idle setting of a manual step."""
    for plan in facts.plans:
        for step in written_steps(plan):
            if step.is_manual and "run" not in step.node:
                for key in IDLE:
                    if key in step.node:
                        message = f"'{key}' means nothing for step '{name_of(step)}', which has no command"
                        yield FINDER.at(step.node.key_span(key), message, help="add run, or leave it out")


RULE = FINDER.rule(__doc__, check)
