"""PL407 parallel-outputs: two steps that may run at once write the same output.

What: Steps of which neither waits for the other have different output patterns.

Why: Whoever needs both gets one of the two files, and which one is chance.

Fails:
    steps:
      - key: a
        run: make a
        outputs: [dist/x]
      - key: b
        run: make b
        outputs: [dist/x]
      - key: c
        run: make c
        needs: [a, b]

Passes:
    steps:
      - key: a
        run: make a
        outputs: [dist/a]
      - key: b
        run: make b
        outputs: [dist/b]
      - key: c
        run: make c
        needs: [a, b]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, has_shared_outputs, name_of
from planloom.checks.rule import error
from planloom.core.diagnostics import Label
from planloom.graph.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL407", "parallel-outputs")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step with an output pattern of an earlier step that it need not wait for, where a third step needs both."""
    for plan, graph in facts.ordered():
        if not has_shared_outputs(plan):
            continue
        steps = {step.key: step for step in plan.steps}
        reach = Reach(graph)
        reported: set[tuple[str, str]] = set()
        for consumer in plan.steps:
            writers: dict[str, str] = {}
            for need in sorted(graph.needs[consumer.key], key=graph.position.__getitem__):
                for index, pattern in enumerate(steps[need].outputs):
                    first = writers.setdefault(pattern, need)
                    pair = (name_of(steps[first]), name_of(steps[need]))
                    if first != need and pair not in reported and reach.is_before(first, need) is False:
                        reported.add(pair)
                        span = steps[need].node.list_at("outputs").item_span(index)
                        message = f"steps '{first}' and '{need}' may run at once and both write '{pattern[:80]}'"
                        label = Label(steps[first].node.key_span("outputs"), f"written by '{first}'")
                        help_text = f"'{consumer.key}' needs both: give each a file of its own"
                        yield FINDER.at(span, message, labels=[label], help=help_text)


RULE = FINDER.rule(__doc__, check)
