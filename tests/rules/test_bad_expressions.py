"""Expressions of GitHub steps: what is refused here is what a judge of workflows refuses too."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.tools import BIN
from planloom.checks.expressions import find_problem
from planloom.pipeline import check_project

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"

GOOD = [
    "github.sha",
    "github.event.issue.title",
    "github['sha']",
    "GITHUB.sha",
    "toJSON(github.event.commits.*.message)",
    "github.event.commits[0].id",
    "contains(github.ref, 'it''s')",
    "format('{0} }} {1}', github.sha, 'b')",
    "toJSON(github.event)",
    "fromJSON('[1, 2]')[0]",
    "join(github.event.commits.*.id, ', ')",
    "hashFiles('a', 'b')",
    "!contains(github.ref, 'x') && (github.sha != '' || true)",
    "1 == 1.5",
    "0xff > -3",
    "1e3 >= 2",
    "github.ref == null",
    "env.A",
    "runner.os == 'Linux'",
    "startsWith(vars.X, 'a') && endsWith(vars.X, 'b')",
    "!(true)",
]
BAD = [
    "",
    "   ",
    "github.",
    "github.ref ==",
    "== 1",
    "contains(github.ref",
    "contains(github.ref, 'a'))",
    "contains(github.ref)",
    "contains()",
    "nosuch.thing",
    "nosuch(1)",
    "always()",
    "'open",
    'github.ref == "double"',
    "a b",
    "github.ref github.sha",
    "1 ? 2 : 3",
    "a + b",
    "github..ref",
    "(true",
    "true)",
    "contains(,)",
    "github[",
    "fromJSON('1', '2')",
    "&& true",
    "true &",
    "contains",
]


def judged(expressions, field="env"):
    """Return the expressions in which actionlint finds a mistake of grammar or an unknown name."""
    steps = [
        {"run": "true", "env": {"X": f"${{{{ {text} }}}}"}} if field == "env" else {"run": "true", "if": text}
        for text in expressions
    ]
    job = {"runs-on": "ubuntu-24.04", "steps": steps}
    lines = ["on: push", "jobs:", "  a:", "    runs-on: ubuntu-24.04", "    steps:"]
    lines += [f"      - {json.dumps(step)}" for step in job["steps"]]
    done = subprocess.run(
        [BIN / "actionlint", "-shellcheck=", "-oneline", "-"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    found = {int(line.split(":")[1]) - 6 for line in done.stdout.splitlines()}
    return {text for number, text in enumerate(expressions) if number in found}


def test_an_expression_is_refused_where_the_judge_refuses_it():
    assert [text for text in GOOD if find_problem(f"a ${{{{ {text} }}}} b")] == []
    assert [text for text in BAD if not find_problem(f"a ${{{{ {text} }}}} b")] == []
    assert judged(GOOD) == set()
    assert judged(BAD) == set(BAD)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("success() && github.ref == 'x'", ""),
        ("${{ failure() }}", ""),
        ("always() || cancelled()", ""),
        ("!cancelled()", ""),
        ("true", ""),
        ("always(1)", "'always' takes 0 values, not 1"),
        ("secrets.X != ''", "a condition can't read secrets: put the secret into env, and test the variable"),
        ("bogus( }}", "'}}' can't stand here"),
        ("a", "'a' is nothing that a step can read"),
        ("", "an expression is empty"),
    ],
)
def test_a_condition_is_an_expression_as_a_whole(text, reason):
    assert find_problem(text, is_condition=True) == reason


def test_conditions_are_judged_alike():
    conditions = ["success()", "always()", "bogus(1)", "secrets.X != ''", "github.ref ==", "nosuch.x"]
    assert judged(conditions, "if") == {text for text in conditions if find_problem(text, is_condition=True)}


@pytest.mark.parametrize("text", ["${{", "x ${{ github.sha", "${{ 'a }}' ", "${{ github.sha }} ${{ github.ref }"])
def test_what_is_not_closed_is_refused(text):
    assert find_problem(text) == "'${{' is not closed by '}}'"


def test_braces_in_quotes_close_nothing_and_text_without_expressions_is_fine():
    assert find_problem("${{ '}}' }} }} {{ $ {{ x }}") == ""
    assert find_problem("echo $(( 1 )) ${HOME} {{ x }}") == ""


def test_deep_nesting_is_refused_and_not_followed():
    assert find_problem("${{ " + "(" * 100_000 + " }}") == "it is nested deeper than 50 levels"
    assert find_problem("${{ " + "!" * 100_000 + "true }}") == ""
    assert find_problem("${{ " + "(" * 40 + "true" + ")" * 40 + " }}") == ""


@given(st.text(st.sampled_from("abg.()[]'!&|=<>, *01-}{$x\n"), max_size=30))
def test_any_text_is_read_or_refused(text):
    assert isinstance(find_problem(f"${{{{{text}}}}}"), str)
    assert isinstance(find_problem(text, is_condition=True), str)


def found(step):
    content = f"{HEAD}steps:\n  - key: a\n    {step}\n".encode()
    return [(d.rule, d.span.column) for d in check_project({"specs/demo.yaml": content}, None).diagnostics]


@pytest.mark.parametrize(
    "native",
    [
        "{run: 'echo ${{ nosuch.x }}'}",
        "{run: make, if: 'nosuch.x'}",
        "{run: make, name: '${{ nosuch.x }}'}",
        "{run: make, env: {A: '${{ nosuch.x }}'}}",
        f"{{uses: a/b@{'0' * 40}, with: {{A: '${{{{ nosuch.x }}}}'}}}}",
        "{run: make, working-directory: '${{ nosuch.x }}'}",
        "{run: make, continue-on-error: '${{ nosuch.x }}'}",
    ],
)
def test_every_text_of_a_github_step_is_looked_at(native):
    place = 12 + re.search(r"'[^']*nosuch", native).start()
    assert ("bad-expression", place + 1) in found(f"steps: [{native}]")


def test_a_variable_called_if_is_no_condition():
    assert found("steps: [{run: make, env: {if: 'a b'}}]") == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("steps: [{run: make, env: {A: '${{ secrets.TOKEN }}'}}]", ["unlisted-secret"]),
        ("secrets: [token]\n    steps: [{run: make, env: {A: '${{ secrets.TOKEN }}'}}]", []),
        ("environment: production\n    steps: [{run: make, env: {A: '${{ secrets.TOKEN }}'}}]", []),
        ("steps: [{run: make, env: {A: '${{ secrets.GITHUB_TOKEN }}'}}]", []),
        (f"steps: [{{uses: a/b@{'0' * 40}, with: {{t: '${{{{ secrets.A }}}} ${{{{ secrets.A }}}}'}}}}]", ["unlisted-secret"]),
    ],
)
def test_a_secret_that_is_not_handed_on_is_found(step, expected):
    assert [rule for rule, _ in found(step)] == expected
