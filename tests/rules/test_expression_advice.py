"""What stands for an expression of GitHub's in a command."""

import pytest

from planloom.checks.pages import HEAD
from planloom.pipeline import check_project


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("secrets.INDEX_TOKEN", "write `secrets: [INDEX_TOKEN]`, and read $INDEX_TOKEN in the command"),
        ("inputs.my-tag", "read $PARAM_MY_TAG, of a parameter in `params`"),
        ("github.event.inputs.tag", "read $PARAM_TAG, of a parameter in `params`"),
        ("matrix.python", "read $EACH_PYTHON, of an axis of `foreach`"),
        ("env.HOME", "read $HOME"),
        ("github.ref_name", "read $GITHUB_REF_NAME"),
        ("github.event.issue.title", "read a variable: PARAM_…, EACH_…, GITHUB_SHA, a secret by name"),
        ("hashFiles('x')", "read a variable: PARAM_…, EACH_…, GITHUB_SHA, a secret by name"),
    ],
)
def test_an_expression_in_a_command_is_answered_by_what_stands_for_it(expression, advice):
    plan = f"{HEAD}steps:\n  - key: a\n    run: make ${{{{ {expression} }}}}\n"
    (found,) = [d for d in check_project({"specs/x.yaml": plan.encode()}, None).diagnostics if d.code == "PL602"]
    assert found.help == advice
