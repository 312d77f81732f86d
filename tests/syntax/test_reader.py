"""Bytes → nodes: places, the core schema, and that nothing ever raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.core.diagnostics import Span
from planloom.syntax import events, reader
from planloom.syntax.nodes import MapNode, to_plain
from planloom.syntax.reader import read
from planloom.syntax.source import Source


def rules(content):
    return [d.rule for d in read("specs/x.yaml", content)[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-", "-"),
        ("~", None),
        ("", None),
        ("True", True),
        ("'true'", "true"),
        ("-7", -7),
        ("+.x", "+.x"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    node, found = read("x", f"a: {text}\n".encode() if text != "-" else b"a: '-'\n")
    assert found == ()
    assert node == {"a": value}
    assert type(node["a"]) is type(value)


def test_every_key_and_value_knows_its_place():
    node, _ = read("specs/x.yaml", "a: 'x y'\nb:\n  - ä: 1\n    c: two\n".encode())
    assert node.key_span("a") == Span("specs/x.yaml", 1, 1, 1, 2)
    assert node.value_span("a") == Span("specs/x.yaml", 1, 4, 1, 9)
    inner = node["b"][0]
    assert inner.key_span("ä") == Span("specs/x.yaml", 3, 5, 3, 6)
    assert inner.value_span("c") == Span("specs/x.yaml", 4, 8, 4, 11)


def test_columns_count_characters_also_beyond_the_basic_plane():
    node, _ = read("x", 'a: {"😀": 1, b: 2}'.encode())
    assert node["a"].key_span("b").column == 13


def test_a_text_of_several_lines_is_marked_at_its_first():
    node, _ = read("x", b"run: |\n  one\n  two\nb: 1\n")
    assert node.value_span("run") == Span("x", 1, 6, 2, 1)


def test_carriage_returns_before_line_feeds_are_line_ends():
    node, found = read("x", b"a: 1\r\nb: two\r\n")
    assert found == ()
    assert node == {"a": 1, "b": "two"}
    assert node.key_span("b").line == 2


def test_what_libyaml_refuses_and_yaml_allows_is_read():
    node, found = read("x", b"a: [http://x:80/y, b:c]\n")
    assert found == ()
    assert node == {"a": ["http://x:80/y", "b:c"]}


def test_a_duplicate_key_points_at_the_first_one():
    node, (found,) = read("x", b"a: 1\nb: 2\na: 3\n")
    assert (found.rule, found.span.line, found.labels[0].span.line, found.labels[0].message) == (
        "duplicate-key",
        3,
        1,
        "first defined here",
    )
    assert node == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty-file"),
        (b"\n# only a comment\n", "empty-file"),
        (b"null\n", "empty-file"),
        (b"~", "empty-file"),
        (b"---\n", "empty-file"),
        (b"a: \xff", "not-utf-8"),
        ("a: 1".encode("utf-16"), "utf-16"),
        ("a: 1".encode("utf-16-be"), "utf-16"),
        ("a: 1".encode("utf-32-le"), "utf-16"),
        (b"\xef\xbb\xbfa: 1", "byte-order-mark"),
        (b"a: \x00", "control-character"),
        (b"a: \xed\xa0\x80", "not-utf-8"),
        ("a: x\u202ey".encode(), "hidden-character"),
        (b"a: 1\rb: 2", "hidden-character"),
        (b"a:\n\t- 1", "tab-indentation"),
        (b"a: 'open", "syntax-error"),
        (b"a: b: c", "syntax-error"),
        (b"a: [1", "syntax-error"),
        (b"a: &x 1", "anchor"),
        (b"a: *x", "alias"),
        (b"<<: {a: 1}", "merge-key"),
        (b"a: !x 1", "tag"),
        (b"a: !!python/name:os.system x", "tag"),
        (b"--- {a: 1}\n--- {a: 1}\n", "several-documents"),
        (b"%YAML 1.1\n---\na: 1", "yaml-directive"),
        (b"[" * 100_000, "deep-nesting"),
        (b"- " * 100_000, "deep-nesting"),
        (b"a: {" * 100_000, "deep-nesting"),
        (b"1: a", "odd-key"),
        (b"? [a]\n: b", "odd-key"),
        (b"a: " + b"9" * 100_000, "big-number"),
        (b"a: .inf", "big-number"),
        (b"a: 1e999", "big-number"),
        (b'a: "\\0"', "escaped-control"),
        (b'a: "\\ud800"', "escaped-control"),
        (b"a: " + b"x" * 300_000, "long-text"),
        (b"#" * (40 * 1024 * 1024 + 1), "big-file"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
def test_what_can_not_be_a_plan_gets_its_own_diagnostic(content, rule):
    assert rules(content) == [rule]


def test_billion_laughs_cost_nothing():
    lines = [b'a0: &a0 ["lol"]', *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]".encode() for i in range(1, 10))]
    node, found = read("x", b"\n".join(lines))
    assert node is None
    assert {d.rule for d in found} == {"anchor", "alias"}
    assert len(found) <= reader.MAX_REPORTS


def plain(text):
    node, found = read("x", text, aliases=True)
    return to_plain(node) if node is not None else None, [d.rule for d in found]


def test_where_aliases_are_taken_they_stand_for_what_they_repeat():
    assert plain(b"a: &x {k: 1, l: [a, &y b]}\nb: *x\nc: [*y, *x]\n") == (
        {"a": {"k": 1, "l": ["a", "b"]}, "b": {"k": 1, "l": ["a", "b"]}, "c": ["b", {"k": 1, "l": ["a", "b"]}]},
        [],
    )
    assert plain(b"a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == ({"a": 1, "b": 1, "c": 2, "d": 2}, [])
    assert plain(b"&k a: &v 1\nb: [*k, *v]\n") == ({"a": 1, "b": ["a", 1]}, [])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"a: *x\n", "alias"),
        (b"a: &x [*x]\n", "alias"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", "merge-key"),
        (b"a: !x 1\n", "tag"),
    ],
)
def test_where_aliases_are_taken_the_rest_is_refused_as_ever(text, rule):
    assert rule in plain(text)[1]


@pytest.mark.parametrize("laugh", ['["lol"]', "{" + "k" * 500 + ": 1}", "lol" * 100], ids=["lists", "keys", "texts"])
def test_where_aliases_are_taken_billion_laughs_cost_nothing(laugh):
    lines = [f"a0: &a0 {laugh}", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10))]
    assert plain("\n".join(lines).encode()) == (None, ["alias"])


def test_where_aliases_are_taken_they_nest_no_deeper_than_a_file_may():
    lines = ["a0: &a0 [1]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 2000))]
    assert plain("\n".join(lines).encode()) == (None, ["deep-nesting"])
    assert plain("\n".join(lines[: reader.MAX_DEPTH - 1]).encode())[1] == []


def test_both_parsers_build_the_same_nodes(monkeypatch):
    content = b"""a: 1
'b': "x\\ty"
c: |
  block
  text
d: >-
  folded
  text
e: [1, two, {f: ~}]
g:
- h: 'it''s'
  i: plain text # comment
- - nested
"""
    first, found = read("x", content)
    assert found == ()
    monkeypatch.setattr(events, "HAS_C_PARSER", False)
    second, found = read("x", content)
    assert found == ()
    assert to_plain(first) == to_plain(second)
    assert first.marks == second.marks
    assert first["e"].marks == second["e"].marks


def check_spans(found, content):
    lines = content.decode("utf-8", errors="replace").split("\n")
    for diagnostic in found:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert 1 <= span.line <= len(lines)
            assert 1 <= span.end_line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1


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
        "&x ",
        "*x",
        "!t ",
        "|",
        ">",
        "#",
        "---",
        "%",
        "\t",
        ": ",
        "?",
        "1",
        "é",
        "\\",
        "<<",
        "...",
        "~",
    ]
)


@given(
    st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode())), st.booleans()
)
def test_any_bytes_become_nodes_or_diagnostics(content, aliases):
    node, found = read("specs/x.yaml", content, aliases=aliases)
    assert node is not None or found or content
    check_spans(found, content)
    for diagnostic in found:
        assert diagnostic.code.startswith("PL1")


@given(st.lists(PIECES.filter(lambda piece: piece != "\t"), max_size=30).map(lambda parts: "".join(parts).encode()))
def test_the_c_parser_never_accepts_what_the_python_parser_refuses(content):
    if not events.HAS_C_PARSER:
        pytest.skip("no C parser here")
    text = content.decode()
    try:
        node, found = reader._Constructor(Source("x", text), events.c_events(text)).document()
    except events.YAMLError:
        return
    if node is None or found:
        return
    other, others = reader._read_with(reader._Constructor, Source("x", text), events.pure_events(text))
    assert [d.rule for d in others] == []
    assert to_plain(node) == to_plain(other)


def test_a_big_file_that_is_refused_is_not_parsed_twice():
    content = b"a: 1\n" * 150_000 + b"b: [http://x:80/y]\n"
    node, found = read("x", content)
    assert node is None
    assert found


def test_an_empty_mapping_node_has_a_place_too():
    assert MapNode.empty("specs/x.yaml", 3).span == Span("specs/x.yaml", 3, 1, 3, 1)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: [1\n", (1, 6), "expected ',' or ']', but got the end of the file"),
        ("a: [1,\n  2\n\n  \n", (2, 4), "expected ',' or ']', but got the end of the file"),
        ("a: [1  # here\n", (1, 14), "expected ',' or ']', but got the end of the file"),
        ('a: "open\nb: 1\n\n', (2, 5), "found the end of the file"),
        ("a: {b: [", (1, 9), "expected a value, but found the end of the file"),
    ],
)
def test_what_is_still_open_at_the_end_of_the_file_is_shown_behind_its_last_words(text, place, said):
    _, (found,) = read("x", text.encode())
    assert (found.span.line, found.span.column) == place
    assert found.message == f"not YAML: {said}"
    assert "<" not in found.message + found.help + "".join(label.message for label in found.labels)
    assert found.help


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("- a: 1\n b: 2\n", "wrong column"),
        ("a: 'it's'\n", "one ends too early"),
        ("a: [b]]\n", "one ends too early"),
        ("a: - b\n", "begin the list on the next line"),
        ("a: >x\n  b\n", "on the next line, indented"),
        ("a: @b\n", "in quotes"),
        ('a: "\\d"\n', "single quotes"),
    ],
)
def test_a_refusal_says_what_to_do(text, help_text):
    _, (found,) = read("x", text.encode())
    assert found.rule == "syntax-error"
    assert help_text in found.help
