"""PL314 reserved-matrix-key: free matrix metadata takes a key that planloom sets.

What: `matrix` adds keys to the step's matrix entry; workItemId, stepKey, order, parallelizable, attempt, runsOn,
environment, source, timeoutMinutes and jobTimeoutMinutes are taken.

Why: The job would run another step, or elsewhere, than the schedule says.

Fails:
    steps:
      - key: build
        matrix: {runsOn: big}

Passes:
    steps:
      - key: build
        matrix: {size: big}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.records.matrix import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL314", "reserved-matrix-key")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each key of a step's matrix metadata that an entry has already, in any case."""
    taken = {name.lower(): name for name in RESERVED}
    for plan in facts.plans:
        for step in facts.stating(plan, "matrix"):
            for key in step.matrix:
                if key.lower() in taken:
                    span = step.node.map_at("matrix").key_span(key)
                    yield FINDER.at(span, f"matrix key '{key}' is taken", help="give it another name")


RULE = FINDER.rule(__doc__, check)
