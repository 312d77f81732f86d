"""PL709 long-form: the parameters' texts are too long for a form.

What: Titles, descriptions, defaults and choices of all parameters have at most 65,535 characters together.

Why: GitHub refuses a form with more.

Fails:
    params:
      a: {description: FILL 1000, enum: [FILL 1000], default: FILL 1000}
      b: {enum: [FILL 65536]}
    steps:
      - key: build
        run: echo $PARAM_A $PARAM_B

Passes:
    params:
      a: {description: Short}
    steps:
      - key: build
        run: echo $PARAM_A
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL709", "long-form")

MAX_FORM: Final = 65_535
"""Source: GitHub docs, "Events that trigger workflows", workflow_dispatch payload."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan whose parameters are too long together."""
    for plan in facts.plans:
        size = sum(len(param.name) + len(str(param.schema)) for param in plan.params)
        if size > MAX_FORM:
            message = f"the parameters have {size:,} characters; {MAX_FORM:,} are the most"
            yield FINDER.at(plan.node.key_span("params"), message, help="shorten descriptions and choices")


RULE = FINDER.rule(__doc__, check)
