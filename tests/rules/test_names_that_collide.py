"""Names that GitHub takes for one are found wherever they can meet; what passes is accepted by a judge of workflows."""

from __future__ import annotations

import subprocess

import pytest

from golden.compiling import compile_text
from judges.tools import BIN
from planloom.pipeline import check_project, load_project

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


@pytest.mark.parametrize(
    ("one", "other"),
    [("Release", "release"), ("straße", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("planloom", "Planloom")],
)
def test_two_files_that_are_one_on_some_disks_are_found(one, other):
    first, second = sorted(f"specs/{name}.yaml" for name in (one, other))
    text = HEAD + "steps: [{key: a, run: make}]\n"
    files = {first: text.encode(), second: text.replace("demo", "other").encode()}
    found = [d for d in check_project(files, None).diagnostics if d.rule == "file-collision"]
    assert [(d.span.path, d.message) for d in found] == [(second, f"the file is '{first}' in another spelling")]
    assert [label.span.path for label in found[0].labels] == [first]


def test_two_files_with_names_of_their_own_pass():
    text = HEAD + "steps: [{key: a, run: make}]\n"
    files = {"specs/demo.yaml": text.encode(), "specs/demo-2.yaml": text.replace("demo", "other").encode()}
    assert check_project(files, None).diagnostics == ()


def test_a_file_that_can_not_be_read_collides_too(tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/demo.yaml").write_text(HEAD + "steps: [{key: a, run: make}]\n")
    if (tmp_path / "specs/Demo.yaml").exists():
        pytest.skip("this disk takes the two names for one")
    (tmp_path / "specs/Demo.yaml").mkdir()
    assert [d.code for d in load_project(tmp_path).diagnostics] == ["PL122", "PL334"]
