"""PL332 bad-expression: an expression of a GitHub step can't be read.

What: `${{ … }}`, and a condition as a whole, follow GitHub's grammar, read contexts that a step has, and call functions that exist.

Why: GitHub refuses the whole workflow file, and with it every step of the plan.

Fails:
    steps:
      - key: build
        steps:
          - run: make
            env: {REF: "${{ github.ref"}

Passes:
    steps:
      - key: build
        steps:
          - run: make
            env: {REF: "${{ github.ref }}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.syntax.nodes import MapNode

FINDER = error("PL332", "bad-expression")

HELP: Final = "write it as GitHub reads it: https://docs.github.com/actions/reference/workflows-and-actions/expressions"

TEXTS: Final = ("name", "run", "if", "working-directory", "continue-on-error")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each text of a GitHub step with an expression that GitHub refuses."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                yield from _look(native, TEXTS, condition="if")
                for key in ("env", "with"):
                    inner = native.map_at(key)
                    yield from _look(inner, tuple(inner))


def _look(node: MapNode, keys: tuple[str, ...], condition: str = "") -> Iterator[Diagnostic]:
    from planloom.checks.expressions import find_problem  # a grammar that most plans don't need

    for key in keys:
        text = node.get(key)
        if isinstance(text, str) and ("${{" in text or key == condition):
            problem = find_problem(text, is_condition=key == condition)
            if problem:
                yield FINDER.at(node.value_span(key), f"the expression in '{key}' can't be read: {problem}", help=HELP)


RULE = FINDER.rule(__doc__, check)
