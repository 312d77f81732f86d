"""The YAML writer against ruamel, which reads what we write."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from planloom.emit.yaml import Noted, write


def read(content: bytes):
    return YAML(typ="safe", pure=True).load(io.BytesIO(content))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COMMANDS = st.text(st.sampled_from("ab#:-|> \n\t'\"${}[]&*!,%@`é😀\\"), max_size=40)
SCALARS = st.one_of(TEXT, COMMANDS, st.integers(-(2**53), 2**53), st.booleans(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(TEXT, COMMANDS), inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, TREES, min_size=1, max_size=4))
def test_any_tree_reads_back_as_it_was(tree):
    assert read(write(tree)) == tree


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "Yes",
        "NO",
        "null",
        "Null",
        "true",
        "off",
        "y",
        "~",
        "1",
        "1.5",
        "0x1f",
        "1e3",
        "2026-01-01",
        "<<",
        "=",
        ".inf",
        "...",
        "---",
        "",
        " ",
        "12:30",
        "_1",
        "0o7",
        "+1",
    ],
)
def test_text_that_looks_like_something_else_stays_text(word):
    assert read(write({word: word, "list": [word, "a"]})) == {word: word, "list": [word, "a"]}


def test_a_command_of_several_lines_becomes_a_block():
    written = write({"run": "set -e\necho 'a: b' # c\n"}).decode()
    assert written == "run: |\n  set -e\n  echo 'a: b' # c\n"


def test_a_command_without_final_newline_keeps_it_that_way():
    assert write({"run": "a\nb"}) == b"run: |-\n  a\n  b\n"


@pytest.mark.parametrize(
    "text", ["a\nb\n\n", "a\n\n", "\na\n", " a\nb\n", "a\n\nb\n", "a\n b\n", "\U0001f600 a\nb\n", "a\n\U0001f600\n"]
)
def test_lines_at_the_edges_of_a_text_are_kept(text):
    assert read(write({"run": text, "next": "x"})) == {"run": text, "next": "x"}


def test_expressions_and_words_are_plain_and_numbers_as_text_are_quoted():
    tree = {"if": "${{ !cancelled() && needs.a.result == 'success' }}", "python-version": "3.13", "on": "x", "needs": ["a", "b"]}
    assert write(tree).decode() == (
        'if: ${{ !cancelled() && needs.a.result == \'success\' }}\npython-version: "3.13"\n"on": x\nneeds: [a, b]\n'
    )


def test_notes_stand_behind_their_value():
    assert write({"uses": Noted("actions/checkout@0", "v1")}, ["head", ""]) == b"# head\n#\nuses: actions/checkout@0 # v1\n"


def test_a_comment_never_becomes_a_line_of_its_own():
    written = write({"a": Noted(1, "x\nb: 2")}, ["from specs/a\nevil: 1\u2028.yaml"])
    assert written == b"# from specs/a?evil: 1?.yaml\na: 1 # x?b: 2\n"


@pytest.mark.parametrize("code", [0, 7, 0x7F, 0x85, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF])
def test_invisible_characters_are_escaped_by_fixed_ranges(code):
    written = write({"a": f"x{chr(code)}\n"})
    assert f"\\u{code:04x}".encode() in written
    assert read(written) == {"a": f"x{chr(code)}\n"}
