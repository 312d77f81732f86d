"""PL710 crowded-folder: the records of a work item make a folder of more entries than GitHub recommends.

What: Each step has a folder of its own in `artifacts/claims/<work item>/` and in `artifacts/handoff/<work item>/`. GitHub recommends at
most 3,000 entries in a folder.

Why: Every collected record writes that folder's tree anew, and its page on GitHub shows a part of it only. Verifying and running
do not mind.

Fails:
    steps:
      - key: one
        needs: []
        run: make one
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
      - key: two
        needs: []
        run: make two
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
      - key: three
        needs: []
        run: make three
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]

Passes:
    steps:
      - key: one
        needs: []
        run: make one
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
      - key: two
        needs: []
        run: make two
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL710", "crowded-folder")

MOST_ENTRIES: Final = 3_000
"""Source: GitHub docs, "Repository limits", directory width."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan with more steps than a folder should have entries, at the first that is too many."""
    for plan in facts.plans:
        if len(plan.steps) > MOST_ENTRIES:
            span = plan.steps[MOST_ENTRIES].node.value_span("key")
            message = f"the plan has {len(plan.steps):,} steps, each a folder in artifacts/claims/ITEM/; GitHub recommends at most {MOST_ENTRIES:,}"
            yield FINDER.at(span, message, help="split the plan")


RULE = FINDER.rule(__doc__, check)
