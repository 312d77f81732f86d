"""What a job uploads is believed only as far as it must be: anything else becomes a failed attempt with the reason."""

from __future__ import annotations

import hashlib
import io
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.core import canonical, names
from planloom.core.errors import Conflict, InputError
from planloom.ledger.retry import Pace
from planloom.records.references import Builder, Subject
from planloom.runtime import claiming, executing, waves
from planloom.runtime.completing import Result, complete_attempt
from planloom.runtime.executing import Task, carry_out, check_claim, read_result, write_result
from planloom.runtime.outputs import DirectoryStore
from planloom.runtime.platform import Artifact, Job
from worlds import ITEM, Shape, World

RUN = Builder("github", "7", "1", "")
CONTENT = b"built"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
BEGUN, ENDED = "2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, Shape("build", outputs=("out",)), Shape("lint"))


@pytest.fixture
def wave(world):
    return {w.step.key: Task(w.view, w.step, w.claim, w.attempt) for w in claiming.claim_wave(session(world), [ITEM], 256)}


def session(world):
    return world.session(builder=RUN, executor="run 7 attempt 1")


def good(task):
    outputs = (Subject("out", DIGEST),) if task.step.outputs else ()
    return Result("success", exit_code=0, started=BEGUN, finished=ENDED, outputs=outputs)


def upload(tmp_path, task, said, /, **changes):
    """Write the result as a job would; `changes` are what a hostile one writes instead."""
    folder = tmp_path / "results" / names.artifact_name("result", ITEM, task.attempt.id)
    write_result(folder, task, said)
    path = folder / executing.RESULT_NAME
    if changes:
        path.write_bytes(canonical.encode(canonical.decode(path.read_bytes().rstrip()) | changes) + b"\n")
    return path


class GitHub:
    """The platform as far as completing a wave asks it."""

    def __init__(self, tmp_path, jobs, outputs, uploads=1, uploaded_at="2027-01-15T08:01:01Z"):
        self.pace = Pace(budget=0)
        self.found, self.outputs, self.uploads, self.uploaded_at = jobs, outputs, uploads, uploaded_at

    def jobs(self, run_id, run_attempt):
        return self.found

    def list_artifacts(self, run_id):
        held = tuple(Artifact(n, self.uploaded_at) for n in range(self.uploads))
        return {names.artifact_name("result", ITEM, job.name.rpartition("(")[2][:-1]): held for job in self.found}

    def fetch(self, location, digest, target):
        from planloom.core.errors import TrustError

        if self.outputs.get(digest) is None:
            raise TrustError("it does not hold the file that was signed")
        target.write_bytes(self.outputs[digest])

    def is_over(self, run_id, run_attempt):
        return False


def job_of(task, conclusion="success", started="2027-01-15T08:00:00Z", completed="2027-01-15T08:01:05Z"):
    return Job(f"execute / {ITEM} {task.step.key} ({task.attempt.id})", conclusion, started, completed)


def complete(world, tmp_path, wave, *, jobs=None, outputs=None, **more):
    jobs = tuple(job_of(task) for task in wave.values()) if jobs is None else jobs
    platform = GitHub(tmp_path, jobs, {DIGEST: CONTENT} if outputs is None else outputs, **more)
    (tmp_path / "results").mkdir(exist_ok=True)
    done = waves.complete_run(session(world), "demo", tmp_path / "results", platform)
    return {d.record.step.key: (d.record.event, d.record.body.result, d.record.body.reason) for d in done}


def test_a_wave_whose_jobs_ended_well_is_completed(world, tmp_path, wave):
    for task in wave.values():
        upload(tmp_path, task, good(task))
    done = complete(world, tmp_path, wave)
    assert {event for event, _, _ in done.values()} == {"completed"}
    assert not world.view().item.is_open


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attempt": "build-2-7-1"}, "another attempt"),
        ({"claim": "0" * 64}, "another attempt"),
        ({"workItem": "demo-2"}, "another attempt"),
        ({"stepDigest": "0" * 64}, "another attempt"),
        ({"schema": "planloom/result/v2"}, "another attempt"),
        ({"result": "perfect"}, "can't be read"),
        ({"exitCode": "0"}, "can't be read"),
        ({"exitCode": True}, "can't be read"),
        ({"reason": None}, "can't be read"),
        ({"reason": "x" * 100_000}, "can't be read"),
        ({"started": "yesterday-at-about-noon!"}, "can't be read"),
        ({"started": "2027-13-45T99:00:00.000Z"}, "can't be read"),
        ({"started": ENDED, "finished": BEGUN}, "can't be read"),
        ({"outputs": None}, "can't be read"),
        ({"outputs": []}, "can't be read"),
        ({"outputs": [{"name": "out", "digest": "z" * 64}]}, "can't be read"),
        ({"outputs": [{"name": "../out", "digest": DIGEST}]}, "can't be read"),
        ({"outputs": [{"name": ".git/hooks/x", "digest": DIGEST}]}, "can't be read"),
        ({"outputs": [{"name": "out", "digest": DIGEST}, {"name": "OUT", "digest": DIGEST}]}, "can't be read"),
        ({"outputs": [{"name": f"o{n}", "digest": DIGEST} for n in range(300)]}, "can't be read"),
        ({"manifest": True}, "can't be read"),
        ({"manifest": 1}, "can't be read"),
        ({"outputs": [{"name": "out", "digest": "f" * 64}]}, "not those of the result"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_result_that_is_not_as_it_must_be_fails_its_attempt_and_no_other(world, tmp_path, wave, changes, said):
    upload(tmp_path, wave["build"], good(wave["build"]), **changes)
    upload(tmp_path, wave["lint"], good(wave["lint"]))
    done = complete(world, tmp_path, wave)
    event, result, reason = done["build"]
    assert (event, result) == ("failed", "error")
    assert said in reason
    assert done["lint"][0] == "completed"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]\n", b"null\n", b"[" * 100_000, b'{"a":1}\n', b"\xff\xfe", b"x" * 2_000_000])
def test_bytes_that_are_no_result_fail_the_attempt(world, tmp_path, wave, content):
    upload(tmp_path, wave["build"], good(wave["build"])).write_bytes(content)
    upload(tmp_path, wave["lint"], good(wave["lint"]))
    assert complete(world, tmp_path, wave)["build"][:2] == ("failed", "error")


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_as_an_error_and_never_raise(content):
    from types import SimpleNamespace as Some

    task = Some(
        view=Some(item=Some(id=ITEM)),
        step=Some(key="build", digest=DIGEST, outputs=()),
        attempt=Some(id="build-1"),
        claim=Some(digest=DIGEST),
    )
    assert read_result(content, task, "").result == "error"


def test_a_result_that_is_missing_or_a_link_fails_the_attempt(world, tmp_path, wave):
    path = upload(tmp_path, wave["build"], good(wave["build"]))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    done = complete(world, tmp_path, wave)
    assert [reason for _, _, reason in done.values()] == ["the job wrote no result"] * 2


@pytest.mark.parametrize(
    ("conclusion", "result"),
    [("failure", "error"), ("cancelled", "cancellation"), ("timed_out", "timeout"), ("skipped", "error"), ("", "error")],
)
def test_a_success_that_its_job_does_not_confirm_is_none(world, tmp_path, wave, conclusion, result):
    for task in wave.values():
        upload(tmp_path, task, good(task))
    jobs = (job_of(wave["build"], conclusion), job_of(wave["lint"]))
    assert complete(world, tmp_path, wave, jobs=jobs)["build"][:2] == ("failed", result)


def test_a_failure_stays_one_although_its_job_went_on_well(world, tmp_path, wave):
    for task in wave.values():
        upload(tmp_path, task, Result("failure", reason="exit 1", exit_code=1, started=BEGUN, finished=ENDED))
    assert {event for event, _, _ in complete(world, tmp_path, wave).values()} == {"failed"}


@pytest.mark.parametrize("number", [0, 2])
def test_exactly_one_job_must_carry_an_attempt(world, tmp_path, wave, number):
    for task in wave.values():
        upload(tmp_path, task, good(task))
    jobs = (*[job_of(wave["build"])] * number, job_of(wave["lint"]))
    assert "exactly one must" in complete(world, tmp_path, wave, jobs=jobs)["build"][2]


def test_a_result_that_was_made_before_or_after_its_job_is_none(world, tmp_path, wave):
    for task in wave.values():
        upload(tmp_path, task, good(task))
    jobs = (
        job_of(wave["build"], started="2027-01-15T09:00:00Z", completed="2027-01-15T09:01:00Z"),
        job_of(wave["lint"], started="2027-01-15T07:00:00Z", completed="2027-01-15T07:01:00Z"),
    )
    done = complete(world, tmp_path, wave, jobs=jobs)
    assert {event for event, _, _ in done.values()} == {"failed"}
    assert all("outside its job's time" in reason for _, _, reason in done.values())


@pytest.mark.parametrize("uploads", [0, 2])
def test_a_result_that_was_uploaded_twice_or_never_is_none(world, tmp_path, wave, uploads):
    for task in wave.values():
        upload(tmp_path, task, good(task))
    assert {event for event, _, _ in complete(world, tmp_path, wave, uploads=uploads).values()} == {"failed"}


def test_claims_of_another_run_are_left_alone(world, tmp_path):
    world.claim("build", builder=Builder("github", "8", "1", ""), executor="run 8 attempt 1")
    assert complete(world, tmp_path, {}) == {}
    assert world.status("build") == "running"


def test_without_the_platform_nothing_that_was_uploaded_is_believed(world, tmp_path):
    with pytest.raises(InputError, match="only a workflow run"):
        waves.complete_run(session(world), "demo", tmp_path, None)


# Carrying out


def work(world, step, run=None, **more):
    won = claiming.claim_step(world.session(**more), ITEM, step)
    store = DirectoryStore(world.folder / "store")
    log = io.BytesIO()
    result = carry_out(world.session(), Task(won.view, won.step, won.claim, won.attempt), world.folder, store, log.write)
    complete_attempt(world.session(**more), ITEM, step, won.attempt.id, result)
    return result, log.getvalue().decode()


class BackwardClock:
    """A machine's clock that is set back by an hour whenever it was asked."""

    def __init__(self):
        self.hour = 23

    def now(self):
        self.hour -= 1
        return f"2027-01-15T{self.hour:02}:00:00.000Z"


def test_a_clock_that_is_set_back_while_a_command_runs_spoils_no_result(world, tmp_path, wave):
    there = session(world)._replace(clock=BackwardClock())
    folder = tmp_path / "result"
    write_result(folder, wave["lint"], carry_out(there, wave["lint"], world.folder, DirectoryStore(tmp_path / "store"), len))
    read = read_result((folder / executing.RESULT_NAME).read_bytes(), wave["lint"], "directory")
    assert (read.result, read.reason) == ("success", "")
    assert read.started == read.finished


def test_an_attempt_hands_on_what_it_made_and_the_next_one_gets_it(tmp_path):
    world = World(
        tmp_path,
        Shape("build", run="echo $PLANLOOM_STEP-$PLANLOOM_ATTEMPT > out", outputs=("out",)),
        Shape("test", ("build",), run="cat out"),
    )
    result, _ = work(world, "build")
    assert [s.name for s in result.outputs] == ["out"]
    (tmp_path / "out").unlink()
    result, log = work(world, "test")
    assert (result.result, log) == ("success", "planloom: restored out\nbuild-1\n")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("true", "output 'out' was not made"),
        ("mkdir out", "output 'out' is a folder; 'out/**' means the files in it"),
        ("mkdir out; echo x > out/file", "output 'out' is a folder; 'out/**' means the files in it"),
        ("ln -s /etc/passwd out", "not a plain path inside"),
        ("mkfifo out", "output 'out' is no plain file"),
    ],
)
def test_outputs_that_are_missing_or_no_plain_files_fail_the_attempt(tmp_path, run, said):
    result, _ = work(World(tmp_path, Shape("build", run=run, outputs=("out",))), "build")
    assert result.result == "error"
    assert said in result.reason


def test_whatever_the_machine_refuses_becomes_a_result(tmp_path):
    world = World(
        tmp_path,
        Shape("build", run="echo x > out", outputs=("out",)),
        Shape("test", ("build",), run="true"),
    )
    work(world, "build")
    (tmp_path / "out").unlink()
    (tmp_path / "out").mkdir()  # a folder lies where the output belongs
    result, _ = work(world, "test")
    assert result.result == "error"
    assert "this machine refused" in result.reason
    assert str(tmp_path) not in result.reason


def test_an_output_that_was_changed_in_the_store_stops_whoever_needs_it(tmp_path):
    world = World(tmp_path, Shape("build", run="echo x > out", outputs=("out",)), Shape("test", ("build",), run="true"))
    result, _ = work(world, "build")
    (kept,) = (tmp_path / "store").rglob(result.outputs[0].digest)
    kept.write_text("changed")
    (tmp_path / "out").unlink()
    result, _ = work(world, "test")
    assert (result.result, result.reason) == ("error", "output out is not the one that was signed")


def test_parallel_steps_with_many_outputs_keep_their_lists_apart(tmp_path):
    make = "mkdir -p {0}; for n in $(seq 300); do echo {0} > {0}/$n; done"
    world = World(
        tmp_path,
        *(Shape(key, run=make.format(key), outputs=(f"{key}/*",)) for key in "ab"),
        Shape("c", ("a", "b"), run="cat a/300 b/300"),
    )
    for key in "ab":
        work(world, key)
    for key in "ab":
        shutil.rmtree(tmp_path / key)
    result, log = work(world, "c")
    assert (result.result, log[-4:]) == ("success", "a\nb\n")


def test_exec_checks_that_the_claim_is_open_and_its_own(world, wave):
    assert check_claim(session(world), ITEM, "build", "build-1-7-1").step.key == "build"
    with pytest.raises(Conflict, match="not open"):
        check_claim(session(world), ITEM, "build", "build-2-7-1")
    again = world.session(builder=Builder("github", "7", "2", ""), executor="run 7 attempt 2")
    with pytest.raises(Conflict, match="claimed by run 7 attempt 1"):
        check_claim(again, ITEM, "build", "build-1-7-1")


def test_a_clock_that_is_set_back_spoils_nothing(tmp_path):
    world = World(tmp_path, Shape("a"), Shape("b", ("a",)))
    won = world.claim("a")
    world.clock.pass_seconds(-7200)
    done = world.finish(won)
    body = done.handoff.record.body
    assert body.started <= body.finished
    assert done.handoff.record.at >= won.claim.record.at
