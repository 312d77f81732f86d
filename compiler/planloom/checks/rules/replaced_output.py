"""PL408 replaced-output: a step gets the same output from two steps.

What: Where a step needs two steps that hand on the same file, the later one's is restored over the earlier one's.

Why: The step sees only one of the two; usually it should need only the later step.

Fails:
    steps:
      - key: a
        run: make a
        outputs: [dist/x]
      - key: b
        run: make b
        needs: [a]
        outputs: [dist/x]
      - key: c
        run: make c
        needs: [a, b]

Passes:
    steps:
      - key: a
        run: make a
        outputs: [dist/x]
      - key: b
        run: make b
        needs: [a]
        outputs: [dist/x]
      - key: c
        run: make c
        needs: [b]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, has_shared_outputs, name_of, written_steps
from planloom.checks.rule import warning
from planloom.graph.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL408", "replaced-output")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each need whose output another need of the same step, which comes after it, writes again."""
    for plan, graph in facts.ordered():
        if not has_shared_outputs(plan):
            continue
        steps = {step.key: step for step in plan.steps}
        reach = Reach(graph)
        for step in written_steps(plan):
            writers: dict[str, str] = {}
            for need in sorted(graph.needs[step.key], key=graph.position.__getitem__):
                for pattern in steps[need].outputs:
                    first = writers.get(pattern)
                    writers[pattern] = need
                    if first is not None and first != need and reach.is_before(first, need):
                        message = f"step '{name_of(step)}' gets '{pattern[:80]}' from '{first}' and again from '{need}'"
                        yield FINDER.at(step.node.key_span("needs"), message, help=f"need only '{need}'")


RULE = FINDER.rule(__doc__, check)
