"""Every rule: those that look at plans, and those whose findings come from reading, shaping, building, comments or emission.

Only pages, explanations and comments that allow something need them all. Adding one of the second kind is a file in `rules` and
two lines here.
"""

from __future__ import annotations

from typing import Final

from planloom.checks.registry import CHECKS
from planloom.checks.rule import Rule
from planloom.checks.rules import (
    alias,
    anchor,
    bad_name,
    bad_param,
    big_file,
    big_number,
    byte_order_mark,
    control_character,
    deep_nesting,
    duplicate_key,
    duplicate_step,
    empty_file,
    escaped_control,
    foreach_collision,
    foreach_too_big,
    hidden_character,
    long_text,
    merge_key,
    missing_key,
    not_utf_8,
    odd_key,
    out_of_range,
    outside_file,
    run_and_steps,
    several_documents,
    silent_allowance,
    syntax_error,
    tab_indentation,
    tag,
    too_few,
    too_many,
    unknown_allowance,
    unknown_choice,
    unknown_key,
    unknown_schema,
    unquoted_number,
    unused_allowance,
    utf_16,
    wrong_type,
    yaml_directive,
)

_FOUND_ELSEWHERE: Final[tuple[Rule, ...]] = (
    syntax_error.RULE,
    not_utf_8.RULE,
    utf_16.RULE,
    byte_order_mark.RULE,
    control_character.RULE,
    hidden_character.RULE,
    tab_indentation.RULE,
    duplicate_key.RULE,
    anchor.RULE,
    alias.RULE,
    merge_key.RULE,
    tag.RULE,
    several_documents.RULE,
    deep_nesting.RULE,
    big_file.RULE,
    long_text.RULE,
    empty_file.RULE,
    yaml_directive.RULE,
    odd_key.RULE,
    big_number.RULE,
    escaped_control.RULE,
    outside_file.RULE,
    unknown_key.RULE,
    missing_key.RULE,
    wrong_type.RULE,
    unknown_choice.RULE,
    bad_name.RULE,
    out_of_range.RULE,
    too_few.RULE,
    too_many.RULE,
    unquoted_number.RULE,
    unknown_schema.RULE,
    duplicate_step.RULE,
    run_and_steps.RULE,
    foreach_collision.RULE,
    foreach_too_big.RULE,
    bad_param.RULE,
    unused_allowance.RULE,
    unknown_allowance.RULE,
    silent_allowance.RULE,
)

RULES: Final[tuple[Rule, ...]] = tuple(sorted((*CHECKS, *_FOUND_ELSEWHERE), key=lambda rule: rule.code))
"""In the order of their codes."""
