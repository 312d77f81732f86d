"""PL704 long-environment: a step's variables are too long together.

What: All variables of a step have at most 1 MiB together.

Why: A process gets its arguments and variables in one area, which Linux bounds: the step could not start.

Fails:
    steps:
      - key: build
        run: make
        env:
          V0: FILL 120000
          V1: FILL 120000
          V2: FILL 120000
          V3: FILL 120000
          V4: FILL 120000
          V5: FILL 120000
          V6: FILL 120000
          V7: FILL 120000
          V8: FILL 120000

Passes:
    steps:
      - key: build
        run: make
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL704", "long-environment")

MAX_AREA: Final = 1024 * 1024
"""A third of the least that Linux gives with its default stack. Source: execve(2), "Limits on size of arguments"."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step whose variables are too many bytes."""
    for plan in facts.plans:
        for step in written_steps(plan):
            size = sum(map(len, step.env)) + sum(map(len, step.env.values()))
            if size > MAX_AREA:
                node = step.node if "env" in step.node else plan.node.map_at("defaults")
                message = f"the variables of step '{name_of(step)}' have {size:,} characters; {MAX_AREA:,} are the most"
                yield FINDER.at(node.key_span("env"), message, help="put them in a file")


RULE = FINDER.rule(__doc__, check)
