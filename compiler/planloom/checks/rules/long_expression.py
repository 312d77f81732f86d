"""PL705 long-expression: a GitHub step is one expression that is too long.

What: A `run` that holds any `${{ }}` counts as one expression as a whole, and an expression has at most 21,000
characters.

Why: The workflow never starts; linters do not see it.

Fails:
    steps:
      - key: build
        steps:
          - run: "FILL 21000 ${{ github.sha }}"

Passes:
    steps:
      - key: build
        steps:
          - run: echo ${{ github.sha }}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL705", "long-expression")

MAX_EXPRESSION: Final = 21_000
"""Source: actions/runner, ExpressionConstants.MaxLength."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each text of a GitHub step that holds an expression and is too long."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                for node in (native, native.map_at("env"), native.map_at("with")):
                    for key, value in node.items():
                        if isinstance(value, str) and len(value) > MAX_EXPRESSION and "${{" in value:
                            message = (
                                f"'{key}' holds an expression and has {len(value):,} characters; {MAX_EXPRESSION:,} are the most"
                            )
                            yield FINDER.at(
                                node.key_span(key), message, help="move the expression to env, or the command to a file"
                            )


RULE = FINDER.rule(__doc__, check)
