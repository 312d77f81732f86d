"""Carrying out one attempt: inputs restored and checked, the command run, outputs found and kept; or the same around native steps.

The result is a value (`completing.Result`). In a workflow it also travels as a small file, `result.json`, from the job that runs
the command to the one that signs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical
from planloom.core.errors import Conflict, InputError, PlanloomError, StoreError, TrustError
from planloom.records.record import RESULTS, Finished, Subject
from planloom.runtime.command import Ended, command_environment, run_command
from planloom.runtime.completing import Result
from planloom.runtime.outputs import (
    MANIFEST,
    MAX_SUBJECTS,
    describe_outputs,
    find_outputs,
    is_safe_path,
    read_manifest,
    restore_outputs,
    write_manifest,
)
from planloom.runtime.reading import read_view
from planloom.state.machine import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from planloom.records.compiled import CompiledStep
    from planloom.records.record import AttemptRef
    from planloom.records.signed import Signed
    from planloom.runtime.outputs import DirectoryStore, Store
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView

RESULT_SCHEMA: Final = "planloom/result/v1"
RESULT_NAME: Final = "result.json"
MAX_RESULT_BYTES: Final = 1_000_000
TIMESTAMP_LENGTH: Final = 24


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt to carry out: the step, its claim, what it gets and where it works."""

    view: ItemView
    step: CompiledStep
    claim: Signed
    attempt: AttemptRef


def check_claim(session: Session, item: str, step: str, attempt: str) -> Task:
    """Return the task after checking that the attempt's claim is open and the step is the one that was claimed.

    Raises: Conflict when the attempt is not open: whoever re-runs a closed attempt must ask for a new one.
    """
    view = read_view(session, item, (step,)).view
    state = view.states[step]
    claim = state.claim
    if state.status is not Status.RUNNING or claim is None or claim.record.attempt is None or claim.record.attempt.id != attempt:
        message = f"attempt {attempt} of step {step} is not open (the step is {state.status.value})"
        raise Conflict(message, hint="dispatch the orchestrator: it hands out a new attempt")
    compiled = view.steps[step]
    if claim.record.step is None or claim.record.step.digest != compiled.digest:
        message = f"step {step} is not the one that was claimed: its digest differs"
        raise TrustError(message, code="E_PLAN", hint=f"planloom migrate {item}")
    return Task(view, compiled, claim, claim.record.attempt)


def restore_inputs(task: Task, workspace: Path, store: Store) -> tuple[str, ...]:
    """Put the outputs of every step that this one needs into the workspace, checked; returns the names of files written."""
    written: list[str] = []
    for key in task.step.needs:
        handoff = task.view.states[key].handoff
        if handoff is not None and isinstance(handoff.record.body, Finished):
            subjects = output_subjects(handoff)
            if handoff.record.body.manifest:
                restore_outputs(workspace, subjects, store, handoff.record.body.store)
                subjects = read_manifest((workspace / MANIFEST).read_bytes())
            written.extend(restore_outputs(workspace, subjects, store, handoff.record.body.store))
    return tuple(written)


def output_subjects(handoff: Signed) -> tuple[Subject, ...]:
    """Return the files that a handoff hands on: its subjects, but for the one that stands for the step itself."""
    record = handoff.record
    if record.step is None:
        return ()
    itself = Subject(f"{record.plan.name}/{record.step.key}", record.step.digest)
    return tuple(s for s in record.subjects if s != itself)


def carry_out(
    session: Session,
    task: Task,
    workspace: Path,
    store: DirectoryStore,
    log: Callable[[bytes], None],
    *,
    running: set[int] | None = None,
    fetch: Store | None = None,
) -> Result:
    """Run the step's command and return what came of it. Whatever goes wrong with the step becomes a result, never an exception.

    Outputs are kept in `store`; inputs come from `fetch` (default: the same store).
    """
    started = session.clock.now()
    try:
        for name in restore_inputs(task, workspace, fetch or store):
            log(f"planloom: restored {name}\n".encode())
        environment = command_environment(task.step, task.view.item.body.params, session.environment.all())
        environment |= describe_attempt(task)
        ended = run_command(task.step, workspace, environment, log, running)
    except (InputError, StoreError, TrustError) as error:
        log(f"planloom: {error.message}\n".encode())
        ended = Ended("error", -1, error.message)
    return collect_result(session, task, workspace, store, ended, started)


def describe_attempt(task: Task) -> dict[str, str]:
    """Return what a command may know of its attempt, as environment variables."""
    return {
        "PLANLOOM_WORK_ITEM": task.view.item.id,
        "PLANLOOM_STEP": task.step.key,
        "PLANLOOM_ATTEMPT": str(task.attempt.number),
        "PLANLOOM_ATTEMPT_ID": task.attempt.id,
    }


def collect_result(session: Session, task: Task, workspace: Path, store: DirectoryStore, ended: Ended, started: str) -> Result:
    """Return the result of a command that has ended: with its outputs when it succeeded, else with the reason."""
    finished = session.clock.now()
    base = Result(ended.result, reason=ended.reason, exit_code=ended.exit_code, started=started, finished=finished)
    if ended.result != "success":
        return base
    try:
        subjects, manifest = keep_outputs(workspace, task.step.outputs, store)
    except (PlanloomError, OSError) as error:
        reason = error.message if isinstance(error, PlanloomError) else f"the outputs could not be kept: {error.strerror}"
        return Result("error", reason=reason, exit_code=ended.exit_code, started=started, finished=finished)
    location = "directory" if subjects else ""
    return Result("success", exit_code=0, started=started, finished=finished, outputs=subjects, store=location, manifest=manifest)


def keep_outputs(workspace: Path, patterns: tuple[str, ...], store: DirectoryStore) -> tuple[tuple[Subject, ...], bool]:
    """Keep a step's outputs in the store; returns the subjects for its record, and whether they are one list of many files."""
    files = find_outputs(workspace, patterns)
    subjects = describe_outputs(workspace, files)
    for subject in subjects:
        store.put(workspace / subject.name, subject.digest)
    if len(subjects) <= MAX_SUBJECTS:
        return subjects, False
    (workspace / MANIFEST).write_bytes(write_manifest(subjects))
    listed = describe_outputs(workspace, [find_outputs(workspace, (MANIFEST,))[0]])
    store.put(workspace / MANIFEST, listed[0].digest)
    return listed, True


def write_result(folder: Path, task: Task, result: Result) -> None:
    """Write `result.json` for the job that signs."""
    value: dict[str, Any] = {
        "schema": RESULT_SCHEMA,
        "workItem": task.view.item.id,
        "step": task.step.key,
        "stepDigest": task.step.digest,
        "attempt": task.attempt.id,
        "claim": task.claim.digest,
        "result": result.result,
        "reason": result.reason,
        "exitCode": result.exit_code,
        "started": result.started,
        "finished": result.finished,
        "outputs": {s.name: s.digest for s in result.outputs},
        "manifest": result.manifest,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_NAME).write_bytes(canonical.encode(value) + b"\n")


def read_result(content: bytes, task: Task, location: str) -> Result:
    """Return the result in a `result.json`; one that is malformed, too large or of another attempt is an error with the reason."""
    if len(content) > MAX_RESULT_BYTES:
        return _error("the result is too large")
    try:
        value: Any = canonical.decode(content.removesuffix(b"\n"))
        mine = {"schema": RESULT_SCHEMA, "workItem": task.view.item.id, "step": task.step.key, "stepDigest": task.step.digest}
        mine |= {"attempt": task.attempt.id, "claim": task.claim.digest}
        for key, expected in mine.items():
            if value[key] != expected:
                return _error(f"the result is of another attempt: {key} differs")
        if not _is_sound(value, task.step):
            return _error("the result can't be read")
        outputs = tuple(Subject(name, digest) for name, digest in value["outputs"].items())
        return Result(
            result=value["result"],
            reason=value["reason"],
            exit_code=value["exitCode"],
            started=value["started"],
            finished=value["finished"],
            outputs=outputs,
            store=location if outputs else "",
            manifest=value["manifest"],
        )
    except (canonical.CanonicalError, KeyError, TypeError, AttributeError, IndexError):
        return _error("the result can't be read")


def _is_sound(value: Any, step: CompiledStep) -> bool:
    times = (value["started"], value["finished"])
    if value["result"] not in RESULTS or not isinstance(value["reason"], str) or not isinstance(value["manifest"], bool):
        return False
    if not all(isinstance(t, str) and len(t) == TIMESTAMP_LENGTH for t in times) or type(value["exitCode"]) is not int:
        return False
    named = all(is_safe_path(name) and isinstance(digest, str) and len(digest) == 64 for name, digest in value["outputs"].items())
    # A success hands on what the plan says; a step without outputs hands on nothing.
    return named and (value["result"] != "success" or bool(value["outputs"]) == bool(step.outputs))


def _error(reason: str) -> Result:
    return Result("error", reason=reason)


def copy_outputs(workspace: Path, result: Result, target: Path) -> None:
    """Copy the outputs to the folder that is uploaded, with their paths."""
    names_to_copy = [s.name for s in result.outputs]
    if result.manifest:
        names_to_copy.extend(s.name for s in read_manifest((workspace / MANIFEST).read_bytes()))
    for name in names_to_copy:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace / name, target / name)
