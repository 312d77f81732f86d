"""PL707 big-matrix-entry: a step's matrix metadata is too big.

What: The matrix entry of a step has at most 1,800 characters.

Why: A wave of 256 steps is handed over as one output of a job, which holds 1 MB, two bytes a character.

Fails:
    steps:
      - key: build
        run: make
        matrix: {note: FILL 1800}

Passes:
    steps:
      - key: build
        run: make
        matrix: {note: short}
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.model.plan import RunsOn


FINDER = error("PL707", "big-matrix-entry")

MAX_ENTRY: Final = 1800
"""1 MB in UTF-16, by 256, less the fixed keys. Source: GitHub docs, "Passing information between jobs", output limits."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step whose free metadata, runner and environment are too long for an entry."""
    for plan in facts.plans:
        for step in written_steps(plan):
            size = len(step.environment) + 4 + _size_of_runner(step.runs_on)
            size += sum(len(key) + len(str(value)) + 6 for key, value in step.matrix.items()) if step.matrix else 0
            if size > MAX_ENTRY:
                key = "matrix" if "matrix" in step.node else "runs-on"
                message = f"the matrix entry of step '{name_of(step)}' has {size:,} characters; {MAX_ENTRY:,} are the most"
                yield FINDER.at(step.node.key_span(key), message, help="keep long text in a file")


@lru_cache(maxsize=256)
def _size_of_runner(runs_on: RunsOn) -> int:
    return sum(len(text) + 4 for text in (*runs_on.labels, runs_on.group))


RULE = FINDER.rule(__doc__, check)
