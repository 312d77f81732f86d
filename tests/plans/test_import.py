"""import: task lists and workflows become plans that validate; what is lost is told with its place."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planloom.emit.pins import read_pins
from planloom.graph.plangraph import build_graph
from planloom.model.builder import build_plan
from planloom.pipeline import check_project
from planloom.syntax.importing import tasks
from planloom.syntax.importing.tasks import import_tasks
from planloom.syntax.importing.workflow import import_workflow
from planloom.syntax.nodes import MapNode
from planloom.syntax.reader import read

TASKS = """# Tasks: Image service

## Phase 1: Setup
- [x] T001 Create the project
- [ ] T002 Add tools
- [ ] T003 [P] Configure lint

## Phase 2: Tests
- [ ] T004 [P] [US1] Contract test in tests/test_a.py
- [ ] T005 [P] Integration test (depends on T002, T001)
**Checkpoint**: all tests fail

## Phase 3
- [ ] T006 Implement: "the" service
- [ ] without an id
- [ ] T006 again
"""

WORKFLOW = """name: CI
on:
  push: {branches: [main]}
  schedule: [{cron: "0 4 * * 1"}]
env: {CI_LEVEL: 2, REF: "${{ github.ref }}"}
permissions: {contents: read}
concurrency: x
jobs:
  Lint_All:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      - run: make lint
  test:
    needs: Lint_All
    runs-on: ${{ matrix.os }}
    timeout-minutes: 10
    strategy:
      fail-fast: false
      max-parallel: 2
      matrix: {python: ["3.12", "3.13"], include: [{python: "3.14"}]}
    env: {TOKEN: "${{ secrets.INDEX_TOKEN }}", LEVEL: 1}
    steps:
      - uses: acme/thing@v1
        with: {version: "${{ matrix.python }}"}
      - name: Test ${{ matrix.python }}
        run: tox -e py${{ matrix.python }}
    if: github.actor != 'x'
"""


def plan_of(tree_or_text):
    node, found = read("specs/x.yaml", tree_or_text.encode())
    assert found == ()
    plan, found = build_plan("specs/x.yaml", tree_or_text.encode(), node)
    assert found == ()
    return plan


def test_a_workflow_with_anchors_becomes_the_plan_that_it_is_written_out(planloom, write, tmp_path):
    (tmp_path / "specs").mkdir()
    anchored = (
        "on: {push: }\njobs:\n  a:\n    runs-on: &runner ubuntu-24.04\n    env: &env {LEVEL: 1}\n    steps: &steps\n"
        "      - run: make\n      - if: ${{ matrix.x }}\n        run: make more\n"
        "  b:\n    runs-on: *runner\n    env: *env\n    steps: *steps\n"
    )
    written = anchored.replace("runs-on: *runner", "runs-on: ubuntu-24.04").replace("env: *env", "env: {LEVEL: 1}")
    written = written.replace("steps: *steps", "steps:\n      - run: make\n      - if: ${{ matrix.x }}\n        run: make more")
    for name, text in (("one.yml", anchored), ("two.yml", re.sub(r" &[a-z]+", "", written))):
        (tmp_path / name).write_text(text)
    one, two = (planloom("import", name, "--id", "x", "--stdout") for name in ("one.yml", "two.yml"))
    assert (one.status, one.out) == (0, two.out)
    assert "LEVEL" in one.out
    assert len(set(one.err.splitlines())) == len(one.err.splitlines())  # what is repeated is told once


def test_open_tasks_become_manual_steps_in_order(planloom, write, tmp_path):
    write("docs/tasks.md", TASKS)
    (tmp_path / "specs").mkdir()
    done = planloom("import", "docs/tasks.md", "--id", "images")
    assert (done.status, done.out) == (0, "specs/images.yaml: 5 steps, 4 notes\n")
    assert done.err.splitlines() == [
        "docs/tasks.md:4:1: task T001 is done already and left out",
        "docs/tasks.md:15:1: a box without a task id (T001) is left out",
        "docs/tasks.md:16:1: task T006 is here a second time (first in line 14) and left out",
        "docs/tasks.md:10:1: task T005 depends on T001, which is done or not there: the need is left out",
        "Next: planloom validate",
    ]
    plan = plan_of((tmp_path / "specs/images.yaml").read_text())
    assert plan.name == "Tasks: Image service"
    steps = {step.key: step for step in plan.steps}
    assert list(steps) == ["t002", "t003", "t004", "t005", "t006"]
    assert steps["t004"].needs == ("t003",)
    assert steps["t005"].needs == ("t002",)
    assert steps["t005"].exit_criteria == ("all tests fail",)
    assert steps["t004"].tasks == ("T004", "US1")
    assert steps["t006"].name == 'Implement: "the" service'
    assert build_graph(plan).waves == (("t002",), ("t003", "t005"), ("t004",), ("t006",))
    assert planloom("validate").status == 0


def test_boxes_in_a_block_of_code_are_no_tasks_and_too_many_are_reported(monkeypatch):
    text = "- [ ] T001 a\n```text\n- [ ] T002 shown\n~~~\n- [ ] T003 shown\n```\n- [ ] T004 b\n- [ ] T005 c\n"
    imported = import_tasks("tasks.md", text, "x")
    assert [step["key"] for step in imported.tree["steps"]] == ["t001", "t004", "t005"]
    assert imported.notes == ()
    monkeypatch.setattr(tasks, "MAX_TASKS", 2)
    imported = import_tasks("tasks.md", text, "x")
    assert [(note.span.line, note.message) for note in imported.notes] == [
        (8, "task T005 is left out: a plan is made of 2 at most")
    ]


def test_a_plan_is_not_overwritten_unless_asked(planloom, write, tmp_path):
    write("tasks.md", TASKS)
    write("specs/mine.yaml", "steps: [{key: a}]\n")
    done = planloom("import", "tasks.md", "--id", "mine")
    assert done.status == 3
    assert planloom("import", "tasks.md", "--id", "mine", "--force").status == 0


def test_jobs_become_steps_pinned_and_with_their_matrix(planloom, write, tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "ci.yml").write_text(WORKFLOW)
    done = planloom("import", "ci.yml")
    assert done.status == 0
    plan = plan_of((tmp_path / "specs/ci.yaml").read_text())
    steps = {step.key: step for step in plan.steps}
    assert list(steps) == ["lint-all", "test-3-12", "test-3-13"]
    assert plan.workflow.schedule == ("0 4 * * 1",)
    test = steps["test-3-12"]
    assert (test.needs, test.timeout_minutes, test.secrets) == (("lint-all",), 10, ("INDEX_TOKEN",))
    assert test.env == {"CI_LEVEL": "2", "LEVEL": "1", "EACH_PYTHON": "3.12"}
    assert test.native[0]["with"] == {"version": "${{ env.EACH_PYTHON }}"}
    assert test.native[1]["run"] == "tox -e py${EACH_PYTHON}"
    assert test.native[1]["env"] == {"TOKEN": "${{ secrets.INDEX_TOKEN }}"}
    assert len(steps["lint-all"].native[0]["uses"].partition("@")[2]) == 40
    for part in (
        "ci.yml:2:1: trigger 'push' is left out",
        "ci.yml:5:20: variable 'REF' of the workflow is an expression and left out",
        "ci.yml:7:1: 'concurrency' of the workflow is left out",
        "the runner of job 'test' is an expression and left out",
        "'max-parallel' of job 'test' is left out",
        "'include' of the matrix of job 'test' is left out",
        "'if' of job 'test' is left out",
        "'acme/thing@v1' is to be pinned",
    ):
        assert part in done.err


SILENT = """name: CI
run-name: by ${{ github.actor }}
on:
  workflow_dispatch:
    inputs: {level: {type: string}}
defaults: {run: {shell: sh}}
env: ${{ fromJSON(vars.ENV) }}
jobs:
  build:
    runs-on: ubuntu-24.04
    outputs: {v: x}
    services: {db: {image: postgres}}
    env: {EMPTY: }
    steps:
      - run: echo ${{ matrix.extra }} ${{ needs.a.outputs.v }} ${{ inputs.level }}
        env: ${{ fromJSON('{}') }}
      - uses: ./own
        with: {a: "${{ inputs.level }}", b: 1.5, c: }
"""


def test_whatever_is_not_kept_is_reported_with_its_place(planloom, tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "ci.yml").write_text(SILENT)
    done = planloom("import", "ci.yml")
    assert done.status == 0
    assert done.err.splitlines()[:-1] == [
        "ci.yml:5:14: input 'level' is left out: params are given when a work item is opened",
        "ci.yml:6:1: 'defaults' of the workflow is left out",
        "ci.yml:7:1: 'env' is no plain mapping and left out",
        "ci.yml:11:5: 'outputs' of job 'build' is left out",
        "ci.yml:12:5: 'services' of job 'build' is left out",
        "ci.yml:15:14: 'matrix.extra' has no value in a plan: the expression is kept and to be replaced",
        "ci.yml:15:14: 'needs.a' has no value in a plan: the expression is kept and to be replaced",
        "ci.yml:15:14: 'inputs.level' has no value in a plan: the expression is kept and to be replaced",
        "ci.yml:16:9: 'env' is no plain mapping and left out",
        "ci.yml:18:19: 'inputs.level' has no value in a plan: the expression is kept and to be replaced",
    ]
    (step,) = plan_of((tmp_path / "specs/ci.yaml").read_text()).steps
    assert step.env == {"EMPTY": ""}
    assert step.native[1]["with"] == {"a": "${{ inputs.level }}", "b": "1.5", "c": ""}


MISSHAPEN = """jobs:
  a: {steps: 3}
  b: null
  c:
    needs: 5
    steps: [1, null, {run: [x], name: odd}, {run: make}]
"""


def test_parts_of_no_shape_that_github_knows_are_reported_with_their_place(planloom, tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "ci.yml").write_text(MISSHAPEN)
    done = planloom("import", "ci.yml")
    assert done.status == 0
    assert done.err.splitlines()[:-1] == [
        "ci.yml:2:7: the steps of job 'a' are no list and left out",
        "ci.yml:3:3: job 'b' is no mapping and left out",
        "ci.yml:5:12: what job 'c' needs is no name and no list of names, and left out",
        "ci.yml:6:13: a step of job 'c' is no mapping and left out",
        "ci.yml:6:16: a step of job 'c' is no mapping and left out",
        "ci.yml:6:23: 'run' of a GitHub step is no plain value and left out",
    ]


def test_an_action_that_becomes_another_version_is_reported_and_each_pin_says_its_version(planloom, tmp_path):
    (tmp_path / "specs").mkdir()
    uses = "".join(f"      - uses: actions/{action}\n" for action in ("checkout@v4", "setup-python@v3", "cache@v5", "cache"))
    (tmp_path / "ci.yml").write_text(f"jobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n{uses}")
    done = planloom("import", "ci.yml")
    pins = read_pins(None).table
    checkout, python, cache = (pins[f"actions/{name}"] for name in ("checkout", "setup-python", "cache"))
    assert done.err.splitlines()[:-1] == [
        f"ci.yml:5:15: 'actions/checkout@v4' becomes {checkout.version}, the version whose commit is known: look whether it does the same",
        f"ci.yml:6:15: 'actions/setup-python@v3' becomes {python.version}, the version whose commit is known: look whether it does the same",
        f"ci.yml:8:15: 'actions/cache' becomes {cache.version}, the version whose commit is known: look whether it does the same",
    ]
    text = (tmp_path / "specs/ci.yaml").read_text()
    assert f"uses: actions/checkout@{checkout.commit}  # {checkout.version}\n" in text
    assert f"uses: actions/cache@{cache.commit}  # {cache.version}\n" in text
    assert planloom("validate").status == 0


def test_an_import_begins_a_project_where_there_is_none(planloom, write, tmp_path, monkeypatch):
    write("ci/tasks.md", TASKS)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path / "ci")
    done = planloom("import", "tasks.md", "--id", "images")
    assert (done.status, done.out) == (0, "specs/images.yaml: 5 steps, 4 notes\n")
    assert (tmp_path / "specs/images.yaml").is_file()
    (tmp_path / "other").mkdir()
    assert planloom("import", "tasks.md", "--id", "x", "--root", "../other").status == 0
    assert (tmp_path / "other/specs/x.yaml").is_file()
    assert planloom("import", "tasks.md", "--root", "nowhere").status == 2


def test_a_section_of_dependencies_becomes_needs_and_what_is_not_understood_is_reported(planloom, write, tmp_path):
    section = """# T
- [ ] T001 [P] a
- [ ] T002 [P] b
- [ ] T003 [P] c
- [ ] T004 [P] d
- [ ] T005 [P] e
## Dependencies & order
- T004 after T003
- **T005**: depends on T001, T004.
* T002 blocks T003 and T005
T003 needs T009
- T010 after T001
- T001 and T002 may meet
- Setup comes first

## Notes
T001 is nice
"""
    write("tasks.md", section)
    (tmp_path / "specs").mkdir()
    done = planloom("import", "tasks.md", "--id", "x")
    assert done.err.splitlines()[:-1] == [
        "tasks.md:12:1: task T010 is done or not there: that it comes after T001 is left out",
        "tasks.md:13:1: this line of the dependencies is not understood and left out: write '(depends on T001)' behind a task",
        "tasks.md:14:1: this line of the dependencies is not understood and left out: write '(depends on T001)' behind a task",
        "tasks.md:4:1: task T003 depends on T009, which is done or not there: the need is left out",
    ]
    steps = {step.key: step.needs for step in plan_of((tmp_path / "specs/x.yaml").read_text()).steps}
    assert steps == {"t001": (), "t002": (), "t003": ("t002",), "t004": ("t003",), "t005": ("t001", "t004", "t002")}


def test_an_imported_workflow_lacks_only_pins(planloom, tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "ci.yml").write_text(WORKFLOW.replace("acme/thing@v1", "acme/thing@" + "a" * 40))
    planloom("import", "ci.yml")
    assert planloom("validate").status == 0


@pytest.mark.parametrize(
    ("name", "text"), [("x.md", "nothing here\n"), ("x.yml", "a: 1\n"), ("x.yml", "jobs: [\n"), ("x.yml", "jobs: {}\n")]
)
def test_what_holds_no_steps_is_unusable_input(planloom, tmp_path, name, text):
    (tmp_path / "specs").mkdir()
    (tmp_path / name).write_text(text)
    done = planloom("import", name)
    assert done.status == 2
    assert list((tmp_path / "specs").iterdir()) == []


def test_a_missing_file_is_unusable_input(planloom):
    assert planloom("import", "nothing.md").status == 2


def test_the_plan_can_be_printed(planloom, write):
    write("tasks.md", TASKS)
    assert planloom("import", "tasks.md", "--stdout", "--id", "x").out.startswith(
        "# yaml-language-server: $schema=../generated/schema/plan.schema.json\nschema: planloom/plan/v1\nid: x\n"
    )


LINES = st.sampled_from(
    [
        "# T",
        "## Phase 2",
        "- [ ] T001 a",
        "- [ ] T002 [P] b",
        "- [ ] T003 [P] c",
        "* [x] T004 d",
        "- [ ] T005 e (depends on T001, T9)",
        "",
        "text",
        "- [ ] x",
        "**Checkpoint**: ok",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_any_task_list_becomes_a_plan_without_errors(lines):
    from planloom.emit.yaml import write as write_yaml

    imported = import_tasks("tasks.md", "\n".join(lines), "demo")
    if imported.tree["steps"]:
        checked = check_project({"specs/demo.yaml": write_yaml(imported.tree)}, None)
        assert [d for d in checked.diagnostics if d.severity.value == "error"] == []


VALUES = st.recursive(
    st.sampled_from(["x", "${{ matrix.a }}", 1, True, None, 1.5, "3.12"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["a", "name", "include", "run", "uses", "env"]), inner, max_size=3),
    ),
    max_leaves=6,
)
JOB_FIELDS = [
    "name",
    "needs",
    "runs-on",
    "steps",
    "env",
    "permissions",
    "timeout-minutes",
    "environment",
    "container",
    "strategy",
    "if",
    "uses",
]


def as_node(value):
    """Return plain data as nodes."""
    import json

    node, found = read("x.yml", json.dumps(value).encode())
    assert found == ()
    return node


@example(jobs={"a": {"steps": [{"env": "x", "with": [1]}]}}, triggers="x")
@given(
    st.dictionaries(st.sampled_from(["a", "B_c"]), st.dictionaries(st.sampled_from(JOB_FIELDS), VALUES, max_size=5), max_size=2),
    VALUES,
)
def test_no_workflow_makes_the_import_fail(jobs, triggers):
    node = as_node({"jobs": jobs, "on": triggers, "env": {"A": "x"}})
    assert isinstance(node, MapNode)
    imported = import_workflow(node, "demo", {})
    assert len(imported.tree["steps"]) == len(jobs)
