"""PL311 bad-schedule: a cron line is none.

What: A line of `workflow.on.schedule` has five fields: minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC,
weekday 0-6 or SUN-SAT; each may be `*`, a list, a range, and have a step.

Why: GitHub does not start a workflow file with a bad line, without saying so.

Fails:
    workflow: {on: {schedule: ["61 * * * *"]}}
    steps:
      - key: build

Passes:
    workflow: {on: {schedule: ["31 * * * *"]}}
    steps:
      - key: build
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL311", "bad-schedule")

FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("weekday", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
"""Name, least, greatest, words. Source: POSIX crontab, as GitHub documents it under "on.schedule"."""

_PART: Final = r"(?:\*|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3}))?)(?:/([0-9]{1,4}))?"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each cron line that is none, with its first bad field."""
    for plan in facts.plans:
        lines = plan.node.map_at("workflow").map_at("on").list_at("schedule")
        for index, line in enumerate(plan.workflow.schedule):
            reason = why_bad(line)
            if reason:
                yield FINDER.at(
                    lines.item_span(index), f"'{line}' is no cron line: {reason}", help="minute hour day month weekday, in UTC"
                )


def why_bad(line: str) -> str:
    """Return what is wrong with a cron line, or the empty string."""
    fields = line.split()
    if len(fields) != len(FIELDS):
        return f"it has {len(fields)} fields"
    for text, (name, least, most, words) in zip(fields, FIELDS, strict=True):
        for part in text.lower().split(","):
            if not _is_part(part, least, most, words):
                return f"'{part}' is no {name}"
    return ""


def _is_part(part: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    match = re.fullmatch(_PART, part)
    if match is None or (match[3] is not None and not 1 <= int(match[3]) <= most):
        return False
    ends = [
        words.index(text) + least if text in words else int(text) if text.isdigit() else -1 for text in match.groups()[:2] if text
    ]
    return all(least <= end <= most for end in ends) and ends == sorted(ends)


RULE = FINDER.rule(__doc__, check)
