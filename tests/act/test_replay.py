"""What act leaves out after a called workflow failed is worked out from the log."""

from __future__ import annotations

import json

from act.actlog import Names, read_jobs
from act.replay import carry_on, left_over, stub

WORKFLOW = {
    "name": "release: orchestrate",
    "on": {"workflow_dispatch": None},
    "jobs": {
        "delegate": {
            "name": "Delegate",
            "outputs": {"ready": "${{ steps.claim.outputs.ready }}"},
            "runs-on": "ubuntu-24.04",
            "steps": [],
        },
        "execute": {"name": "Execute", "needs": "delegate", "uses": "./.github/workflows/x.yml"},
        "next": {"needs": ["delegate", "execute"], "if": "${{ !cancelled() }}", "runs-on": "ubuntu-24.04", "steps": []},
    },
}
CALLED = {"./.github/workflows/x.yml": {"name": "release: execute"}}
DELEGATE = {"job": "release: orchestrate/Delegate", "jobID": "delegate", "time": "2026-01-01T00:00:00Z"}
WORK = {
    "job": "Execute/release: execute/r-1 build (build-1)-1",
    "jobID": "work",
    "matrix": {"k": 1},
    "time": "2026-01-01T00:00:01Z",
}


def log_of(tmp_path, *entries):
    path = tmp_path / "act.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"half')
    return read_jobs(path, Names(WORKFLOW, CALLED))


def ended(job, result):
    step = {**job, "stage": "Main", "stepID": ["0"], "step": "x", "stepResult": result}
    return [step, {**job, "jobResult": result}]


def test_jobs_are_called_what_the_platform_calls_them(tmp_path):
    jobs = log_of(tmp_path, DELEGATE, WORK)
    assert [(job.caller, job.name) for job in jobs] == [("", "Delegate"), ("execute", "Execute / r-1 build (build-1)")]


def test_a_job_has_no_conclusion_while_it_runs(tmp_path):
    jobs = log_of(tmp_path, *ended(DELEGATE, "success"), WORK)
    assert [job.conclusion for job in jobs] == ["success", ""]


def test_a_matrix_job_that_succeeded_beside_one_that_failed_is_a_success(tmp_path):
    other = {**WORK, "job": WORK["job"].replace("-1)-1", "-1)-2"), "matrix": {"k": 2}}
    steps = [ended(WORK, "failure")[0], ended(other, "success")[0]]
    jobs = log_of(tmp_path, *steps, {**WORK, "jobResult": "failure"}, {**other, "jobResult": "failure"})
    assert [job.conclusion for job in jobs] == ["failure", "success"]


def test_a_failure_that_a_step_may_have_does_not_fail_its_job(tmp_path):
    step, end = ended(DELEGATE, "failure")
    jobs = log_of(tmp_path, step, {**DELEGATE, "msg": "Failed but continue next step"}, end)
    assert jobs[0].conclusion == "success"


def test_only_jobs_after_a_failed_call_are_carried_on(tmp_path):
    delegate = [
        {**DELEGATE, "command": "set-output", "stepID": ["claim"], "name": "ready", "arg": "true"},
        *ended(DELEGATE, "success"),
    ]
    failed = log_of(tmp_path, *delegate, *ended(WORK, "failure"))
    assert left_over(WORKFLOW, failed) == ["next"]
    assert left_over(WORKFLOW, log_of(tmp_path, *delegate, *ended(WORK, "success"))) == []
    assert left_over(WORKFLOW, log_of(tmp_path, *ended(DELEGATE, "failure"))) == []


def test_a_stub_ends_as_its_job_ended_and_gives_out_the_same(tmp_path):
    delegate = [
        {**DELEGATE, "command": "set-output", "stepID": ["claim"], "name": "ready", "arg": "true"},
        *ended(DELEGATE, "success"),
    ]
    jobs = log_of(tmp_path, *delegate, *ended(WORK, "failure"))
    assert stub("delegate", WORKFLOW["jobs"]["delegate"], jobs)["steps"][0]["env"] == {
        "OUTPUTS": '{"ready": "true"}',
        "RESULT": "success",
    }
    assert stub("execute", WORKFLOW["jobs"]["execute"], jobs)["steps"][0]["env"] == {"OUTPUTS": "{}", "RESULT": "failure"}
    assert '"on":' in carry_on(WORKFLOW, jobs)
