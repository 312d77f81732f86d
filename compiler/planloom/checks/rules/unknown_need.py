"""PL401 unknown-need: a step needs a step that the plan does not define.

What: every entry of `needs` is the key of a step, or of a `foreach` group, of the same plan.

Why: a need that nothing satisfies would leave the step waiting for ever.

Fails:
    steps:
      - key: build
      - key: test
        needs: [biuld]

Passes:
    steps:
      - key: build
      - key: test
        needs: [build]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, need_span
from planloom.checks.rule import error
from planloom.core.diagnostics import Edit
from planloom.syntax.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic

FINDER = error("PL401", "unknown-need")

MAX_SUGGESTIONS = 20
"""Looking for the nearest of many keys takes time, and after so many the mistake is a general one."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each need that is neither a step nor a group, also not one whose shape is wrong."""
    for plan in facts.plans:
        known = {step.key for step in plan.steps} | plan.groups.keys() | facts.written[plan.path].steps
        suggested = 0
        for step in facts.stating(plan, "needs"):
            if known.issuperset(step.needs):
                continue
            for index, need in enumerate(step.node.list_at("needs")):
                if not isinstance(need, str) or need in known:
                    continue
                guess = nearest(need, known - {step.key}) if suggested < MAX_SUGGESTIONS else ""
                suggested += 1
                span = need_span(step, index)
                key = step.group or step.key
                yield FINDER.at(
                    span,
                    f"step '{key}' needs '{need}', which no step defines",
                    help=f"did you mean '{guess}'?" if guess else "name a step of this plan",
                    fix=[Edit(span, guess)] if guess else (),
                )


RULE = FINDER.rule(__doc__, check)
