"""Outputs of steps that may run at once: the same pattern is an error, a name that the other's pattern matches a warning."""

from __future__ import annotations

import pytest

from planloom.pipeline import check_project

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


def found(first, second, needs="[]"):
    text = (
        f"steps:\n  - {{key: a, needs: [], run: x, outputs: ['{first}']}}\n"
        f"  - {{key: b, needs: {needs}, run: x, outputs: ['{second}']}}\n  - {{key: c, needs: [a, b], run: x}}\n"
    )
    checked = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None)
    return [(d.severity.value, d.span.line) for d in checked.diagnostics if d.rule == "parallel-outputs"]


@pytest.mark.parametrize(
    ("pattern", "path", "meets"),
    [
        ("dist/*", "dist/x", True),
        ("dist/*.whl", "dist/x.tar", False),
        ("dist/*", "dist/deep/x", False),
        ("dist/**", "dist/deep/x", True),
        ("**/*.json", "report.json", True),
        ("**/*.json", "a/b/report.json", True),
        ("dist/?", "dist/x", True),
        ("dist/[ab]", "dist/c", False),
        ("other/*", "dist/x", False),
        ("**/" * 40 + "y", "a/" * 40 + "x", False),
    ],
)
def test_a_name_that_the_others_pattern_matches_is_a_warning_at_the_name(pattern, path, meets):
    assert found(pattern, path) == ([("warning", 7)] if meets else [])
    assert found(path, pattern) == ([("warning", 6)] if meets else [])


def test_the_same_pattern_is_an_error():
    assert found("dist/*", "dist/*") == [("error", 7)]


def test_a_step_that_waits_for_the_other_may_write_what_it_wrote():
    assert found("dist/*", "dist/x", needs="[a]") == []


def test_a_comment_allows_the_warning_where_the_files_are_known_to_differ():
    text = (
        "steps:\n  - {key: a, needs: [], run: x, outputs: ['dist/*']}\n"
        "  # planloom: allow[parallel-outputs] the first step writes wheels only\n"
        "  - {key: b, needs: [], run: x, outputs: [dist/log.txt]}\n  - {key: c, needs: [a, b], run: x}\n"
    )
    assert check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics == ()


def findings(text):
    return [
        (one.code, one.span.line, one.message, one.help)
        for one in check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics
    ]


def foreach(output, axes='py: ["1", "2"]'):
    return f"steps:\n  - key: t\n    run: x\n    outputs: ['{output}']\n    foreach: {{{axes}}}\n  - {{key: c, needs: [t], run: x}}\n"


def test_the_advice_for_a_foreach_can_be_followed():
    text = foreach("out").replace(
        "  - {key: c", "  - {key: u, needs: [], run: x, outputs: [out]}\n  - {key: d, needs: [t-1, u], run: x}\n  - {key: c"
    )
    advice = [help_text for code, _, _, help_text in findings(text) if code == "PL407"]
    assert any("put $EACH_PY into the path" in one for one in advice)
    assert any(one.endswith("needs both: give each a file of its own") for one in advice)
    assert findings(foreach("out-$EACH_PY")) == []


def alone(first, second, **top):
    """What is found of two steps that nothing needs both of."""
    steps = f"steps:\n  - {{key: a, needs: [], {first}}}\n  - {{key: b, needs: [], {second}}}\n"
    text = "".join(f"{name}: {value}\n" for name, value in top.items()) + steps
    checked = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None)
    return [(d.severity.value, d.span.line) for d in checked.diagnostics if d.code == "PL407"]


def test_commands_that_write_the_same_file_in_one_folder_are_a_warning_where_nobody_needs_both():
    writes = "run: x, outputs: [out]"
    assert alone(writes, writes) == [("warning", 7)]
    assert alone(writes, "run: x, outputs: [other]") == []
    assert alone(writes, "run: x, outputs: ['*']") == []  # of that nobody knows whether it matters
    assert alone(writes, "outputs: [out]") == []
    assert alone(writes, "steps: [{run: x}], outputs: [out]") == []
    assert alone(writes, f"{writes}, parallelizable: false") == []


def test_a_resource_for_one_keeps_the_writers_of_a_file_apart():
    writes = "run: x, outputs: [out], resources: [lab]"
    assert alone(writes, writes, resources="{lab: {capacity: 1}}") == []
    assert alone(writes, writes, resources="{lab: {capacity: 2}}") == [("warning", 8)]


def test_of_many_commands_that_write_the_same_file_one_is_named():
    steps = "".join(f"  - {{key: s{n}, needs: [], run: x, outputs: [out]}}\n" for n in range(2_000))
    assert [code for code, *_ in findings(f"steps:\n{steps}")] == ["PL407"]
    chain = "".join(f"  - {{key: s{n}, needs: [{f's{n - 1}' if n else ''}], run: x, outputs: [out]}}\n" for n in range(200))
    assert [code for code, *_ in findings(f"steps:\n{chain}") if code == "PL407"] == []


@pytest.mark.parametrize("output", ["out-$EACH_PY", "${EACH_PY}/x", "$EACH_PY/*.whl", "a/$EACH_PY/${EACH_PY}-x"])
def test_the_steps_of_a_foreach_have_outputs_of_their_own_by_the_values_of_its_axes(output):
    assert findings(foreach(output)) == []


def test_an_axis_that_is_left_out_of_the_path_makes_its_steps_meet():
    found = findings(foreach("out-$EACH_PY", 'py: ["1", "2"], os: [a, b]'))
    assert [code for code, *_ in found] == ["PL407"]
    assert "put $EACH_OS into the path" in found[0][3]


@pytest.mark.parametrize("output", ["$EACH_PX/x", "${EACH_PY_}/x", "x-$PARAM_TAG"])
def test_a_variable_of_no_axis_in_an_output_is_found_at_the_output(output):
    found = findings(foreach(f"$EACH_PY/{output}"))
    assert [(code, line) for code, line, *_ in found] == [("PL326", 8)]


def test_a_value_can_lead_out_of_the_workspace_only_in_vain():
    found = findings(foreach("dist/$EACH_PY/x", 'py: ["a", "b/../../.."]'))
    assert [(code, line) for code, line, *_ in found] == [("PL312", 8)]
    assert "'dist/b/../../../x' leads upward" in found[0][2]
