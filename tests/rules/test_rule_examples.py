"""The examples of every rule's page are executed: the failing one is found, the repaired one passes."""

import re
from functools import cache

import pytest

from planloom.checks.catalogue import RULES
from planloom.checks.pages import parse_page
from planloom.checks.retired import RETIRED
from planloom.core.diagnostics import Severity
from planloom.emit.limits import LIMITS, check_limits
from planloom.emit.project import emit_plans
from planloom.pipeline import LOCK_FILE, POLICY_FILE, check_project
from planloom.syntax.findings import CODES
from rules.policies import spell_out

PAGES = {rule.code: parse_page(rule.page) for rule in RULES}


def check(example):
    return check_example(example.text)


@cache
def check_example(text):
    page = next(page for page in PAGES.values() if text in (page.fails.text, page.passes.text))
    example = page.fails if text == page.fails.text else page.passes
    files = dict(example.files)
    policy = files.pop(POLICY_FILE, None)
    locked = files.pop(LOCK_FILE, None) is not None
    checked = check_project(files, None if policy is None else spell_out(policy), locked=locked)
    if not checked.is_sound:
        return checked.diagnostics
    # Two limits are found in what a plan is compiled to.
    return (*checked.diagnostics, *check_limits(emit_plans(checked.plans, checked.graphs, checked.project)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_failing_example_is_found(rule):
    found = check(PAGES[rule.code].fails)
    assert rule.code in {d.code for d in found}
    for diagnostic in found:
        if diagnostic.code == rule.code:
            assert diagnostic.rule == rule.name
            assert diagnostic.severity is rule.severity


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_repaired_example_passes(rule):
    found = check(PAGES[rule.code].passes)
    assert [d for d in found if d.severity is Severity.ERROR or d.code == rule.code] == []


FOLLOWS = {
    "anchor": ["idle-setting"],
    "alias": ["anchor"],
    "bad-param": ["unused-param"],
    "reserved-matrix-key": ["idle-setting"],
    "unknown-resource": ["unused-resource"],
    "unreachable-step": ["demand-above-capacity"],
    "secret-beside-unpinned": ["unpinned-action"],
    "too-many-params": ["unused-param"],
}
"""What else is found in a failing example, because it follows from the same lines."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_failing_example_has_no_other_mistake(rule):
    found = {d.rule for d in check(PAGES[rule.code].fails)}
    assert sorted(found - {rule.name, "not-pinned"}) == FOLLOWS.get(rule.name, [])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_span_lies_inside_its_source(rule):
    example = PAGES[rule.code].fails
    for diagnostic in check(example):
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels), *(edit.span for edit in diagnostic.fix)):
            lines = example.files.get(span.path, b"").decode("utf-8", errors="replace").split("\n")
            assert 1 <= span.line <= span.end_line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
            assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
            assert (span.line, span.column) <= (span.end_line, span.end_column)


def test_messages_are_one_terse_sentence():
    messages = [d for rule in RULES for d in check(PAGES[rule.code].fails)]
    assert messages
    for diagnostic in messages:
        assert not diagnostic.message.endswith("."), diagnostic
        assert "\n" not in diagnostic.message
        assert len(diagnostic.message) < 300
        assert not re.match(r"[A-Z]", diagnostic.message), diagnostic


def test_codes_and_names_are_unique():
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_retired_code_or_name_is_given_to_no_rule_and_never_found():
    assert not RETIRED.keys() & {rule.code for rule in RULES}
    assert not {was.name for was in RETIRED.values()} & {rule.name for rule in RULES}
    assert not RETIRED.keys() & ({limit.code for limit in LIMITS} | set(CODES.values()))


def test_every_code_that_a_limit_of_compiled_files_has_is_a_rules():
    assert {(limit.code, limit.rule) for limit in LIMITS} <= {(rule.code, rule.name) for rule in RULES}


def test_the_registry_is_sorted_by_code():
    assert [rule.code for rule in RULES] == sorted(rule.code for rule in RULES)


def test_every_code_that_is_found_early_has_its_rule():
    early = {(rule.code, rule.name) for rule in RULES if rule.check is None}
    assert early == {(code, name) for name, code in CODES.items()}


def test_there_are_at_least_sixty_codes_in_seven_families():
    assert len(RULES) >= 60
    assert {rule.code[:3] for rule in RULES} == {f"PL{n}" for n in range(1, 8)}
