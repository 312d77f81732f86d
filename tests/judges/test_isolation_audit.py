"""From the generated files alone: where keys, tokens and user text can be, for every example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from golden.compiling import CASES as GOLDEN
from judges.reading import compiled_cases, read_workflow, role_of
from planloom.pipeline import check_project, compile_project

REPOSITORY = Path(__file__).parents[2]
OWN = {"contents": "read", "actions": "read"}


def examples():
    """The examples that `init` lays down, and the plans of this repository itself."""
    for name, folder in (("example", REPOSITORY / "compiler/planloom/scaffold/examples"), ("own", REPOSITORY / "specs")):
        paths = [path for path in sorted(folder.glob("*.yaml")) if path.name != "planloom.yaml"]
        yield from compiled({f"specs/{path.name}": path.read_bytes() for path in paths}, name)


def compiled(sources, name):
    checked = check_project(sources, None, locked=True)
    files = compile_project(checked)
    for plan in checked.plans:
        own = {
            path: read_workflow(content)
            for path, content in files.items()
            if path.startswith(".github/") and plan.path.encode() in content[:300]
        }
        yield f"{name} {plan.id}", plan.workflow.execution, own


def asked_for(source: str) -> dict[str, str]:
    """What the plan acknowledges: the permissions that its steps name."""
    wanted = {}
    for folder in (*GOLDEN.iterdir(), REPOSITORY / "compiler/planloom/scaffold/examples"):
        path = folder / source if (folder / source).exists() else folder / Path(source).name
        if path.is_file():
            for step in YAML(typ="safe", pure=True).load(path.read_bytes())["steps"]:
                wanted |= step.get("permissions", {})
    return wanted


CASES = [pytest.param(execution, workflows, id=name) for name, execution, workflows in [*compiled_cases(), *examples()]]
ISOLATED = [case for case in CASES if case.values[0] == "isolated"]


def jobs_of(workflows):
    for path, content in workflows.items():
        for name, job in content["jobs"].items():
            yield path, name, job


def has_user_code(job):
    """A command of the plan runs by `exec`; a native step is one that neither we wrote nor an action of ours."""
    runs = [step.get("run", "") for step in job.get("steps", [])]
    return any(re.search(r"/planloom\" exec ", run) for run in runs)


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def key_environments(workflows):
    return {
        job["environment"]
        for _, _, job in jobs_of(workflows)
        if "environment" in job and "PLANLOOM_SIGNING_KEY" in " ".join(texts(job))
    }


@pytest.mark.parametrize(("execution", "workflows"), ISOLATED)
def test_no_job_with_user_code_can_read_the_key(execution, workflows):
    environments = key_environments(workflows)
    assert environments, "some job must sign"
    for _, _, job in jobs_of(workflows):
        if has_user_code(job):
            assert "PLANLOOM_SIGNING_KEY" not in " ".join(texts(job))
            assert job.get("environment") not in environments
        if "uses" in job:
            assert "PLANLOOM_SIGNING_KEY" not in job.get("secrets", {})
            assert job.get("secrets") != "inherit"


@pytest.mark.parametrize(("execution", "workflows"), ISOLATED)
def test_no_job_with_user_code_holds_a_right_that_its_plan_did_not_ask_for(execution, workflows, request):
    asked = asked_for(re.search(r"specs/\S+\.yaml", request.node.callspec.id)[0]) if "specs/" in request.node.callspec.id else {}
    seen = 0
    for _, _, job in jobs_of(workflows):
        if has_user_code(job):
            seen += 1
            for right, level in job["permissions"].items():
                assert OWN.get(right) == level or asked.get(right) == level
    assert seen or not any(role_of(path) == "execute" for path in workflows)


@pytest.mark.parametrize(("execution", "workflows"), ISOLATED)
def test_jobs_that_hold_the_key_run_nothing_but_planloom_and_pinned_actions(execution, workflows):
    allowed = re.compile(r"(?:python -m pip install [^\n;&|]*\n?)+|planloom [a-z]+(?: (?:[a-z0-9.-]+|\"\$[A-Z_]+\"))*\n?")
    for _, _, job in jobs_of(workflows):
        if "PLANLOOM_SIGNING_KEY" not in " ".join(texts(job)):
            continue
        assert "strategy" not in job
        for step in job["steps"]:
            if "uses" in step:
                assert step["uses"].startswith("actions/")
            else:
                assert allowed.fullmatch(step["run"]), step["run"]


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_a_command_never_sees_the_key_in_its_step_in_direct_execution_either(execution, workflows):
    for _, _, job in jobs_of(workflows):
        for step in job.get("steps", []):
            if re.search(r"/planloom\" exec ", step.get("run", "")):
                assert "PLANLOOM_SIGNING_KEY" not in " ".join(texts(step))


@pytest.mark.parametrize(("execution", "workflows"), [case for case in CASES if case.values[0] == "direct"])
def test_in_direct_execution_the_job_that_runs_a_command_can_sign(execution, workflows):
    """The limit that the threat model states: a command there shares its job with the key, though not its step."""
    jobs = [job for _, _, job in jobs_of(workflows) if has_user_code(job)]
    assert jobs
    assert all("PLANLOOM_SIGNING_KEY" in " ".join(texts(job)) for job in jobs)


KNOWN = re.compile(
    r"""inputs\.[a-z0-9-]+|inputs\.matrices|fromJSON\(inputs\.matrices\)\['work[a-z0-9-]*'\]|matrix\.[A-Za-z]+|secrets\.[A-Z0-9_]+|github\.token"""
    r"""|github\.run_id|github\.run_attempt|github\.ref|github\.event\.pull_request\.base\.sha|runner\.temp|job\.status"""
    r"""|(?:needs|steps)\.[a-z-]+\.outputs\.[a-z-]+|inputs\.work-item\ \|\|\ '\*'|!cancelled\(\)(?:\ &&\ needs\.delegate\.result\ ==\ 'success')?""",
    re.VERBOSE,
)


def own_steps(job):
    """Our own steps: all but those between `Begin` and `End`."""
    inside = False
    for step in job.get("steps", []):
        if step.get("name") == "End":
            inside = False
        if not inside:
            yield step
        if step.get("id") == "planloom-begin":
            inside = True


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_no_expression_reaches_a_shell_and_every_expression_is_a_known_one(execution, workflows):
    for path, content in workflows.items():
        for job in content["jobs"].values():
            for step in own_steps(job):
                assert "${{" not in step.get("run", "")
                for expression in re.findall(r"\$\{\{(.*?)\}\}", " ".join(texts(step)), re.DOTALL):
                    assert KNOWN.fullmatch(expression.strip()), (path, expression)
            frame = {key: value for key, value in job.items() if key != "steps"}
            for expression in re.findall(r"\$\{\{(.*?)\}\}", " ".join(texts(frame)), re.DOTALL):
                assert KNOWN.fullmatch(expression.strip()), (path, expression)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_every_job_has_a_timeout_least_rights_and_pinned_actions(execution, workflows):
    for content in workflows.values():
        assert content["permissions"] == {}
        for job in content["jobs"].values():
            assert "permissions" in job
            assert ("timeout-minutes" in job) != ("uses" in job)
            assert job.get("strategy", {"fail-fast": False})["fail-fast"] is False
            for step in own_steps(job):
                if "uses" in step:
                    assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"])
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False
                if "run" in step:
                    assert step["shell"] == "bash"


def test_the_workflow_for_pull_requests_can_only_read_and_has_no_secret():
    from golden.compiling import compile_folder

    for folder in GOLDEN.iterdir():
        content = compile_folder(folder)[".github/workflows/planloom-validate.yml"]
        workflow = read_workflow(content)
        assert workflow["on"] == {"pull_request": {}}
        assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}]
        assert b"secrets." not in content
        assert not any("environment" in job for job in workflow["jobs"].values())


EVIL = "a'; touch /tmp/x; ${{ github.event.issue.title }} $(id) `id` \" # \\"


def test_text_of_a_plan_never_reaches_a_command_of_a_workflow():
    def quoted(text):
        return "'" + text.replace("'", "''") + "'"

    text = f"""
schema: planloom/plan/v1
id: evil
name: {quoted(EVIL)}
version: 1.0.0
description: {quoted(EVIL)}
params: {{tag: {{type: string, description: {quoted(EVIL)}}}}}
steps:
  - key: one
    name: {quoted(EVIL)}
    run: {quoted(EVIL)}
    env: {{A: {quoted(EVIL)}}}
    outputs: ['dist/a b*']
    role: {quoted(EVIL)}
    matrix: {{free: {quoted(EVIL)}}}
"""
    checked = check_project({"specs/evil.yaml": text.encode()}, None, locked=True)
    assert [plan.id for plan in checked.plans] == ["evil"]
    from planloom.emit.project import emit_project

    files = emit_project(checked.plans, checked.graphs, checked.project)
    for path, content in files.items():
        if path.startswith(".github/"):
            for job in read_workflow(content)["jobs"].values():
                assert "touch" not in " ".join(texts(job))
            assert b"${{ github.event" not in content.replace(b"${{ github.event.pull_request.base.sha }}", b"")
