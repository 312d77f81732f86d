"""The verbs of workflows as jobs call them: re-run jobs, plan changes, dispatches by people and by the platform.

Real commands in a project on the disk, with the environment of a workflow run; the API is the fake one on loopback.
"""

from __future__ import annotations

import json
import shutil

import pytest

from act.projects import make_project, planloom
from act.restapi import Facts, RestApi
from convergence.machines import in_run, machine
from convergence.transitions import do
from loop.test_results_of_a_wave import Run
from planloom.ledger.files import FileLedger
from planloom.runtime import completing
from planloom.runtime.completing import Result

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("jobs")]

PLAN = """\
schema: planloom/plan/v1
id: demo
name: For jobs
version: 1.0.0
workflow: {{execution: {execution}, {workflow}}}
defaults: {{timeout-minutes: 5, attempts: {attempts}, shell: sh}}
steps:
  - key: first
    run: |
      {command}
  - key: second
    needs: [first]
    permissions: {{{permissions}}}
    run: "true"
  - key: notes
    needs: [second]
"""
ITEM = "demo-1"
ALIKE = {"execution": "isolated", "workflow": "loop: auto", "attempts": 1, "command": "exit 7", "permissions": "contents: read"}
AGAIN = "dispatch the orchestrator: it hands out a new attempt"


def write_plan(**changes):
    return PLAN.format(**{**ALIKE, **changes})


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    facts = Facts("acme/demo", "token", tmp_path_factory.mktemp("artifacts"), head=lambda: "c" * 40)
    facts.workflows = lambda: ["demo-orchestrator.yml", "demo-collector.yml"]
    server = RestApi(facts)
    yield facts
    server.close()


class Jobs:
    """Commands of jobs in one project, on a ledger in files."""

    def __init__(self, project, api):
        self.folder, self.api = project.folder, api
        self.project = project
        api.dispatched.clear()

    def do(self, *words, run=None, attempt=1, expect=0, **more):
        """Run a command; with `run` as a job of that run, whose token and API it has."""
        variables = {"PLANLOOM_LEDGER": "files", **more}
        if run:
            self.api.runs.setdefault(run, Run(run))
            variables |= in_run(run, attempt, GITHUB_TOKEN="token", GITHUB_API_URL=self.api.base) | more
        done = planloom(self.folder, *words, **variables)
        assert done.returncode == expect, f"planloom {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def delegate(self, run, item=ITEM, **more):
        return self.do("delegate", "--non-interactive", "--plan", "demo", "--structured-work-item", item, run=run, **more)

    def go_on(self, run, item=ITEM):
        """The last step of a wave; return what it started."""
        self.api.dispatched.clear()
        self.do("delegate", "--dispatch", "--plan", "demo", "--structured-work-item", item, run=run)
        return list(self.api.dispatched)

    def wave(self, run):
        """Claim what is ready as a run does."""
        return self.do("claim", "--wave", "--plan", "demo", run=run)

    def carry_out(self, run, step, attempt, *, rerun=1, **more):
        folders = ("--result", str(self.folder / "result"), "--outputs", str(self.folder / "outputs"))
        return self.do(
            "exec", "--work-item", ITEM, "--step", step, "--attempt", attempt, *folders, run=run, attempt=rerun, **more
        )

    def compile(self, **changes):
        (self.folder / "specs" / "demo.yaml").write_text(write_plan(**changes))
        self.project.planloom("compile")

    def by_hand(self, step, outcome="done"):
        self.do("claim", ITEM, step)
        self.do("complete", ITEM, step, "--outcome", outcome, "--next-action", "none")

    def matrix(self, text):
        line = next(line for line in text.splitlines() if line.startswith("{"))
        return [entry for entries in json.loads(line).values() for entry in entries]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("template") / "project", write_plan())


@pytest.fixture
def jobs(template, tmp_path, api):
    folder = tmp_path / "project"
    shutil.copytree(template.folder, folder)
    return Jobs(type(template)(folder, template.key), api)


def test_a_job_that_is_run_again_meets_a_closed_attempt_and_is_told_what_to_do(jobs):
    jobs.delegate(161)
    jobs.do("claim", "--wave", "--plan", "demo", run=161)
    jobs.carry_out(161, "first", "first-1-161-1", expect=1)
    # Attempt 2 of the run: the attempt is open still, but its claim is that of attempt 1, which is over.
    assert AGAIN in jobs.carry_out(161, "first", "first-1-161-1", rerun=2, expect=3)
    jobs.do("abandon", ITEM, "first", run=161, attempt=2)
    assert AGAIN in jobs.carry_out(161, "first", "first-1-161-1", rerun=2, expect=3)


def test_in_direct_execution_a_job_that_is_run_again_is_told_the_same(jobs):
    jobs.delegate(161)
    named = ("--work-item", ITEM, "--step", "first", "--attempt", "first-1-161-1")
    jobs.do("claim", *named, run=161)
    # The first time the job died before it could complete.
    assert AGAIN in jobs.do("claim", *named, run=161, attempt=2, expect=3)
    jobs.delegate(161, attempt=2)
    assert AGAIN in jobs.do("claim", *named, run=161, attempt=2, expect=3)


LACKING = {
    "a shell": ("shell: pwsh", "there is no pwsh on this machine"),
    "a container engine": ("container: registry/image@sha256:" + "0" * 64, "there is neither docker nor podman on this machine"),
}


@pytest.mark.parametrize(("needs", "said"), LACKING.values(), ids=LACKING)
def test_a_runner_that_lacks_what_a_step_needs_fails_the_attempt_with_what_it_is_and_the_loop_comes_to_its_end(jobs, needs, said):
    """An attempt that was handed back would be ready at once, and orchestrator and runner would hand it to each other for ever."""
    jobs.compile(command=f"true\n    {needs}", attempts=2)
    bare = jobs.folder / "bin"
    bare.mkdir()
    for name in ("sh", "git"):
        (bare / name).symlink_to(shutil.which(name))
    for run, attempt in ((161, "first-1-161-1"), (162, "first-2-162-1")):
        jobs.delegate(run)
        named = ("--work-item", ITEM, "--step", "first", "--attempt", attempt)
        jobs.do("claim", *named, run=run)
        shown = jobs.carry_out(run, "first", attempt, PATH=str(bare), expect=1)
        assert [line.count(said) for line in shown.splitlines() if "error" in line] == [1]
        assert said in jobs.do("complete", *named, "--from-result", str(jobs.folder / "result"), run=run, expect=1)
    assert said in jobs.do("why", ITEM, "first")
    assert jobs.go_on(162) == [("demo-collector.yml", {"work-item": ITEM})]
    # Somebody has installed it, and dispatches the orchestrator: one more attempt, without counting by hand.
    shown = jobs.delegate(163, GITHUB_EVENT_NAME="workflow_dispatch", GITHUB_ACTOR="ann")
    assert "first" in json.dumps(jobs.matrix(jobs.wave(163)))


def test_an_attempt_that_was_given_up_while_it_ran_leaves_a_late_result(jobs):
    jobs.delegate(161)
    named = ("--work-item", ITEM, "--step", "first", "--attempt", "first-1-161-1")
    jobs.do("claim", *named, run=161)
    jobs.carry_out(161, "first", "first-1-161-1", expect=1)
    jobs.do("abandon", ITEM, "first", "--override", "--reason", "looked dead")
    said = jobs.do("complete", *named, "--from-result", str(jobs.folder / "result"), run=161, expect=3)
    assert "the result is kept, but does not count" in said
    chain = jobs.folder / "artifacts" / "handoff" / ITEM / "first"
    assert [path.name for path in sorted(chain.iterdir())] == ["000003.json"]


def test_a_command_gets_neither_key_nor_token_nor_the_runners_own_variables(jobs):
    jobs.compile(command="env | cut -d= -f1 | sort", attempts=1)
    jobs.delegate(161)
    jobs.do("claim", "--wave", "--plan", "demo", run=161)
    runner = {
        "PLANLOOM_SIGNING_KEY_PASSPHRASE": "x",
        "PLANLOOM_LEDGER_TOKEN": "x",
        "GH_TOKEN": "x",
        "ACTIONS_RUNTIME_TOKEN": "x",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    }
    text = jobs.carry_out(161, "first", "first-1-161-1", **runner)
    assert "PLANLOOM_ATTEMPT_ID" in text.splitlines()
    assert "PATH" in text.splitlines()
    assert {*runner, "GITHUB_TOKEN", "PLANLOOM_SIGNING_KEY"}.isdisjoint(text.splitlines())


def test_a_plan_change_blocks_only_steps_whose_workflow_part_changed_until_the_item_is_migrated(jobs):
    jobs.do("open", ITEM)
    # Another command, and another permission of the second step.
    jobs.compile(command="true", permissions="contents: read, issues: write")
    assert [entry["stepKey"] for entry in jobs.matrix(jobs.wave(161))] == ["first"]
    jobs.do("abandon", ITEM, "first", "--override", "--reason", "only looked")
    jobs.by_hand("first")
    text = jobs.delegate(162)
    assert "plan-changed" in text
    assert jobs.matrix(jobs.wave(162)) == []
    assert jobs.go_on(162) == [("demo-collector.yml", {"work-item": ITEM})]
    moved = jobs.do("migrate", ITEM, "--yes", "--reason", "the plan moved on")
    assert "1.0.0" in moved
    # The first step is another one now, and is done again; nothing is blocked.
    assert [entry["stepKey"] for entry in jobs.matrix(jobs.wave(163))] == ["first"]


def test_steps_of_an_item_that_follows_run_on_the_newest_commit_the_others_on_their_own(jobs):
    jobs.do("open", ITEM, "--follow")
    jobs.do("open", "demo-2")
    sources = {entry["workItemId"]: entry["source"] for entry in jobs.matrix(jobs.wave(161))}
    assert sources[ITEM] == "c" * 40
    assert sources["demo-2"] not in {"", "c" * 40}


def test_a_schedule_without_work_starts_nothing(jobs):
    assert jobs.go_on(161, item="") == []
    jobs.delegate(162, item="")


def test_the_last_completion_of_a_dispatch_without_a_work_item_starts_the_plans_own_collector(jobs):
    jobs.do("open", ITEM)
    jobs.do("close", ITEM, "--reason", "enough")
    assert jobs.go_on(161, item="") == [("demo-collector.yml", {})]


def test_a_claim_that_a_person_holds_does_not_keep_the_collector_waiting(jobs):
    jobs.do("open", ITEM)
    jobs.do("claim", ITEM, "first")
    assert jobs.go_on(161) == [("demo-collector.yml", {"work-item": ITEM})]


def test_claims_of_another_run_do(jobs):
    jobs.delegate(161)
    jobs.wave(161)
    assert jobs.go_on(162) == []


@pytest.mark.parametrize(
    ("workflow", "started"),
    [
        ("loop: auto", ["demo-orchestrator.yml"]),
        ("loop: manual", []),
        ("collect: wave", ["demo-orchestrator.yml", "demo-collector.yml"]),
        ("{loop: manual, collect: wave}", ["demo-collector.yml"]),
        ("collect: never", ["demo-orchestrator.yml"]),
    ],
)
def test_what_goes_on_after_a_wave_is_what_the_plan_says(jobs, workflow, started):
    jobs.compile(workflow=workflow.strip("{}"))
    jobs.do("open", ITEM)
    assert [name for name, _ in jobs.go_on(161)] == started


@pytest.mark.parametrize(("actor", "retried"), [("octocat", True), ("github-actions[bot]", False)])
def test_a_person_who_dispatches_the_orchestrator_grants_what_has_failed_one_more_attempt(jobs, actor, retried):
    jobs.do("run", ITEM, "--plan", "demo", expect=1)
    by = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_ACTOR": actor}
    assert (f"one more attempt for first of {ITEM}: dispatched by {actor}" in jobs.delegate(161, **by)) is retried
    assert [entry["stepKey"] for entry in jobs.matrix(jobs.wave(161))] == (["first"] if retried else [])


def test_a_delegation_closes_a_work_item_whose_last_completion_died_before_it_could(jobs):
    jobs.compile(command="true")
    jobs.do("open", ITEM)
    session = machine(jobs.folder, FileLedger(jobs.folder / "artifacts"))
    with pytest.MonkeyPatch.context() as patch:
        # As if the process had died right after its append.
        patch.setattr(completing, "close_when_complete", lambda *_: None)
        for step in ("first", "second", "notes"):
            do(session, step, Result("success", exit_code=0))
    assert "closed" not in jobs.do("status", ITEM)
    assert "closed" in jobs.delegate(161)


@pytest.mark.parametrize("full", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_full_disk_is_told_and_the_job_can_be_run_again(jobs, full):
    done = planloom(jobs.folder, "delegate", "--structured-work-item", ITEM, PLANLOOM_LEDGER="files", **{full: "/dev/full"})
    assert done.returncode == 5, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    jobs.delegate(161)


def test_a_result_that_has_no_place_is_told(jobs):
    jobs.delegate(161)
    jobs.wave(161)
    (jobs.folder / "result").write_text("in the way")
    said = jobs.carry_out(161, "first", "first-1-161-1", expect=5)
    assert "result" in said
