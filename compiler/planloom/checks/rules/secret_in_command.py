"""PL603 secret-in-command: a secret is written into a command.

What: In the `run` of a GitHub step, `${{ secrets.X }}` puts the secret's text into the script.

Why: The script lies on the runner's disk, and a quote in the secret ends the string around it. Through `env` neither
happens.

Fails:
    steps:
      - key: build
        secrets: [TOKEN]
        steps:
          - run: login ${{ secrets.TOKEN }}

Passes:
    steps:
      - key: build
        secrets: [TOKEN]
        steps:
          - run: login "$TOKEN"
            env: {TOKEN: "${{ secrets.TOKEN }}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, find_expressions, native_nodes, programs
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
                for text, span, help_text in programs(native):
                    for expression in find_expressions(text):
                        if expression.startswith("secrets."):
                            yield FINDER.at(span, f"'{expression[:80]}' is written into the command", help=help_text)


RULE = FINDER.rule(__doc__, check)
