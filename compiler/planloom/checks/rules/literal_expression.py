"""PL602 literal-expression: an expression stands where nothing replaces it.

What: `run`, `env`, `outputs`, `container` and `working-directory` of a step go to planloom, not to GitHub: `${{ … }}`
in them stays as it is. Parameters are PARAM_… variables, secrets come with `secrets`; native `steps` may hold
expressions.

Why: The command would get the characters themselves, and usually fail only on the runner.

Fails:
    steps:
      - key: build
        run: make VERSION="${{ github.sha }}"

Passes:
    steps:
      - key: build
        run: make VERSION="$GITHUB_SHA"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, written_steps
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span


FINDER = error("PL602", "literal-expression", is_strict=True)

TEXTS: Final = ("run", "container", "working-directory", "environment")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each text of a step that holds an expression."""
    for plan in facts.plans:
        for step in written_steps(plan):
            node = step.node
            for key in TEXTS:
                if "${{" in str(node.get(key, "")):
                    yield _report(node.value_span(key), key)
            env = node.map_at("env")
            for name, value in env.items():
                if "${{" in str(value):
                    yield _report(env.value_span(name), f"env {name}")
            for index, pattern in enumerate(step.outputs):
                if "${{" in pattern:
                    yield _report(node.list_at("outputs").item_span(index), "an output")


def _report(span: Span, where: str) -> Diagnostic:
    return FINDER.at(
        span, f"an expression in {where} is not replaced", help="read a variable: PARAM_…, EACH_…, GITHUB_SHA, a secret by name"
    )


RULE = FINDER.rule(__doc__, check)
