"""PL328 repeated-output: a step names an output twice.

What: Each output pattern stands once in a step.

Why: The second one says nothing; often another file was meant.

Fails:
    steps:
      - key: build
        run: make
        outputs: [dist/a, dist/a]

Passes:
    steps:
      - key: build
        run: make
        outputs: [dist/a, dist/b]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL328", "repeated-output")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each output pattern that the step has already."""
    for plan in facts.plans:
        for step in facts.stating(plan, "outputs"):
            if len(set(step.outputs)) == len(step.outputs):
                continue
            outputs = step.node.list_at("outputs")
            seen: dict[str, int] = {}
            for index, pattern in enumerate(step.outputs):
                first = seen.setdefault(pattern, index)
                if first != index:
                    label = Label(outputs.item_span(first), "first named here")
                    yield FINDER.at(outputs.item_span(index), f"output '{pattern[:80]}' is here a second time", labels=[label])


RULE = FINDER.rule(__doc__, check)
