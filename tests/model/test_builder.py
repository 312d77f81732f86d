"""Nodes → Plan: defaults, expansion, groups."""

from planloom.core.diagnostics import Span
from planloom.model.builder import build_plan, build_project
from planloom.model.plan import Gate, RunsOn
from planloom.syntax.reader import read
from planloom.syntax.shape import check_plan

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


def build(text):
    content = (HEAD + text).encode()
    node, found = read("specs/demo.yaml", content)
    assert found == ()
    shape = check_plan(node, Span("specs/demo.yaml", 1, 1, 1, 1))
    assert shape.diagnostics == ()
    return build_plan("specs/demo.yaml", content, node)


def plan_of(text):
    plan, found = build(text)
    assert found == ()
    return plan


def steps_of(text):
    return {step.key: step for step in plan_of(text).steps}


def test_a_step_says_nothing_and_takes_the_defaults():
    step = steps_of("steps: [{key: a, run: make}]\n")["a"]
    assert (step.name, step.order, step.parallelizable, step.shell, step.attempts) == ("a", 1, False, "bash", 2)
    assert (step.runs_on, step.timeout_minutes, step.env, step.permissions) == (RunsOn(("ubuntu-24.04",)), 30, {}, {})
    assert not step.is_manual


def test_the_plans_defaults_are_taken_unless_the_step_says_otherwise():
    steps = steps_of(
        "defaults: {runs-on: [self-hosted, linux], timeout-minutes: 5, attempts: 1, shell: sh, env: {A: 1, B: x}, permissions: {contents: read}}\n"
        "steps:\n  - {key: a}\n  - {key: b, env: {B: true}, permissions: {}, runs-on: {group: big}, attempts: 4}\n"
    )
    assert steps["a"].runs_on == RunsOn(("self-hosted", "linux"), is_text=False)
    assert (steps["a"].timeout_minutes, steps["a"].attempts, steps["a"].shell) == (5, 1, "sh")
    assert steps["a"].env == {"A": "1", "B": "x"}
    assert steps["b"].env == {"A": "1", "B": "true"}
    assert steps["b"].permissions == {}
    assert steps["b"].runs_on == RunsOn((), "big", is_text=False)
    assert steps["b"].attempts == 4


def test_steps_are_parallelizable_by_default_where_any_step_has_needs():
    assert [
        s.parallelizable for s in plan_of("steps: [{key: a}, {key: b, needs: [a]}, {key: c, parallelizable: false}]\n").steps
    ] == [
        True,
        True,
        False,
    ]
    assert [s.parallelizable for s in plan_of("steps: [{key: a}, {key: b}]\n").steps] == [False, False]


def test_foreach_makes_a_step_for_each_combination_in_order():
    plan = plan_of(
        "steps:\n  - key: test\n    name: Test\n    foreach: {python: ['3.12', '3.13'], os: [Linux, macOS]}\n    env: {X: '1'}\n"
        "  - {key: build, needs: [test]}\n"
    )
    assert [s.key for s in plan.steps] == ["test-3-12-linux", "test-3-12-macos", "test-3-13-linux", "test-3-13-macos", "build"]
    first = plan.steps[0]
    assert (first.group, first.each, first.name) == ("test", {"python": "3.12", "os": "Linux"}, "Test (3.12, Linux)")
    assert first.env == {"X": "1", "EACH_PYTHON": "3.12", "EACH_OS": "Linux"}
    assert plan.groups == {"test": tuple(s.key for s in plan.steps[:4])}
    assert plan.steps[4].needs == plan.groups["test"]
    assert {s.order for s in plan.steps[:4]} == {1}
    assert plan.steps[4].order == 2


def test_a_need_on_a_group_and_on_one_of_its_steps_is_named_once():
    plan = plan_of("steps:\n  - {key: t, foreach: {n: [1, 2]}}\n  - {key: b, needs: [t-2, t]}\n")
    assert plan.steps[2].needs == ("t-2", "t-1")


def test_resources_gates_and_native_steps_are_values():
    steps = steps_of(
        "resources: {slot: {capacity: 3}}\nsteps:\n  - {key: a, resources: [slot], gate: {}}\n"
        "  - {key: b, resources: {slot: 2}, gate: {role: boss, approvals: 2}, steps: [{uses: x/y@1, with: {a: 1}}]}\n"
    )
    assert steps["a"].resources == {"slot": 1}
    assert steps["a"].gate == Gate("approver", 1)
    assert steps["b"].resources == {"slot": 2}
    assert steps["b"].gate == Gate("boss", 2)
    assert steps["b"].native == ({"uses": "x/y@1", "with": {"a": 1}},)
    assert type(steps["b"].native[0]["with"]) is dict


def test_the_workflow_has_its_defaults():
    workflow = plan_of("steps: [{key: a}]\n").workflow
    assert (workflow.prefix, workflow.execution, workflow.loop, workflow.collect, workflow.schedule) == (
        "demo-",
        "isolated",
        "auto",
        "end",
        (),
    )


def test_duplicate_keys_are_reported_with_the_first_place():
    _, (found,) = build("steps: [{key: a}, {key: b}, {key: a}]\n")
    assert found.rule == "duplicate-step"
    assert found.labels[0].message == "first defined here"


def test_a_group_key_is_taken_too():
    _, found = build("steps:\n  - {key: t, foreach: {n: [1]}}\n  - {key: t}\n  - {key: t-1}\n")
    assert [d.rule for d in found] == ["duplicate-step", "duplicate-step"]


def test_params_default_to_text_and_are_checked_against_themselves():
    plan = plan_of("params: {tag: {default: x}}\nsteps: [{key: a}]\n")
    assert plan.params[0].schema == {"default": "x", "type": "string"}
    _, (found,) = build("params: {n: {type: integer, default: 12, maximum: 9}}\nsteps: [{key: a}]\n")
    assert found.message == "default '12' of 'n' is out of its range"


def test_a_project_has_its_defaults_and_its_pins():
    node, _ = read("x", b"schema: planloom/project/v1\nledger: git\npins: {a/b: {version: v1, commit: " + b"a" * 40 + b"}}\n")
    project, found = build_project("x", b"", node)
    assert found == ()
    assert (project.ledger, project.python, project.pins) == ("git", "3.13", {"a/b": ("v1", "a" * 40)})
