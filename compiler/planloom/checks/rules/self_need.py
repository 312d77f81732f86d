"""PL403 self-need: a step needs itself.

What: A step's `needs` are other steps.

Why: It could never start.

Fails:
    steps:
      - key: build
        needs: [build]

Passes:
    steps:
      - key: build
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of, need_span
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL403", "self-need")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step that names itself, or its own group, under needs."""
    for plan in facts.plans:
        for step in facts.stating(plan, "needs"):
            name, needs = name_of(step), step.node.list_at("needs")
            if name not in needs and step.key not in needs:
                continue
            for index, need in enumerate(needs):
                if need in (name, step.key):
                    yield FINDER.at(need_span(step, index), f"step '{name}' needs itself", help="leave it out")


RULE = FINDER.rule(__doc__, check)
