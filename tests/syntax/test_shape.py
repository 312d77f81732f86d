"""The shape of plans: the accept function, what it refuses, and how that is explained."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from planloom.core.diagnostics import Span
from planloom.report.diagnostics_fixes import apply_fixes
from planloom.syntax.accept import compile_schema
from planloom.syntax.explanation import FOREIGN
from planloom.syntax.plan_schema import Schema
from planloom.syntax.project_schema import PROJECT
from planloom.syntax.reader import read
from planloom.syntax.shape import check_plan, check_project
from planloom.syntax.step_schema import PLAN
from planloom.syntax.suggest import nearest

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


def shape(text, *, head=HEAD):
    node, found = read("specs/x.yaml", (head + text).encode())
    assert found == ()
    return check_plan(node, Span("specs/x.yaml", 1, 1, 1, 1))


def found(text, *, head=HEAD):
    return [(d.rule, d.span.line, d.span.column, d.help) for d in shape(text, head=head).diagnostics]


def test_both_schemas_are_sound():
    for schema in (PLAN, PROJECT):
        Draft202012Validator.check_schema(schema)


def walk(schema: Schema, where=""):
    yield where, schema
    for keyword in ("properties", "patternProperties"):
        for name, part in schema.get(keyword, {}).items():
            yield from walk(part, f"{where}/{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from walk(schema[keyword], f"{where}/{keyword}")
    for part in schema.get("anyOf", ()):
        yield from walk(part, where)


def test_every_field_has_a_title_a_description_and_an_example_that_is_valid():
    fields = [
        (where, part)
        for root in (PLAN, PROJECT)
        for where, schema in walk(root)
        for name, part in schema.get("properties", {}).items()
    ]
    assert len(fields) > 60
    for where, part in fields:
        assert part.get("title"), (where, part)
        assert part.get("description"), (where, part)
        assert part.get("examples"), (where, part)
        for example in part["examples"]:
            assert Draft202012Validator(part).is_valid(example), (where, example)
        if "default" in part:
            assert Draft202012Validator(part).is_valid(part["default"]), (where, part["default"])


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10_000),
    st.sampled_from([1.0, 1.5, "", "x", "build", "B", "read", "1.0.0", "a-b", "é", "x" * 300]),
)
KEYS = st.sampled_from(
    [
        *PLAN["properties"],
        *PLAN["properties"]["steps"]["items"]["properties"],
        "role",
        "labels",
        "group",
        "python",
        "A",
        "zz",
        "1",
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12
)


def mutate(value, route, replacement):
    """Replace or remove the part of a document at the end of a route of numbers."""
    current = value
    for step in route[:-1]:
        parts = list(current.values()) if isinstance(current, dict) else current if isinstance(current, list) else []
        if not parts:
            break
        nested = parts[step % len(parts)]
        if not isinstance(nested, dict | list) or not nested:
            break
        current = nested
    if isinstance(current, dict) and current:
        current[list(current)[route[-1] % len(current)]] = replacement
    elif isinstance(current, list) and current:
        current[route[-1] % len(current)] = replacement
    return value


FULL = {
    "schema": "planloom/plan/v1",
    "id": "demo",
    "name": "Demo",
    "version": "1.0.0",
    "params": {"tag": {"type": "string", "enum": ["a"], "default": "a"}},
    "resources": {"slot": {"capacity": 2}},
    "workflow": {"execution": "direct", "on": {"schedule": ["*/30 * * * *"]}, "prefix": ""},
    "defaults": {"runs-on": ["self-hosted"], "env": {"A": 1}, "permissions": {"contents": "read"}},
    "steps": [
        {"key": "a", "run": "make", "needs": [], "matrix": {"q": "x"}, "resources": {"slot": 1}, "gate": {"role": "approver"}},
        {
            "key": "b",
            "needs": ["a"],
            "steps": [{"uses": "x/y@1", "with": {"a": True}}],
            "runs-on": {"group": "g", "labels": ["l"]},
        },
        {"key": "c", "foreach": {"python": ["3.12"]}, "resources": ["slot"], "timeout-minutes": 5, "baseline": True},
    ],
}


@settings(max_examples=300)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), VALUES)
def test_the_accept_function_agrees_with_jsonschema_on_plans(route, replacement):
    value = mutate(copy.deepcopy(FULL), route, replacement)
    assert compile_schema(PLAN)(value) == Draft202012Validator(PLAN).is_valid(value)


@given(VALUES)
def test_the_accept_function_agrees_with_jsonschema_on_anything(value):
    for schema in (PLAN, PROJECT, PLAN["properties"]["steps"]["items"], PLAN["properties"]["workflow"]):
        assert compile_schema(schema)(value) == Draft202012Validator(schema).is_valid(value)


def test_the_full_example_is_accepted():
    assert compile_schema(PLAN)(FULL)


def test_a_keyword_that_the_accept_function_does_not_know_is_refused():
    with pytest.raises(ValueError, match="oneOf"):
        compile_schema({"oneOf": []})


def test_an_unknown_key_gets_the_nearest_known_one():
    assert found("steps:\n  - key: a\n    neds: [b]\n") == [("unknown-key", 7, 5, "did you mean 'needs'?")]


def test_a_value_that_is_no_choice_gets_the_choices():
    assert found("workflow: {loop: never}\nsteps: [{key: a}]\n") == [("unknown-choice", 5, 18, "one of: auto, manual")]


def test_each_refused_step_is_explained_and_the_others_are_kept():
    result = shape("steps:\n  - {key: a, run: 1}\n  - {key: b}\n  - {run: x}\n")
    assert [d.rule for d in result.diagnostics] == ["unquoted-number", "missing-key"]
    assert result.refused == {0, 2}
    assert result.node is not None


def test_wrong_keys_of_the_head_do_not_hide_the_steps():
    result = shape("steps: [{key: a}]\nx: 1\nresources: 7\n")
    assert [d.rule for d in result.diagnostics] == ["unknown-key", "wrong-type"]
    assert "steps" in result.node
    assert "resources" not in result.node


def test_a_file_that_is_no_mapping_says_what_it_should_be():
    node, _ = read("x", b"- a\n")
    (only,) = check_plan(node, Span("x", 1, 1, 1, 1)).diagnostics
    assert (only.rule, only.help) == ("wrong-type", "begin with `schema: planloom/plan/v1`")


def test_many_refused_steps_are_counted_and_not_all_explained():
    result = shape("steps:\n" + "  - {key: 1}\n" * 500)
    assert len(result.diagnostics) == 201
    assert result.diagnostics[-1].message == "300 more steps have a wrong shape"


def test_a_runner_is_explained_by_the_form_that_was_meant():
    assert found("steps:\n  - key: a\n    runs-on: {labels: [x]}\n") == [("missing-key", 7, 5, "add `group: big`")]
    assert found("steps:\n  - key: a\n    runs-on: []\n")[0][0] == "too-few"
    assert found("steps:\n  - key: a\n    runs-on: 5\n")[0][0] == "unquoted-number"


def test_the_project_file_is_checked_too():
    node, _ = read("x", b"schema: planloom/project/v1\npython: 3.13\npins: {a: {}}\n")
    rules = [d.rule for d in check_project(node, Span("x", 1, 1, 1, 1)).diagnostics]
    assert rules == ["unquoted-number", "bad-name"]


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("biuld", ["build", "test"], "build"),
        ("tets", ["test", "rest"], "test"),
        ("zzz", ["build"], ""),
        ("ab", ["ac", "aa"], "aa"),
        ("x" * 100, ["x" * 99], ""),
    ],
)
def test_the_nearest_word_is_within_three_edits_and_ties_go_to_the_first(word, known, expected):
    assert nearest(word, known) == expected


@pytest.mark.parametrize(
    ("text", "message", "help_text"),
    [
        (f"name: {'N' * 3000}\nsteps: []\n", "'name' has 3,000 characters", "at most 200 characters"),
        (f"steps:\n  - {{key: a, role: {'é' * 300}}}\n", "'role' has 300 characters", "at most 200 characters"),
        (f"steps:\n  - {{key: a, foreach: {{x: [{'b, ' * 300}]}}}}\n", "'x' has 300 items", "at most 256 items"),
    ],
)
def test_what_is_too_much_is_counted_and_the_limit_named(text, message, help_text):
    head = HEAD.replace("name: Demo\n", "") if text.startswith("name") else HEAD
    (one,) = [d for d in shape(text, head=head).diagnostics if d.rule == "too-many"]
    assert (one.message, one.help) == (message, help_text)


@pytest.mark.parametrize(
    ("line", "help_text", "repaired"),
    [
        ("needs: b", "write [b]", "needs: [b]"),
        ("needs: b, c", "write [b, c]", "needs: [b, c]"),
        ("outputs: 'dist/*.whl'", "write [dist/*.whl]", "outputs: [dist/*.whl]"),
        ("resources: staging", "write [staging]", "resources: [staging]"),
        ("parallelizable: yes", "write true", "parallelizable: true"),
        ("baseline: 'off'", "write false", "baseline: false"),
        ("timeout-minutes: '5'", "write 5", "timeout-minutes: 5"),
        ("timeout-minutes: soon", "for example `timeout-minutes: 20`", None),
        ("gate: approver", "for example `gate: {role: approver, approvals: 2}`", None),
        ("outputs: {a: b}", "for example `outputs: [dist/*.whl]`", None),
        ("outputs: |\n      dist", "for example `outputs: [dist/*.whl]`", None),
        ("steps: make", "for example `steps: [{name: Test, run: make test}]`", None),
        ("needs:", "for example `needs: [lint]`", None),
    ],
)
def test_a_value_of_the_wrong_type_says_what_to_write_and_is_repaired_where_that_is_clear(line, help_text, repaired):
    text = f"steps:\n  - key: a\n    {line}\n"
    (one,) = shape(text).diagnostics
    assert (one.rule, one.help) == ("wrong-type", help_text)
    if repaired is None:
        assert one.fix == ()
        return
    changed, count = apply_fixes([one], {"specs/x.yaml": (HEAD + text).encode()})
    assert count == 1
    assert changed["specs/x.yaml"].decode() == HEAD + text.replace(line, repaired)
    assert shape(text.replace(line, repaired)).diagnostics == ()


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("steps:\n  - {key: a, depends-on: [b]}\n", "`needs: [step]`"),
        ("steps:\n  - {key: a, uses: x/y@z}\n", "below `steps:`"),
        ("steps:\n  - {key: a, timeout: 3}\n", "`timeout-minutes: 30`"),
        ("steps:\n  - {key: a, timeout_minutes: 3}\n", "did you mean 'timeout-minutes'?"),
        ("jobs: {}\nsteps: [{key: a}]\n", "planloom import"),
        ("on: push\nsteps: [{key: a}]\n", "workflow: {on"),
        ("steps:\n  - {key: a, permissions: {id: write}}\n", "known here"),
    ],
)
def test_a_key_of_another_language_is_answered_in_ours(text, help_text):
    (one,) = shape(text).diagnostics
    assert one.rule == "unknown-key"
    assert help_text in one.help


def test_a_step_that_is_no_mapping_is_called_a_step():
    (one,) = shape("steps: [build]\n").diagnostics
    assert (one.message, one.help) == ("a step must be a mapping, and is text", "for example `{key: build, run: make}`")


def test_a_name_that_can_not_be_one_is_answered_by_one_that_can():
    (one,) = shape("steps: [{key: Build It}]\n").diagnostics
    assert one.help.endswith("at most 63 characters: build-it")


def test_every_word_of_another_language_is_unknown_in_ours():
    titles = {part["title"]: part for _, part in walk(PLAN) if "title" in part and "properties" in part} | {PLAN["title"]: PLAN}
    for title, words in FOREIGN.items():
        assert not words.keys() & titles[title]["properties"].keys()
