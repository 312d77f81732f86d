"""Run every rule, then let comments allow what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.allowing import apply_allowances
from planloom.checks.registry import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.checks.facts import Facts
    from planloom.core.diagnostics import Diagnostic


def check_all(facts: Facts, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what was found before and what the rules find, without what comments allow; unsorted."""
    result = list(found)
    for rule in RULES:
        if rule.check is not None:
            result.extend(rule.check(facts))
    return apply_allowances(result, facts.sources, {rule.name: rule for rule in RULES})
