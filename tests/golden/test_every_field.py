"""Each field of the plan language, from the spec to what it changes in the compiled files."""

from __future__ import annotations

import json

import pytest

from golden.compiling import compile_text
from judges.reading import read_workflow
from planloom.records.compiled import CompiledPlan, decode_steps
from planloom.syntax.plan_schema import DEFAULTS, WORKFLOW
from planloom.syntax.step_schema import PLAN, STEP

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


def step_of(text, key="one"):
    return decode_steps(compile_text(demo=text)["generated/demo/steps.jsonl"])[key]


def workflow_of(text, name):
    return read_workflow(compile_text(demo=text)[f".github/workflows/demo-{name}.yml"])


def with_step(field):
    return f"{HEAD}resources: {{db: {{capacity: 2}}}}\nsteps:\n  - key: zero\n    run: 'true'\n  - key: one\n    run: make\n    {field}\n"


DEFINED = [
    ("name: One of them", "name", "One of them"),
    ("needs: [zero]", "needs", ["zero"]),
    ("shell: sh", "shell", "sh"),
    ("outputs: [dist/x]", "outputs", ["dist/x"]),
    ("env: {A: b}", "env", {"A": "b"}),
    ("secrets: [TOKEN]", "secrets", ["TOKEN"]),
    ("runs-on: windows-2025", "runsOn", "windows-2025"),
    ("runs-on: [self-hosted, linux]", "runsOn", ["self-hosted", "linux"]),
    ("runs-on: {group: big, labels: [linux]}", "runsOn", {"group": "big", "labels": ["linux"]}),
    ("matrix: {queue: heavy, n: 3, gpu: true}", "matrix", {"queue": "heavy", "n": 3, "gpu": True}),
    ("environment: production", "environment", "production"),
    (f"container: r/i@sha256:{'0' * 64}", "container", f"r/i@sha256:{'0' * 64}"),
    ("permissions: {id-token: write}", "permissions", {"id-token": "write"}),
    ("timeout-minutes: 7", "timeoutMinutes", 7),
    ("attempts: 5", "attempts", 5),
    ("resources: {db: 2}", "resources", {"db": 2}),
    ("resources: [db]", "resources", {"db": 1}),
    ("gate: {role: approver, approvals: 2}", "gate", {"role": "approver", "approvals": 2}),
    ("baseline: true", "baseline", True),
    ("working-directory: app", "workingDirectory", "app"),
    ("entry-criteria: [ready]", "entryCriteria", ["ready"]),
    ("exit-criteria: [done]", "exitCriteria", ["done"]),
    ("role: engineer", "role", "engineer"),
    ("tasks: [T001]", "tasks", ["T001"]),
]


@pytest.mark.parametrize(("field", "key", "value"), DEFINED, ids=[f[0].split(":")[0] + str(i) for i, f in enumerate(DEFINED)])
def test_a_steps_field_is_part_of_what_the_step_is(field, key, value):
    assert step_of(with_step(field)).definition[key] == value
    assert step_of(with_step(field)).digest != step_of(with_step("key: one").replace("    key: one\n", "")).digest


def test_the_other_fields_of_a_step_have_a_test_of_their_own():
    here = {field.split(":")[0] for field, _, _ in DEFINED}
    assert set(STEP["properties"]) - here == {"key", "order", "parallelizable", "run", "steps", "foreach"}


def test_order_and_parallelizable_decide_the_place():
    text = HEAD + "steps:\n  - {key: a, run: x, order: 2}\n  - {key: b, run: x, order: 1, parallelizable: true}\n"
    steps = decode_steps(compile_text(demo=text)["generated/demo/steps.jsonl"])
    assert (steps["b"].position, steps["a"].position) == (1, 2)
    assert steps["a"].after == ("b",)
    assert (steps["a"].parallelizable, steps["b"].parallelizable) == (False, True)


def test_run_steps_or_neither_decide_who_carries_a_step_out():
    text = HEAD + "steps:\n  - {key: a, run: make}\n  - {key: b, steps: [{run: make}]}\n  - {key: c}\n"
    steps = decode_steps(compile_text(demo=text)["generated/demo/steps.jsonl"])
    assert [steps[k].profile for k in "abc"] == ["work", "work-b", ""]
    jobs = workflow_of(text, "execute")["jobs"]
    assert list(jobs) == ["work", "work-b"]
    assert any(step.get("run") == "make" for step in jobs["work-b"]["steps"])
    assert not any(step.get("run") == "make" for step in jobs["work"]["steps"])


def test_foreach_becomes_steps_and_native_ones_get_their_values():
    text = HEAD + (
        "steps:\n  - {key: t, needs: [], foreach: {python: ['3.12', '3.13'], os: [a]}, run: make}\n"
        "  - {key: n, needs: [t], foreach: {v: [x, y]}, env: {E: f}, steps: [{run: echo}]}\n"
    )
    steps = decode_steps(compile_text(demo=text)["generated/demo/steps.jsonl"])
    assert sorted(steps) == ["n-x", "n-y", "t-3-12-a", "t-3-13-a"]
    assert steps["t-3-12-a"].definition["each"] == {"python": "3.12", "os": "a"}
    assert set(steps["n-x"].needs) == {"t-3-12-a", "t-3-13-a"}
    native = workflow_of(text, "execute")["jobs"]["work-n-y"]["steps"]
    assert next(step for step in native if step.get("run") == "echo")["env"] == {"EACH_V": "y", "E": "f"}


def test_the_values_of_a_foreach_stand_in_its_outputs_and_stand_for_themselves():
    text = HEAD + (
        "steps:\n  - key: t\n    needs: []\n    run: make\n    foreach: {python: ['3.12', '3.*'], os: [a]}\n"
        "    outputs: ['dist/$EACH_PYTHON-${EACH_OS}/*.whl', log.txt]\n"
    )
    steps = decode_steps(compile_text(demo=text)["generated/demo/steps.jsonl"])
    assert steps["t-3-12-a"].definition["outputs"] == ["dist/3.12-a/*.whl", "log.txt"]
    assert steps["t-3-a"].definition["outputs"] == ["dist/3.[*]-a/*.whl", "log.txt"]


def test_secrets_go_to_the_steps_that_ask_and_nowhere_else():
    text = HEAD + "steps:\n  - {key: a, needs: [], run: x, secrets: [TOKEN]}\n  - {key: b, needs: [], run: x}\n"
    jobs = workflow_of(text, "execute")["jobs"]
    assert "secrets.TOKEN" in json.dumps(jobs["work-a"])
    assert "secrets.TOKEN" not in json.dumps(jobs["work"])
    orchestrator = workflow_of(text, "orchestrator")
    assert orchestrator["jobs"]["execute"]["secrets"] == {"TOKEN": "${{ secrets.TOKEN }}"}
    assert workflow_of(text, "execute")["on"]["workflow_call"]["secrets"] == {"TOKEN": {"required": False}}


def test_permissions_and_environment_reach_the_job_and_its_caller():
    text = HEAD + "steps:\n  - {key: a, run: x, permissions: {packages: write}, environment: production}\n"
    job = workflow_of(text, "execute")["jobs"]["work-a"]
    assert job["environment"] == "production"
    assert job["permissions"] == {"contents": "read", "actions": "read", "packages": "write"}
    assert workflow_of(text, "orchestrator")["jobs"]["execute"]["permissions"]["packages"] == "write"


def settings_of(text):
    return CompiledPlan.from_bytes(compile_text(demo=text)["generated/demo/plan.json"]).settings


STEPS = "steps:\n  - {key: one, run: make}\n"


def test_params_become_inputs_and_variables():
    text = HEAD + "params: {git-tag: {type: string, description: Which tag}}\n" + STEPS.replace("make", 'echo "$PARAM_GIT_TAG"')
    orchestrator = workflow_of(text, "orchestrator")
    given = orchestrator["on"]["workflow_dispatch"]["inputs"]["git-tag"]
    assert given == {"description": "Which tag (used when the work item does not exist yet)", "required": False, "type": "string"}
    delegate = next(step for step in orchestrator["jobs"]["delegate"]["steps"] if step["name"] == "Delegate")
    assert delegate["env"]["PARAM_GIT_TAG"] == "${{ inputs.git-tag }}"
    assert settings_of(text)["params"]["git-tag"]["type"] == "string"


def test_resources_are_settings_with_their_capacity():
    text = HEAD + "resources: {db: {capacity: 3}}\nsteps:\n  - {key: one, run: make, resources: [db]}\n"
    assert settings_of(text)["resources"] == {"db": 3}


def test_name_version_and_description_are_on_the_page():
    page = compile_text(demo=HEAD + "description: What it is for\n" + STEPS)["generated/demo/README.md"].decode()
    assert page.splitlines()[2] == "# Demo"
    assert "What it is for" in page
    assert "1.0.0" in page


@pytest.mark.parametrize("field", sorted(DEFAULTS["properties"]))
def test_defaults_apply_to_steps_that_say_nothing(field):
    values = {
        "runs-on": ("macos-15", "runsOn"),
        "timeout-minutes": (9, "timeoutMinutes"),
        "attempts": (4, "attempts"),
        "shell": ("sh", "shell"),
        "env": ({"A": "b"}, "env"),
        "permissions": ({"packages": "write"}, "permissions"),
    }
    value, key = values[field]
    text = f"{HEAD}defaults: {{{field}: {json.dumps(value)}}}\n{STEPS}"
    assert step_of(text).definition[key] == value


def test_workflow_settings_have_their_effect():
    assert set(WORKFLOW["properties"]) == {"prefix", "execution", "loop", "collect", "on", "privileges-acknowledged"}
    files = compile_text(demo=HEAD + "workflow: {prefix: ''}\n" + STEPS)
    assert {".github/workflows/orchestrator.yml", ".github/workflows/execute.yml", ".github/workflows/collector.yml"} <= set(
        files
    )
    direct = workflow_of(HEAD + "workflow: {execution: direct}\n" + STEPS, "execute")
    assert [step["name"] for step in direct["jobs"]["work"]["steps"]][2:4] == ["Claim", "Execute"]
    manual = workflow_of(HEAD + "workflow: {loop: manual, collect: never}\n" + STEPS, "orchestrator")
    assert not any(step.get("name") == "Go on" for step in manual["jobs"]["complete"]["steps"])
    once = workflow_of(HEAD + "workflow: {loop: manual, collect: never, execution: direct}\n" + STEPS, "orchestrator")
    assert "next" not in once["jobs"]
    assert settings_of(HEAD + "workflow: {collect: wave, loop: manual}\n" + STEPS)["collect"] == "wave"
    extra = workflow_of(HEAD + "workflow: {on: {schedule: ['5 4 * * *']}}\n" + STEPS, "orchestrator")
    assert extra["on"]["schedule"] == [{"cron": "5 4 * * *"}]


def test_every_field_of_a_plan_is_covered_here():
    assert set(PLAN["properties"]) == {
        "schema", "id", "name", "version", "description", "params", "resources", "workflow", "defaults", "steps",
    }  # fmt: skip
