"""Where the cursor is, told from text that may be no YAML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.serve.cursor import find_cursor
from planloom.serve.positions import from_units, split_lines, to_units


def cursor(text):
    """Return the cursor at the mark `¦` of a text."""
    before, _, after = text.partition("¦")
    lines = (before + after).split("\n")
    return find_cursor(lines, before.count("\n"), len(before) - before.rfind("\n") - 1)


@pytest.mark.parametrize(
    ("text", "route", "word"),
    [
        ("¦", (), ""),
        ("na¦", (), "na"),
        ("steps:\n  - ¦", ("steps", "[]"), ""),
        ("steps:\n  - ke¦", ("steps", "[]"), "ke"),
        ("steps:\n- ke¦", ("steps", "[]"), "ke"),
        ("steps:\n  - key: a\n    ¦", ("steps", "[]"), ""),
        ("steps:\n  - key: a\n    needs: [b, c¦", ("steps", "[]", "needs", "[]"), "c"),
        ("steps:\n  - key: a\n    needs:\n      - ¦", ("steps", "[]", "needs", "[]"), ""),
        ("steps:\n  - key: a\n    needs:\n    - b¦", ("steps", "[]", "needs", "[]"), "b"),
        ("steps:\n  - key: a\n    needs: [\n      b, ¦", ("steps", "[]", "needs", "[]"), ""),
        ("steps:\n  - key: a\n    gate:\n      ro¦", ("steps", "[]", "gate"), "ro"),
        ("steps:\n  - key: a\n    gate:\n      role: x\n    ¦", ("steps", "[]"), ""),
        ("steps:\n  - key: a\n\n  # a note\n  - key: b\n    shell: ba¦", ("steps", "[]", "shell"), "ba"),
        ("defaults:\n  ¦\nsteps:\n  - key: a", ("defaults",), ""),
    ],
)
def test_the_route_leads_to_the_mapping_or_value_that_the_cursor_is_in(text, route, word):
    found = cursor(text)
    assert (found.route, found.word) == (route, word)


def test_the_keys_that_a_mapping_has_are_its_siblings():
    text = "steps:\n  - key: a\n    run: x\n    ¦\n    gate:\n      role: r\n  - key: b\n    env: {}\n"
    assert cursor(text).siblings == {"key", "run", "gate"}
    assert cursor("id: x\n¦\nname: y\nsteps:\n  - key: a\n").siblings == {"id", "name", "steps"}


def test_the_inside_of_a_text_block_is_told():
    assert cursor("steps:\n  - key: a\n    run: |\n      echo ¦").in_text
    assert not cursor("steps:\n  - key: a\n    run: |\n      echo\n    ¦").in_text


def test_the_word_goes_on_after_the_cursor():
    found = cursor("needs: [bu¦ild]")
    assert (found.word, found.start, found.end) == ("bu", 8, 13)


@given(st.text(alphabet="ab:-[]{}|> \n\t\"'#\r👋", max_size=80), st.integers(0, 12), st.integers(0, 30))
def test_any_text_has_a_cursor_at_any_place(text, line, column):
    found = find_cursor(text.split("\n"), line, column)
    assert found.start <= found.end or not text


@given(st.text(max_size=30), st.integers(0, 40), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_columns_come_back_from_an_editors_units(line, column, encoding):
    column = min(column, len(line))
    assert from_units(line, to_units(line, column, encoding), encoding) == column


def test_lines_end_where_editors_end_them():
    assert split_lines("a\r\nb\rc\nd\x0be\u2028f") == ["a", "b", "c", "d\x0be\u2028f"]
