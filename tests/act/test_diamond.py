"""A plan from nothing to closed: orchestrator, execute and collector run for real against a git origin on loopback.

In both executions. Where act differs from GitHub, `act.replay` says so and makes up for it: the jobs after a called workflow that failed.
"""

from __future__ import annotations

import json
import shutil

import pytest

from act.hub import Hub
from act.projects import DIAMOND, history, make_project, planloom

pytestmark = [pytest.mark.act, pytest.mark.slow, pytest.mark.timeout(600)]

ITEM = "demo-1"


@pytest.fixture(scope="module", params=["direct", "isolated"])
def project(request, tmp_path_factory):
    return make_project(tmp_path_factory.mktemp(request.param) / "project", DIAMOND.format(execution=request.param))


@pytest.fixture(scope="module")
def hub(tmp_path_factory, project):
    made = Hub(tmp_path_factory.mktemp("hub"), project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    yield made
    made.close()


@pytest.fixture(scope="module")
def runs(hub):
    first = hub.dispatch("demo-orchestrator.yml", {"work-item": ITEM})
    return [first, *hub.drain()]


@pytest.fixture(scope="module")
def records(hub, runs, tmp_path_factory):
    """A clone of `main` with the records of the ledger branch, which the collector pushed."""
    assert "refs/heads/planloom" in hub.refs(), told(runs)
    clone = hub.clone("main", tmp_path_factory.mktemp("records") / "clone")
    hub.git("-C", str(clone), "checkout", "-q", "origin/planloom", "--", "artifacts")
    return clone


def told(runs):
    return "\n".join(run.story() for run in runs)


def step_of(job):
    """`Execute / demo-1 left (left-1-…)` → `left`."""
    return job.name.split(" ")[3]


def test_each_wave_starts_the_next_and_the_last_one_the_collector(runs):
    assert [run.workflow for run in runs] == [*["demo-orchestrator.yml"] * 4, "demo-collector.yml"], told(runs)


def test_only_the_job_whose_step_fails_once_does_not_end_well(runs):
    ended = [job.name for run in runs for job in run.jobs if job.conclusion != "success"]
    assert len(ended) == 1, told(runs)
    assert ended[0].startswith(f"Execute / {ITEM} right (right-1-"), told(runs)


def test_parallel_steps_are_handed_out_in_one_wave(runs):
    worked = [sorted(step_of(job) for job in run.jobs if job.caller == "execute") for run in runs]
    assert worked == [["prepare"], ["left", "right"], ["right"], ["join"], []], told(runs)


def test_a_failed_attempt_is_followed_by_a_fresh_one(records):
    said = [(event, attempt) for event, attempt, _, _ in history(records)[f"{ITEM}/right"]]
    assert said == [("claimed", 1), ("failed", 1), ("claimed", 2), ("completed", 2)]


def test_the_history_is_that_of_a_run_on_one_machine(project, records, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy, ignore=shutil.ignore_patterns("artifacts"))
    done = planloom(copy, "run", ITEM, "--plan", "demo", "--ledger", "files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert history(records) == history(copy)


def test_the_collected_records_verify_offline(records):
    done = planloom(records, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Self-consistent" in done.stdout


def test_the_ledger_branch_holds_records_and_nothing_else(hub, records):
    assert {path.partition("/")[0] for path in hub.files("planloom")} == {"artifacts"}


def test_the_work_item_is_closed_and_its_refs_are_gone(hub, runs, records):
    assert [ref for ref in hub.refs() if ref.startswith("refs/planloom/")] == [], told(runs[-1:])
    assert [event for event, *_ in history(records)[f"{ITEM}/_item"]] == ["opened", "closed"]
    portfolio = json.loads((records / "artifacts" / "exports" / "portfolio.json").read_text())
    assert ITEM in json.dumps(portfolio)


def test_every_workflow_writes_a_table_to_its_summary(runs):
    for run in runs:
        assert any("|" in job.summary for job in run.jobs), run.story()


def test_no_secret_is_written_to_a_log(project, runs):
    body = "".join(project.key.splitlines()[1:-1])
    assert body
    for run in runs:
        for log in run.logs:
            assert body not in log.read_text(errors="replace")


def test_no_call_of_the_api_was_one_that_the_fake_does_not_know(hub, runs):
    assert hub.facts.unknown == []
