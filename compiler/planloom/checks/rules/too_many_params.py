"""PL702 too-many-params: a plan has more parameters than a form has fields.

What: Each parameter is an input of the orchestrator, which has at most 25; one is the work item.

Why: GitHub refuses the whole workflow file.

Fails:
    params:
      p0: {}
      p1: {}
      p2: {}
      p3: {}
      p4: {}
      p5: {}
      p6: {}
      p7: {}
      p8: {}
      p9: {}
      p10: {}
      p11: {}
      p12: {}
      p13: {}
      p14: {}
      p15: {}
      p16: {}
      p17: {}
      p18: {}
      p19: {}
      p20: {}
      p21: {}
      p22: {}
      p23: {}
      p24: {}
    steps:
      - key: build
        run: env

Passes:
    params:
      p0: {}
      p1: {}
      p2: {}
      p3: {}
      p4: {}
      p5: {}
      p6: {}
      p7: {}
      p8: {}
      p9: {}
      p10: {}
      p11: {}
      p12: {}
      p13: {}
      p14: {}
      p15: {}
      p16: {}
      p17: {}
      p18: {}
      p19: {}
      p20: {}
      p21: {}
      p22: {}
      p23: {}
    steps:
      - key: build
        run: env
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL702", "too-many-params")

MAX_INPUTS: Final = 25
"""Source: GitHub docs, "Events that trigger workflows", workflow_dispatch (since 2025-12-04)."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan with more parameters than inputs, at the first that is too many."""
    for plan in facts.plans:
        if len(plan.params) >= MAX_INPUTS:
            span = plan.node.map_at("params").key_span(plan.params[MAX_INPUTS - 1].name)
            message = f"the plan has {len(plan.params)} parameters; {MAX_INPUTS - 1} are the most"
            yield FINDER.at(span, message, help="put several in one, or read them from a file")


RULE = FINDER.rule(__doc__, check)
