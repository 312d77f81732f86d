"""PL708 frequent-schedule: a schedule is more frequent than GitHub's shortest.

What: The shortest interval of a schedule is five minutes.

Why: GitHub starts it every five minutes at most, and often later; a reader of the plan expects more.

Fails:
    workflow: {on: {schedule: ["* * * * *"]}}
    steps:
      - key: build

Passes:
    workflow: {on: {schedule: ["*/5 * * * *"]}}
    steps:
      - key: build
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL708", "frequent-schedule")

SHORTEST_MINUTES: Final = 5
"""Source: GitHub docs, "Events that trigger workflows", schedule."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each cron line that matches two minutes less than five apart."""
    for plan in facts.plans:
        lines = plan.node.map_at("workflow").map_at("on").list_at("schedule")
        for index, line in enumerate(plan.workflow.schedule):
            minutes = sorted(_minutes(line.split()[0]))
            gaps = [after - before for before, after in itertools.pairwise([*minutes, *(m + 60 for m in minutes[:1])])]
            if len(minutes) > 1 and min(gaps) < SHORTEST_MINUTES:
                yield FINDER.at(
                    lines.item_span(index), f"'{line}' starts more often than every 5 minutes", help="for example */30 * * * *"
                )


def _minutes(field: str) -> set[int]:
    """Return the minutes that a field means; empty for a field that is none, which another rule reports."""
    minutes: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = "0", "59"
        texts = (first, last or ("59" if step else first), step or "1")
        if not all(text.isascii() and text.isdigit() and len(text) < 4 for text in texts) or int(texts[2]) == 0:
            return set()
        minutes.update(range(int(texts[0]), min(int(texts[1]), 59) + 1, int(texts[2])))
    return minutes


RULE = FINDER.rule(__doc__, check)
