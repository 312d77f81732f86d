"""What is declared with a mistake in it is declared: who refers to it hears of no second mistake."""

import pytest

from planloom.pipeline import check_project

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
USES = 'steps:\n  - {key: a, run: echo "$PARAM_TAG", resources: [gpu]}\n'
PARAMS, RESOURCES = "params: {tag: {type: string}}\n", "resources: {gpu: {capacity: 1}}\n"


def found(text):
    checked = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None)
    return [(one.code, one.span.line) for one in checked.diagnostics]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("params: {tag: {required: true}}\n" + RESOURCES, 5),
        ("params: {tag: {type: strin}}\n" + RESOURCES, 5),
        (PARAMS + "resources: {gpu: {capcity: 1}}\n", 6),
        (PARAMS + "resources: {gpu: {capacity: many}}\n", 6),
    ],
)
def test_a_declaration_with_a_wrong_shape_is_the_only_mistake(text, line):
    (only,) = found(text + USES)
    assert only[1] == line


@pytest.mark.parametrize(("text", "code"), [(RESOURCES, "PL326"), (PARAMS, "PL322")])
def test_what_is_not_declared_at_all_is_a_mistake(text, code):
    assert [one for one, _ in found(text + USES)] == [code]


def test_another_name_is_a_mistake_even_beside_a_declaration_that_is_broken():
    codes = [code for code, _ in found("params: {tag: {required: true}}\nsteps:\n  - {key: a, run: echo $PARAM_TAGS}\n")]
    assert sorted(codes) == ["PL201", "PL326"]
