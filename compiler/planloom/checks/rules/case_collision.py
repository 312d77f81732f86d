"""PL330 case-collision: two names are one for GitHub.

What: The secrets of a plan, the matrix keys of a step, and the variables and inputs of a GitHub step differ in more than upper
and lower case.

Why: GitHub takes such names for one and refuses the whole workflow file, or one value takes the place of the other.

Fails:
    steps:
      - key: test
        run: make test
        secrets: [TOKEN]
      - key: publish
        run: make publish
        secrets: [Token]

Passes:
    steps:
      - key: test
        run: make test
        secrets: [TOKEN]
      - key: publish
        run: make publish
        secrets: [TOKEN]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.model.plan import Plan, Step

FINDER = error("PL330", "case-collision")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each name that an earlier one of its kind has in another spelling."""
    for plan in facts.plans:
        yield from _compare("secret", _secrets(facts.stating(plan, "secrets")))
        for step in facts.stating(plan, "matrix"):
            node = step.node.map_at("matrix")
            yield from _compare("matrix key", ((key, node.key_span(key)) for key in step.matrix))
        for step in facts.stating(plan, "steps"):
            yield from _native(plan, step)


def _secrets(steps: Iterable[Step]) -> Iterator[tuple[str, Span]]:
    for step in steps:
        node = step.node.list_at("secrets")
        yield from ((name, node.item_span(index)) for index, name in enumerate(step.secrets))


def _native(plan: Plan, step: Step) -> Iterator[Diagnostic]:
    """Variables of a step, and of the plan's defaults, become variables of each of its GitHub steps."""
    around = (plan.node.map_at("defaults").map_at("env"), step.node.map_at("env"))
    for native in native_nodes(step):
        inside, inputs = native.map_at("env"), native.map_at("with")
        names = [(str(name), node.key_span(name)) for node in (*around, inside) for name in node]
        yield from _compare("variable", names)
        yield from _compare("input", ((str(name), inputs.key_span(name)) for name in inputs))


def _compare(what: str, names: Iterable[tuple[str, Span]]) -> Iterator[Diagnostic]:
    seen: dict[str, tuple[str, Span]] = {}
    for name, span in names:
        first, place = seen.setdefault(name.upper(), (name, span))
        if first != name:
            label = Label(place, "first named here")
            yield FINDER.at(
                span, f"{what} '{name}' is '{first}' in another spelling", labels=[label], help=f"write '{first}', or rename one"
            )


RULE = FINDER.rule(__doc__, check)
