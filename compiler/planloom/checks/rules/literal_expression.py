"""PL602 literal-expression: an expression stands where nothing replaces it.

What: `run`, `env`, `runs-on`, `outputs`, `container` and `working-directory` of a step, and `defaults`, go to planloom, not to GitHub: `${{ … }}`
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

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, find_expressions, written_steps
from planloom.checks.rule import error
from planloom.core.names import each_variable, param_variable
from planloom.syntax.nodes import to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.syntax.nodes import MapNode


FINDER = error("PL602", "literal-expression", is_strict=True)

# Compiled when an expression was found, which is seldom.
_NAMED: Final = r"secrets\.([A-Za-z_][A-Za-z0-9_]*)"
_PARAM: Final = r"(?:inputs|params|github\.event\.inputs)\.([A-Za-z][A-Za-z0-9_-]*)"
_AXIS: Final = r"matrix\.([A-Za-z][A-Za-z0-9_-]*)"
_VARIABLE: Final = r"env\.([A-Za-z_][A-Za-z0-9_]*)"
_GITHUB: Final = r"github\.(sha|ref|ref_name|repository|actor|run_id|run_number|run_attempt|workspace|event_name)"

TEXTS: Final = ("run", "container", "working-directory", "environment")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each text of a step that holds an expression."""
    for plan in facts.plans:
        defaults = plan.node.map_at("defaults")
        yield from _variables(defaults)
        yield from _runner(defaults)
        for step in written_steps(plan):
            if "${{" in step.run + step.container + step.working_directory + step.environment:
                for key in TEXTS:
                    if "${{" in (text := str(step.node.get(key, ""))):
                        yield _report(step.node.value_span(key), key, text)
        for step in facts.stating(plan, "env"):
            yield from _variables(step.node)
        for step in facts.stating(plan, "runs-on"):
            yield from _runner(step.node)
        for step in facts.stating(plan, "outputs"):
            for index, pattern in enumerate(step.outputs):
                if "${{" in pattern:
                    yield _report(step.node.list_at("outputs").item_span(index), "an output", pattern)


def _variables(node: MapNode) -> Iterator[Diagnostic]:
    env = node.map_at("env")
    for name, value in env.items():
        if "${{" in str(value):
            yield _report(env.value_span(name), f"env {name}", str(value))


def _runner(node: MapNode) -> Iterator[Diagnostic]:
    if "runs-on" in node and "${{" in (text := str(to_plain(node["runs-on"]))):
        yield _report(node.value_span("runs-on"), "runs-on", text)


def _report(span: Span, where: str, text: str) -> Diagnostic:
    said = next((advice for expression in find_expressions(text) if (advice := _advise(expression))), "")
    help_text = said or "read a variable: PARAM_…, EACH_…, GITHUB_SHA, a secret by name"
    return FINDER.at(span, f"an expression in {where} is not replaced", help=help_text)


def _advise(expression: str) -> str:
    """Return what to write in the place of an expression of GitHub's, or the empty string when nothing stands for it."""
    if match := re.fullmatch(_NAMED, expression):
        return f"write `secrets: [{match[1]}]`, and read ${match[1]} in the command"
    if match := re.fullmatch(_PARAM, expression):
        return f"read ${param_variable(match[1].lower().replace('_', '-'))}, of a parameter in `params`"
    if match := re.fullmatch(_AXIS, expression):
        return f"read ${each_variable(match[1].lower().replace('_', '-'))}, of an axis of `foreach`"
    if match := re.fullmatch(_VARIABLE, expression):
        return f"read ${match[1]}"
    return f"read $GITHUB_{match[1].upper()}" if (match := re.fullmatch(_GITHUB, expression)) else ""


RULE = FINDER.rule(__doc__, check)
