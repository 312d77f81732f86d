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


def test_the_advice_for_a_foreach_can_be_followed():
    text = (
        'steps:\n  - key: t\n    run: x\n    outputs: [out]\n    foreach: {py: ["1", "2"]}\n'
        "  - {key: u, needs: [], run: x, outputs: [out]}\n  - {key: c, needs: [t], run: x}\n  - {key: d, needs: [t-1, u], run: x}\n"
    )
    checked = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None)
    advice = [one.help for one in checked.diagnostics if one.code == "PL407"]
    assert any("write 't' as steps without foreach" in one for one in advice)
    assert any(one.endswith("needs both: give each a file of its own") for one in advice)
    apart = (
        "steps:\n  - {key: t-1, needs: [], run: x, outputs: [out-1]}\n  - {key: t-2, needs: [], run: x, outputs: [out-2]}\n"
        "  - {key: c, needs: [t-1, t-2], run: x}\n"
    )
    assert check_project({"specs/demo.yaml": (HEAD + apart).encode()}, None).diagnostics == ()
