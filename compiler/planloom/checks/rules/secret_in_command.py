"""PL603 secret-in-command: a secret is written into a command.

What: In the `run` of a GitHub step, `${{ secrets.X }}` puts the secret's text into the script.

Why: The script lies on the runner's disk, and a quote in the secret ends the string around it. Through `env` neither
happens.

Fails:
    steps:
      - key: build
        steps:
          - run: login ${{ secrets.TOKEN }}

Passes:
    steps:
      - key: build
        steps:
          - run: login "$TOKEN"
            env: {TOKEN: "${{ secrets.TOKEN }}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, find_expressions, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL603", "secret-in-command")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each secret in the run of a GitHub step."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                run = native.get("run")
                if isinstance(run, str):
                    for expression in find_expressions(run):
                        if expression.startswith("secrets."):
                            message = f"'{expression[:80]}' is written into the command"
                            yield FINDER.at(
                                native.value_span("run"), message, help="put it in env, and read the variable in quotes"
                            )


RULE = FINDER.rule(__doc__, check)
