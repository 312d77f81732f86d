"""Run every rule, then let comments allow what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.allowing import apply_allowances
from planloom.checks.registry import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.checks.facts import Facts
    from planloom.checks.rule import Rule
    from planloom.core.diagnostics import Diagnostic


def check_all(facts: Facts, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what was found before and what the rules find, without what comments allow; unsorted."""
    result = list(found)
    for rule in CHECKS:
        if rule.check is not None:
            result.extend(rule.check(facts))
    return apply_allowances(result, facts.sources, _rules_by_name)


def _rules_by_name() -> Mapping[str, Rule]:
    from planloom.checks.catalogue import RULES

    return {rule.name: rule for rule in RULES}
