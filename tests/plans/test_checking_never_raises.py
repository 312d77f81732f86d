"""Whatever a plan says, checking it ends in diagnostics, and what is sound compiles."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.pipeline import check_project
from planloom.syntax.step_schema import PLAN

STEP_FIELDS = list(PLAN["properties"]["steps"]["items"]["properties"])
KEYS = st.sampled_from(["a", "b", "c", "d", "a-1", "con"])
TEXTS = st.sampled_from(
    ["", "x", "make", "../x", "dist/*", "**", "${{ github.head_ref }}", "$PARAM_TAG $EACH_N", "curl x | sh", "set -x", "é", "0.5"]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-1, 400), st.just(1.5), TEXTS, KEYS)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.one_of(KEYS, TEXTS), SCALARS, max_size=3))

GOOD = {
    "name": TEXTS,
    "order": st.integers(0, 3),
    "needs": st.lists(KEYS, max_size=3),
    "parallelizable": st.booleans(),
    "run": TEXTS,
    "outputs": st.lists(TEXTS, max_size=2),
    "env": st.dictionaries(st.sampled_from(["A", "GITHUB_X", "EACH_N"]), TEXTS, max_size=2),
    "secrets": st.lists(st.sampled_from(["TOKEN", "GITHUB_TOKEN", "PLANLOOM_SIGNING_KEY"]), max_size=2),
    "runs-on": st.sampled_from(["ubuntu-latest", ["self-hosted"], {"group": "g"}]),
    "matrix": st.dictionaries(st.sampled_from(["queue", "runsOn"]), TEXTS, max_size=2),
    "container": TEXTS,
    "permissions": st.dictionaries(st.sampled_from(["contents", "id-token"]), st.sampled_from(["read", "write"]), max_size=2),
    "timeout-minutes": st.integers(1, 7200),
    "attempts": st.integers(1, 4),
    "resources": st.one_of(st.dictionaries(KEYS, st.integers(1, 3), max_size=2), st.lists(KEYS, max_size=2)),
    "gate": st.sampled_from([{}, {"role": "approver"}, {"approvals": 3}]),
    "baseline": st.booleans(),
    "foreach": st.sampled_from([{"n": [1, 2]}, {"n": ["x", "X"]}, {"n": [1], "m": ["a", "b"]}]),
    "steps": st.lists(
        st.sampled_from(
            [
                {"run": "make"},
                {"uses": "a/b@v1"},
                {"uses": "a/b@main", "run": "x"},
                {"id": "i", "run": "${{ secrets.X }}"},
                {"uses": "docker://x"},
                {},
            ]
        ),
        min_size=1,
        max_size=3,
    ),
}


@st.composite
def documents(draw):
    """Draw a plan that is right in most places and wrong in some."""
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        step = {"key": draw(KEYS)}
        for field in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=6, unique=True)):
            step[field] = draw(GOOD[field])
        if draw(st.integers(0, 9)) == 0:
            step[draw(st.sampled_from(STEP_FIELDS))] = draw(VALUES)
        steps.append(step)
    plan = {"schema": "planloom/plan/v1", "id": draw(KEYS), "name": "Demo", "version": "1.0.0", "steps": steps}
    if draw(st.booleans()):
        plan["params"] = {
            "tag": draw(st.sampled_from([{}, {"pattern": "("}, {"type": "integer", "default": 1}, {"enum": ["x"]}]))
        }
        plan["resources"] = {"a": {"capacity": draw(st.integers(1, 2))}, "b": {}}
        plan["workflow"] = draw(
            st.sampled_from([{}, {"execution": "direct"}, {"on": {"schedule": ["* * * * *", "1,2-x 61 * * *"]}}, {"prefix": "A"}])
        )
    if draw(st.integers(0, 9)) == 0:
        plan[draw(st.sampled_from(list(PLAN["properties"])))] = draw(VALUES)
    return plan


@settings(max_examples=150)
@given(documents(), st.booleans())
def test_any_plan_ends_in_diagnostics_with_places_inside_the_file(plan, locked):
    content = json.dumps(plan, indent=1, ensure_ascii=False).encode()
    checked = check_project({"specs/demo.yaml": content}, None, locked=locked)
    lines = content.decode().split("\n")
    for diagnostic in checked.diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels), *(edit.span for edit in diagnostic.fix)):
            assert 1 <= span.line <= span.end_line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    again = check_project({"specs/demo.yaml": content}, None, locked=locked)
    assert again.diagnostics == checked.diagnostics


@settings(max_examples=100)
@given(documents())
def test_the_order_of_keys_in_the_file_changes_nothing_but_places(plan):
    turned = {key: plan[key] for key in reversed(plan)}
    turned["steps"] = (
        [{key: step[key] for key in reversed(step)} if isinstance(step, dict) else step for step in plan["steps"]]
        if isinstance(plan["steps"], list)
        else plan["steps"]
    )
    first, second = (
        check_project({"specs/demo.yaml": json.dumps(value, indent=1).encode()}, None).diagnostics for value in (plan, turned)
    )
    assert sorted((d.code, d.severity.value) for d in first) == sorted((d.code, d.severity.value) for d in second)
