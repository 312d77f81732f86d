"""Names that GitHub takes for one are found wherever they can meet; what passes is accepted by a judge of workflows."""

from __future__ import annotations

import subprocess

import pytest

from golden.compiling import compile_text
from judges.tools import BIN
from planloom.pipeline import check_project

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
NATIVE = "steps:\n  - key: a\n    {}\n    steps: [{{run: make, {}}}]\n"


def found(text):
    return [(d.rule, d.message) for d in check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [{key: a, run: x, secrets: [TOKEN, Token]}]", "secret 'Token' is 'TOKEN' in another spelling"),
        ("steps: [{key: a, run: x, matrix: {queue: x, Queue: y}}]", "matrix key 'Queue' is 'queue' in another spelling"),
        (NATIVE.format("env: {A: x}", "env: {a: y}"), "variable 'a' is 'A' in another spelling"),
        ("defaults: {env: {A: x}}\n" + NATIVE.format("role: x", "env: {a: y}"), "variable 'a' is 'A' in another spelling"),
        (
            f"steps: [{{key: a, steps: [{{uses: a/b@{'0' * 40}, with: {{x: y, X: z}}}}]}}]",
            "input 'X' is 'x' in another spelling",
        ),
    ],
)
def test_a_name_in_two_spellings_is_found(text, message):
    assert found(text) == [("case-collision", message)]


@pytest.mark.parametrize(
    "text",
    [
        "steps: [{key: a, needs: [], run: x, secrets: [TOKEN]}, {key: b, needs: [], run: x, secrets: [TOKEN]}]",
        # Only a command's own environment: no workflow file holds it.
        "steps: [{key: a, run: x, env: {a: x, A: y}}]",
        "defaults: {env: {A: x}}\n" + NATIVE.format("env: {A: y}", "env: {A: z}"),
        "params: {work: {type: string}, item: {type: string}}\nsteps: [{key: a, run: 'echo $PARAM_WORK $PARAM_ITEM'}]",
    ],
)
def test_a_name_in_one_spelling_passes_and_so_does_the_workflow(text, tmp_path):
    assert found(text) == []
    for path, content in compile_text(demo=HEAD + text).items():
        if path.startswith(".github/workflows/"):
            (tmp_path / path.rpartition("/")[2]).write_bytes(content)
    done = subprocess.run(
        [BIN / "actionlint", "-shellcheck=", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_parameter_can_not_take_the_place_of_the_work_item():
    text = "params: {work-item: {type: string}}\nsteps: [{key: a, run: 'echo $PARAM_WORK_ITEM'}]"
    assert found(text) == [("reserved-param", "parameter 'work-item' is an input of every orchestrator")]
