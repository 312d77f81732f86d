"""`fmt`: the same data, the same comments, the same bytes the second time."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planloom.core.errors import InputError
from planloom.syntax.layout import lay_out
from planloom.syntax.layout_tree import read_tree
from planloom.syntax.nodes import to_plain
from planloom.syntax.reader import read


def laid_out(text):
    return lay_out("specs/x.yaml", text.encode()).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:   1\n", "a: 1\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a:\n- 1\n-   2\n", "a:\n  - 1\n  - 2\n"),
        ("a: [ 1,2 ,3]\n", "a: [1, 2, 3]\n"),
        ("a: {b: 1,c: [ ]}\n", "a: {b: 1, c: []}\n"),
        ("a: [1,\n  2]\n", "a:\n  - 1\n  - 2\n"),
        ("a: 1\n\n\n\nb: 2\n", "a: 1\n\nb: 2\n"),
        ("\n\na: 1", "a: 1\n"),
        ("a: |\n      x\n        y\nb: 1\n", "a: |\n  x\n    y\nb: 1\n"),
        ("a: |-\n    x\n", "a: |-\n  x\n"),
        ("a: |4\n      x\n", "a: |2\n    x\n"),
        ("a: >\n     x\n     y\n", "a: >\n  x\n  y\n"),
        ("a: 'x'\nb: \"y\"\n", "a: 'x'\nb: \"y\"\n"),
        ("a: 1 # one\n# two\nb: 2\n# three", "a: 1  # one\n# two\nb: 2\n# three\n"),
        ("---\na: 1\n", "a: 1\n"),
        ("# before\n---\na: 1\n", "# before\na: 1\n"),
        ("a:\n    - b: 1\n      c: 2\n    - - 1\n      - 2\n", "a:\n  - b: 1\n    c: 2\n  - - 1\n    - 2\n"),
        ("a:\nb:\n", "a:\nb:\n"),
        ("a: [" + "x" * 60 + ", " + "y" * 80 + "]\n", "a:\n  - " + "x" * 60 + "\n  - " + "y" * 80 + "\n"),
        ("a: [1, # one\n  2]\n", "a:\n  - 1  # one\n  - 2\n"),
        ("a: | # why\n  x\n", "a: |  # why\n  x\n"),
    ],
)
def test_there_is_one_layout(before, after):
    assert laid_out(before) == after
    assert laid_out(after) == after


def test_a_file_with_errors_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"specs/x.yaml:1:5"):
        laid_out("a: b: c\n")


LEAVES = st.sampled_from(
    [
        "1",
        "x",
        "'a b'",
        '"q\\n"',
        "",
        "|\n{i}  block\n{i}    more\n",
        ">-\n{i}  folded\n{i}  text\n",
        "[1, [2,  b]]",
        "{k: v,j: [ ]}",
        "true",
    ]
)
COMMENTS = st.sampled_from(["", "", "", "# c\n", "\n", "\n\n# d\n\n"])


@st.composite
def blocks(draw, depth=0):
    """Draw the text of a mapping with comments and empty lines anywhere between its entries."""
    indent = " " * draw(st.sampled_from([2, 3, 4])) * depth
    text = ""
    for index in range(draw(st.integers(1, 3))):
        comment = draw(COMMENTS)
        text += "".join(indent + line + "\n" if line else "\n" for line in comment.splitlines())
        kind = draw(st.integers(0, 3)) if depth < 2 else 0
        if kind == 1:
            text += f"{indent}k{index}:\n" + draw(blocks(depth=depth + 1))
        elif kind == 2:
            text += f"{indent}k{index}:" + draw(st.sampled_from(["\n", "  # beside\n"]))
            text += "".join(
                f"{indent}- {draw(LEAVES.filter(lambda leaf: chr(10) not in leaf and leaf))}\n"
                for _ in range(draw(st.integers(1, 2)))
            )
        else:
            leaf = draw(LEAVES).replace("{i}", indent)
            text += f"{indent}k{index}:   {leaf}" + ("" if leaf.endswith("\n") else draw(st.sampled_from(["\n", " # end\n"])))
    return text


@settings(max_examples=200)
@given(blocks())
def test_laying_out_keeps_data_and_comments_and_is_stable(text):
    node, found = read("x", text.encode())
    if found:
        return
    result = lay_out("x", text.encode())
    again, found = read("x", result)
    assert found == ()
    assert to_plain(again) == to_plain(node)
    assert lay_out("x", result) == result
    before, after = read_tree(text), read_tree(result.decode())
    assert [*before[0].comments(), *before[1].comments()] == [*after[0].comments(), *after[1].comments()]


PIECES = st.sampled_from(
    [
        "a",
        "b: ",
        "- ",
        "\n",
        "  ",
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
        ",",
        "|",
        ">",
        "#",
        " # c\n",
        "---\n",
        ": ",
        "?",
        "1",
        "\\",
        "...",
    ]
)


@settings(max_examples=400)
@example("---\n#")
@example("--- # c\n")
@example("a: >\n\n")
@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_laid_out_or_refused(text):
    try:
        result = lay_out("x", text.encode())
    except InputError:
        return
    assert lay_out("x", result) == result
