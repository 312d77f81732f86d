"""PL404 repeated-need: a step names a need twice.

What: Each entry of `needs` stands once. `validate --fix` takes the second one away.

Why: The second one says nothing; often another step was meant.

Fails:
    steps:
      - key: build
      - key: test
        needs: [build, build]

Passes:
    steps:
      - key: build
      - key: test
        needs: [build]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of, removal
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL404", "repeated-need")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each need that the step has already, by itself."""
    for plan in facts.plans:
        for step in facts.stating(plan, "needs"):
            needs = step.node.list_at("needs")
            if len(needs) == len({*needs}):
                continue
            seen: dict[str, int] = {}
            for index, need in enumerate(needs):
                first = seen.setdefault(str(need), index)
                if first != index:
                    label = Label(needs.item_span(first), "first named here")
                    message = f"step '{name_of(step)}' names '{need}' twice"
                    fix = removal(needs, index)
                    yield FINDER.at(needs.item_span(index), message, labels=[label], help="leave the second one out", fix=fix)


RULE = FINDER.rule(__doc__, check)
