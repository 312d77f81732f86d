"""What jobs upload is believed only as far as the platform bears it out: everything else becomes a failed attempt with the reason.

The platform is the fake API on loopback of the tests with act; jobs and artifacts are made by hand here, each with one thing wrong.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from dataclasses import dataclass, field

import pytest

from act.actlog import Job
from act.projects import make_project
from act.restapi import Facts, RestApi
from convergence.machines import START, Clock, events, in_run, last_body, machine, open_one
from planloom.core.errors import InputError, StoreError
from planloom.core.names import artifact_name
from planloom.ledger.memory import MemoryLedger
from planloom.ledger.retry import Pace
from planloom.runtime import completing
from planloom.runtime.abandoning import abandon_claim, abandon_dead
from planloom.runtime.claiming import claim_wave
from planloom.runtime.effects import format_time, parse_time
from planloom.runtime.executing import Task, carry_out, copy_outputs, write_result
from planloom.runtime.outputs import DirectoryStore
from planloom.runtime.platform import Platform
from planloom.runtime.waves import complete_run

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Two steps at once
version: 1.0.0
defaults: {timeout-minutes: 5, attempts: 3}
steps:
  - key: make
    parallelizable: true
    run: mkdir -p dist && echo sand >dist/a.txt
    outputs: [dist/a.txt]
  - key: other
    parallelizable: true
    run: "true"
"""

pytestmark = pytest.mark.xdist_group("wave")

RUN = 161
SECONDS = parse_time(START) // 1000


def stamp(seconds: int) -> str:
    """Return a moment as GitHub writes it, in seconds from the start of the test's clock."""
    return format_time((SECONDS + seconds) * 1000)[:19] + "Z"


@dataclass
class Run:
    """A run as the fake API knows it."""

    id: int = RUN
    attempt: int = 1
    workflow: str = "demo-orchestrator.yml"
    event: str = "workflow_dispatch"
    status: str = "in_progress"
    conclusion: str = ""
    jobs: list[Job] = field(default_factory=list)


class Case:
    """A work item whose two steps this run has claimed, executed and uploaded; a test spoils one thing before the wave is completed."""

    def __init__(self, project, facts, folder, item):
        self.facts, self.folder, self.item = facts, folder, item
        self.run = facts.runs[RUN] = Run()
        self.ledger = MemoryLedger()
        self.clock = Clock()
        self.session = machine(project.folder, self.ledger, self.clock, **in_run(RUN))
        self.store = facts.artifacts / str(RUN)
        shutil.rmtree(self.store, ignore_errors=True)
        open_one(self.session, item)
        self.claims = {won.step.key: won for won in claim_wave(self.session, [item], 256)}
        self.jobs = {key: self._execute(key, won) for key, won in self.claims.items()}
        self.run.jobs = list(self.jobs.values())
        self.platform = Platform(facts.base, facts.slug, facts.token, pace=Pace(budget=0))

    def _execute(self, key, won):
        started = self.clock.milliseconds // 1000 - SECONDS
        workspace = self.folder / key
        workspace.mkdir(parents=True)
        kept = DirectoryStore(self.folder / "store")
        task = Task(won.view, won.step, won.claim, won.attempt)
        result = carry_out(self.session, task, workspace, kept, lambda piece: None)
        write_result(self.store / self.name("result", key), task, result)
        if result.outputs:
            copy_outputs(workspace, result, kept, self.store / self.name("outputs", key))
        ended = self.clock.milliseconds // 1000 - SECONDS + 1
        self.uploaded_at(key, ended)
        name = f"Execute / {self.item} {key} ({won.attempt.id})"
        return Job(key, name, "execute", {}, started=stamp(started), completed=stamp(ended), conclusion="success")

    def name(self, kind, key):
        return artifact_name(kind, self.item, self.claims[key].attempt.id)

    def uploaded_at(self, key, seconds):
        os.utime(self.store / self.name("result", key), (SECONDS + seconds, SECONDS + seconds))

    def result_file(self, key="make"):
        return self.store / self.name("result", key) / "result.json"

    def change(self, key="make", **values):
        path = self.result_file(key)
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | values, sort_keys=True, separators=(",", ":")) + "\n")
        # The upload stays as old as it was.
        self.uploaded_at(key, parse_time(self.jobs[key].completed[:19] + ".000Z") // 1000 - SECONDS)

    def complete(self):
        """Download what was uploaded and complete the wave, as the job `complete` does."""
        results = self.folder / "results"
        for folder in sorted(self.store.glob("result-*")):
            shutil.copytree(folder, results / folder.name, dirs_exist_ok=True)
        return complete_run(self.session, "demo", results, self.platform)

    def events(self, key="make"):
        return events(self.session, f"{self.item}/{key}")

    def reason(self, key="make"):
        return last_body(self.session, f"{self.item}/{key}").reason


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("project") / "project", PLAN)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    made = Facts("acme/demo", "token", tmp_path_factory.mktemp("artifacts"), head=lambda: "c" * 40)
    api = RestApi(made)
    yield made
    api.close()


_numbers = itertools.count(1)


@pytest.fixture
def case(project, facts, tmp_path):
    made = Case(project, facts, tmp_path / "machine", f"demo-{next(_numbers)}")
    yield made
    made.platform.folder.cleanup()
    facts.busy, facts.busy_with = 0, Facts.busy_with


def test_results_that_agree_with_their_jobs_complete_the_wave(case):
    written = case.complete()
    assert [signed.record.event for signed in written] == ["completed", "completed"]
    assert case.events("make") == ["claimed", "completed"]
    assert events(case.session, f"{case.item}/_item") == ["opened", "closed"]


def missing(case):
    shutil.rmtree(case.result_file().parent)


def malformed(case):
    case.change()
    case.result_file().write_text('{"schema": "planloom/result/v1", ')


def not_canonical(case):
    case.result_file().write_text(json.dumps(json.loads(case.result_file().read_text()), indent=1))


def too_large(case):
    case.change(reason="x" * 1_100_000)


def a_link(case):
    target = case.folder / "elsewhere.json"
    shutil.move(case.result_file(), target)
    (case.folder / "results" / case.name("result", "make")).mkdir(parents=True)
    (case.folder / "results" / case.name("result", "make") / "result.json").symlink_to(target)


def made_twice(case):
    case.facts.twice = case.name("result", "make")


def uploaded_before_its_job(case):
    case.uploaded_at("make", -30)


def uploaded_after_its_job(case):
    case.uploaded_at("make", 600)


def made_long_before_its_job(case):
    case.change(started="2026-11-22T10:00:00.000Z", finished="2026-11-22T10:00:01.000Z")


def made_long_after_its_job(case):
    case.change(finished="2026-11-23T10:00:00.000Z")


def no_such_moment(case):
    case.change(started="2026-99-99T99:99:99.999Z")


def of_another_attempt(case):
    case.change(attempt="make-2-161-1")


def of_another_claim(case):
    case.change(claim="0" * 64)


def of_another_work_item(case):
    case.change(workItem="demo-999")


def of_another_step(case):
    case.change(step="other")


def of_another_version_of_the_step(case):
    case.change(stepDigest="0" * 64)


def outputs_with_other_digests(case):
    case.change(outputs=[{"name": "dist/a.txt", "digest": "0" * 64}])


def outputs_that_were_changed_after_the_result(case):
    path = case.store / case.name("outputs", "make") / "dist" / "a.txt"
    (path if path.exists() else path.parents[1] / "a.txt").write_text("gravel\n")


def outputs_that_were_not_uploaded(case):
    shutil.rmtree(case.store / case.name("outputs", "make"))


def outputs_outside_the_workspace(case):
    case.change(outputs=[{"name": "../../etc/passwd", "digest": "0" * 64}])


def no_outputs_although_the_plan_names_some(case):
    case.change(outputs=[])


def an_exit_code_that_is_none(case):
    case.change(exitCode="0")


def success_of_a_job_that_failed(case):
    case.jobs["make"].conclusion = "failure"


def success_of_a_job_that_never_ended(case):
    case.jobs["make"].conclusion = ""


def no_job_of_this_attempt(case):
    case.run.jobs = [case.jobs["other"]]


def two_jobs_of_this_attempt(case):
    case.run.jobs.append(case.jobs["make"])


def a_job_of_a_work_item_whose_name_ends_alike(case):
    case.jobs["make"].name = case.jobs["make"].name.replace("Execute / ", "Execute / x-")


def failure_in_a_job_that_succeeded(case):
    case.change(result="failure", outputs=[], reason="")


SPOILT = {
    missing: "the job wrote no result",
    malformed: "the result can't be read",
    not_canonical: "the result can't be read",
    too_large: "the result is too large",
    a_link: "the job wrote no result",
    made_twice: "there are 2 results",
    uploaded_before_its_job: "outside its job's time",
    uploaded_after_its_job: "outside its job's time",
    made_long_before_its_job: "outside its job's time",
    made_long_after_its_job: "outside its job's time",
    no_such_moment: "",
    of_another_attempt: "of another attempt: attempt differs",
    of_another_claim: "of another attempt: claim differs",
    of_another_work_item: "of another attempt: workItem differs",
    of_another_step: "of another attempt: step differs",
    of_another_version_of_the_step: "of another attempt: stepDigest differs",
    outputs_with_other_digests: "the uploaded outputs are not those of the result",
    outputs_that_were_changed_after_the_result: "the uploaded outputs are not those of the result",
    outputs_that_were_not_uploaded: "the uploaded outputs are not those of the result",
    outputs_outside_the_workspace: "the result can't be read",
    no_outputs_although_the_plan_names_some: "the result can't be read",
    an_exit_code_that_is_none: "the result can't be read",
    success_of_a_job_that_failed: "the job's conclusion is failure",
    success_of_a_job_that_never_ended: "the job's conclusion is missing",
    no_job_of_this_attempt: "0 jobs of this run carry",
    two_jobs_of_this_attempt: "2 jobs of this run carry",
    a_job_of_a_work_item_whose_name_ends_alike: "0 jobs of this run carry",
    failure_in_a_job_that_succeeded: "the job succeeded without a result that says so",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_result_that_is_not_borne_out_is_a_failed_attempt_and_spoils_no_other(case, spoil):
    spoil(case)
    case.complete()
    if spoil is no_such_moment:
        # A time that can't be read counts for nothing; whatever is recorded must verify.
        assert case.events()[-1] in {"completed", "failed"}
    else:
        assert case.events() == ["claimed", "failed"], case.events()
        assert SPOILT[spoil] in case.reason()
    assert case.events("other") == ["claimed", "completed"]


def forge(case):
    """What a sibling's command can make: the claim is public, the artifact's name is known, and any job of a run may upload one."""
    outputs = case.store / case.name("outputs", "make")
    shutil.rmtree(outputs)
    (outputs / "dist").mkdir(parents=True)
    (outputs / "dist" / "a.txt").write_text("false\n")
    digest = hashlib.sha256(b"false\n").hexdigest()
    case.change(outputs=[{"name": "dist/a.txt", "digest": digest}])
    return digest


def test_a_step_that_uploads_a_siblings_result_first_makes_the_sibling_fail_and_is_not_believed(case):
    """GitHub takes one artifact of a name: the sibling's own upload is refused, so its job fails, whatever the false result says."""
    forge(case)
    case.jobs["make"].conclusion = "failure"
    case.complete()
    assert case.events() == ["claimed", "failed"]
    assert "the job's conclusion is failure" in case.reason()
    assert case.events("other") == ["claimed", "completed"]


def test_a_false_result_that_arrives_alone_and_within_its_jobs_time_is_believed(case):
    """The limit that the threat model states: a runner that lies about what its command did, and bears out the lie, is not found."""
    digest = forge(case)
    written = case.complete()
    assert case.events() == ["claimed", "completed"]
    assert digest in [subject.digest for signed in written for subject in signed.record.subjects]


@pytest.mark.parametrize(
    ("conclusion", "minutes", "result"),
    [("cancelled", 1, "cancellation"), ("timed_out", 15, "timeout"), ("cancelled", 15, "timeout")],
)
def test_cancelled_jobs_and_timeouts_are_recorded_as_such(case, conclusion, minutes, result):
    job = case.jobs["make"]
    job.conclusion, job.completed = conclusion, stamp(minutes * 60 + 30)
    missing(case)
    case.complete()
    body = last_body(case.session, f"{case.item}/make")
    assert (body.result, case.events()) == (result, ["claimed", "failed"])


def test_a_late_result_is_kept_as_refused_and_does_not_count(case):
    person = machine(case.session.root, case.ledger, case.clock)
    abandon_claim(person, case.item, "make", reason="looked dead", override=True)
    case.complete()
    assert case.events() == ["claimed", "abandoned", "refused"]
    case.complete()
    assert case.events() == ["claimed", "abandoned", "refused"]


def test_a_newer_attempt_of_the_run_gives_the_older_claims_up_and_completes_none(case):
    again = machine(case.session.root, case.ledger, case.clock, **in_run(RUN, 2))
    case.session = again
    case.run.attempt = 2
    assert case.complete() == ()
    assert case.events("make") == ["claimed", "abandoned"]
    assert case.events("other") == ["claimed", "abandoned"]


def test_an_older_attempt_of_the_run_never_gives_up_the_newer_ones_claims(case):
    older = machine(case.session.root, case.ledger, case.clock, **in_run(RUN, 0))
    assert abandon_dead(older, case.item, case.platform) == ()


@pytest.mark.parametrize(("status", "attempt", "gone"), [("in_progress", 1, 0), ("completed", 1, 2), ("queued", 2, 2)])
def test_another_run_gives_claims_up_only_when_the_platform_says_that_theirs_is_over(case, status, attempt, gone):
    case.run.status, case.run.attempt = status, attempt
    other = machine(case.session.root, case.ledger, case.clock, **in_run(RUN + 1))
    assert len(abandon_dead(other, case.item, case.platform)) == gone


def test_a_run_that_is_gone_is_over_only_for_a_token_that_sees_other_runs(case):
    del case.facts.runs[RUN]
    other = machine(case.session.root, case.ledger, case.clock, **in_run(RUN + 1))
    blind = Platform(case.facts.base, "acme/elsewhere", case.facts.token, pace=Pace(budget=0))
    assert abandon_dead(other, case.item, blind) == ()
    blind.folder.cleanup()
    assert len(abandon_dead(other, case.item, case.platform)) == 2


def test_a_wave_is_not_completed_outside_a_run_or_without_its_token(case):
    with pytest.raises(InputError):
        complete_run(case.session, "demo", case.folder, None)
    by_hand = machine(case.session.root, case.ledger, case.clock)
    with pytest.raises(InputError):
        complete_run(by_hand, "demo", case.folder, case.platform)
    assert case.events() == ["claimed"]


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
BUSY = {
    "500": (500, "Server Error", {}),
    "502": (502, "Bad Gateway", {}),
    "503": (503, "Service Unavailable", {}),
    "520": (520, "unknown", {}),
    "429": (429, "Too Many Requests", {}),
    "403, limit used up": (403, "API rate limit exceeded for installation ID 1.", {"x-ratelimit-remaining": "0"}),
    "403, told when": (403, "Forbidden", {"retry-after": "1"}),
    "403, secondary limit": (403, SECONDARY, {"x-ratelimit-remaining": "4711"}),
}


@pytest.mark.parametrize("answer", BUSY.values(), ids=BUSY)
def test_a_platform_that_is_busy_for_a_moment_loses_nothing(case, answer):
    case.facts.busy, case.facts.busy_with = 2, answer
    waits = []
    case.platform.pace = Pace(budget=60, sleep=waits.append)
    case.complete()
    assert case.events() == ["claimed", "completed"]
    assert len(waits) == 2


def test_a_platform_that_refuses_is_not_asked_again(case):
    case.facts.busy, case.facts.busy_with = 100, (403, "Resource not accessible by integration", {})
    case.platform.pace = Pace(budget=60, sleep=lambda seconds: pytest.fail("it waited"))
    with pytest.raises(StoreError, match="403") as refused:
        case.complete()
    assert "the permission `actions`" in refused.value.hint
    assert case.events() == ["claimed"]


def test_a_platform_that_stays_busy_is_an_error_and_the_claims_stay(case):
    case.facts.busy = 100
    with pytest.raises(StoreError, match="503"):
        case.complete()
    case.facts.busy = 0
    assert case.events() == ["claimed"]
    case.complete()
    assert case.events() == ["claimed", "completed"]


def test_a_wave_that_died_between_its_results_and_the_closing_is_closed_by_the_next(case, monkeypatch):
    def die(session, item):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(completing, "close_when_complete", die)
        with pytest.raises(KeyboardInterrupt):
            case.complete()
    assert events(case.session, f"{case.item}/_item") == ["opened"]
    case.complete()
    assert events(case.session, f"{case.item}/_item") == ["opened", "closed"]
