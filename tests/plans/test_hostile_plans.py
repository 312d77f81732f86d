"""Plans made to cost much cost little: each of these would run for hours or fill the memory if something were quadratic or worse."""

import pytest

from planloom.core.diagnostics import Diagnostic, Edit, Severity, Span
from planloom.graph.reach import Reach
from planloom.model.params import is_explosive
from planloom.pipeline import check_project
from planloom.report.diagnostics_fixes import apply_fixes

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


def rules(text, *, head=HEAD):
    return {d.rule for d in check_project({"specs/demo.yaml": (head + text).encode()}, None).diagnostics}


def test_a_pattern_that_backtracks_for_ever_is_not_tried():
    assert "bad-param" not in rules(
        'params: {a: {pattern: "^(a+)+$", default: ' + "a" * 40 + "b}}\nsteps: [{key: a, run: echo $PARAM_A}]\n"
    )
    assert "bad-param" not in rules(
        'params: {a: {pattern: "' + ".*" * 12 + 'x$", default: ' + "a" * 300 + "}}\nsteps: [{key: a, run: echo $PARAM_A}]\n"
    )
    assert "bad-param" in rules(
        'params: {a: {pattern: "^v[0-9]+\\\\.[0-9]+$", default: x1}}\nsteps: [{key: a, run: echo $PARAM_A}]\n'
    )


@pytest.mark.parametrize("pattern", ["(", "(" * 500 + ")" * 500, "a{99999999999999999999}", "[[a]"])
def test_patterns_that_python_can_not_read_are_reported(pattern):
    found = rules(f"params: {{a: {{pattern: '{pattern}', default: a}}}}\nsteps: [{{key: a, run: echo $PARAM_A}}]\n")
    assert "syntax-error" not in found
    assert ("bad-param" in found) == (pattern != "[[a]")


@pytest.mark.parametrize(
    ("pattern", "explosive"),
    [
        ("(a+)+", True),
        ("(a|b)*", True),
        ("((a+))*", True),
        ("(?:x*){2,}", True),
        ("a+b+", False),
        ("(a+)?", False),
        (r"[(+]+\(a+\)+", False),
        ("(ab)+", False),
    ],
)
def test_repeated_repetitions_are_seen(pattern, explosive):
    assert is_explosive(pattern) is explosive


def test_foreach_does_not_multiply_without_bound():
    axis = "[" + ", ".join(f'"{n}"' for n in range(32)) + "]"
    steps = "".join(f"  - {{key: s{n}, foreach: {{a: {axis}, b: {axis}}}}}\n" for n in range(60))
    assert "foreach-too-big" in rules("steps:\n" + steps)


def test_needs_on_groups_do_not_multiply_without_bound():
    axis = "[" + ", ".join(f'"{n}"' for n in range(32)) + "]"
    steps = f"  - {{key: g, foreach: {{a: {axis}, b: {axis}}}}}\n" + "".join(
        f"  - {{key: s{n}, needs: [g]}}\n" for n in range(2100)
    )
    assert "foreach-too-big" in rules("steps:\n" + steps)


def test_many_wrong_keys_of_one_mapping_are_reported_in_part():
    text = "steps:\n  - key: a\n" + "".join(f"    x{n}: 1\n" for n in range(4_000))
    found = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics
    assert 40 < len([d for d in found if d.rule == "unknown-key"]) < 60


def test_many_reserved_variables_are_found_in_linear_time():
    text = "steps:\n  - key: a\n    run: make\n    env:\n" + "".join(f"      GITHUB_{n}: x\n" for n in range(20_000))
    assert "reserved-variable" in rules(text)


def test_many_credentials_and_comments_are_found_in_part():
    text = "steps:\n  - key: a\n    run: |\n" + "      AKIAAAAAAAAAAAAAAAAA\n" * 8_000 + "# planloom: allow[x] y\n" * 20_000
    found = check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics
    assert len([d for d in found if d.rule == "written-secret"]) == 20


def test_every_step_that_needs_the_one_before_and_the_first_is_checked_quickly():
    steps = "  - key: s0\n" + "".join(f"  - {{key: s{n}, needs: [s0, s{n - 1}]}}\n" for n in range(1, 4000))
    found = check_project({"specs/demo.yaml": (HEAD + "steps:\n" + steps).encode()}, None).diagnostics
    assert len([d for d in found if d.rule == "redundant-need"]) == 3998


def test_a_search_that_is_used_up_knows_nothing():
    steps = "".join(f"  - {{key: s{n}, needs: [{f's{n - 1}' if n else ''}]}}\n" for n in range(50))
    graph = check_project({"specs/demo.yaml": (HEAD + "steps:\n" + steps).encode()}, None).graphs["demo"]
    assert Reach(graph).is_before("s0", "s49") is True
    assert Reach(graph, visits=10).is_before("s0", "s49") is None


def test_thousands_of_repairs_are_applied_at_once():
    content = b"abc\n" * 20_000
    found = [
        Diagnostic("PL999", "x", Severity.ERROR, "m", Span("a", n, 1, n, 2), (), "", (Edit(Span("a", n, 1, n, 2), "X"),))
        for n in range(1, 20_001)
    ]
    changed, count = apply_fixes(found, {"a": content})
    assert (count, changed["a"]) == (20_000, b"Xbc\n" * 20_000)
