"""The rules, in the order of their codes: adding one is a file in `rules` and two lines here."""

from __future__ import annotations

from typing import Final

from planloom.checks.rule import Rule
from planloom.checks.rules import cycle, unknown_need

RULES: Final[tuple[Rule, ...]] = (
    unknown_need.RULE,
    cycle.RULE,
)
