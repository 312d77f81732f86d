"""Carrying out one attempt: inputs restored and checked, the command run, outputs found and kept; or the same around native steps.

The result is a value (`completing.Result`). In a workflow it also travels as a small file, `result.json`, from the job that runs
the command to the one that signs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical, names
from planloom.core.errors import Conflict, PlanloomError, TrustError
from planloom.records.bodies import Finished
from planloom.records.kinds import RESULTS
from planloom.records.references import Subject
from planloom.records.signed import output_subjects
from planloom.runtime.command import Ended, command_environment, run_command
from planloom.runtime.completing import Result
from planloom.runtime.container import ATTEMPT_VARIABLES
from planloom.runtime.effects import is_timestamp
from planloom.runtime.outputs import (
    MANIFEST,
    describe_outputs,
    file_digest,
    find_outputs,
    fits_record,
    is_digest,
    is_safe_path,
    open_manifest,
    read_manifest,
    restore_outputs,
    write_manifest,
)
from planloom.runtime.reading import open_chain, read_view
from planloom.state.machine import Status, claim_body

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from planloom.records.compiled import CompiledStep
    from planloom.records.references import AttemptRef
    from planloom.records.signed import Signed
    from planloom.runtime.outputs import DirectoryStore, Store
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView

RESULT_SCHEMA: Final = "planloom/result/v1"
RESULT_NAME: Final = "result.json"
MAX_RESULT_BYTES: Final = 1_000_000
MAX_REASON: Final = 2_000


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
    held, mine = claim.record.builder, session.identity.builder
    if (held.run_id, held.run_attempt) != (mine.run_id, mine.run_attempt):
        # "Re-run failed jobs" is a newer attempt of the run: the older one's claims are given up, not taken over.
        message = (
            f"attempt {attempt} of step {step} is claimed by {claim_body(state).executor}, not by {session.identity.executor}"
        )
        raise Conflict(message, hint="dispatch the orchestrator: it hands out a new attempt")
    compiled = view.steps[step]
    if claim.record.step is None or claim.record.step.digest != compiled.digest:
        message = f"step {step} is not the one that was claimed: its digest differs"
        raise TrustError(message, code="E_PLAN", hint=f"planloom migrate {item}")
    return Task(view, compiled, claim, claim.record.attempt)


def claimed_task(session: Session, item: str, step: str, attempt: str) -> Task:
    """Return the task of an attempt that was claimed once, whether its claim is open still or was given up meanwhile.

    Raises: Conflict when there is no such claim.
    """
    view = read_view(session, item, (step,)).view
    chain = names.step_chain(item, step)
    for signed in open_chain(session, session.ledger.read([chain])[chain]):
        record = signed.record
        if record.event == "claimed" and record.attempt is not None and record.attempt.id == attempt:
            return Task(view, view.steps[step], signed, record.attempt)
    message = f"step {step} of {item} has no attempt '{attempt}'"
    raise Conflict(message, hint="dispatch the orchestrator: it hands out a new attempt")


def restore_inputs(task: Task, workspace: Path, store: Store) -> tuple[str, ...]:
    """Put the outputs of every step that this one needs into the workspace, checked; returns the names of files written."""
    written: list[str] = []
    for key in task.step.needs:
        handoff = task.view.states[key].handoff
        if handoff is not None and isinstance(handoff.record.body, Finished):
            subjects = output_subjects(handoff)
            if handoff.record.body.manifest:
                subjects = open_manifest(subjects, store, handoff.record.body.store)
            written.extend(restore_outputs(workspace, subjects, store, handoff.record.body.store))
    return tuple(written)


def missing_inputs(view: ItemView, step: CompiledStep, workspace: Path, store: DirectoryStore) -> tuple[str, ...]:
    """Return the outputs of needed steps that are neither in the workspace nor in the store, though they should be; names, in order."""
    return tuple(name for key in step.needs for name in missing_outputs(view, key, workspace, store))


def missing_outputs(view: ItemView, key: str, workspace: Path, store: DirectoryStore) -> tuple[str, ...]:
    """Return the outputs of a step that are neither in the workspace nor in the store, though they should be; names, in order."""
    missing = []
    handoff = view.states[key].handoff
    if handoff is None or getattr(handoff.record.body, "store", "") != "directory":
        return ()
    for subject in output_subjects(handoff):
        here = workspace / subject.name
        if not store.has(subject.digest) and not (here.is_file() and file_digest(here) == subject.digest):
            missing.append(subject.name)
    return tuple(missing)


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
    except (PlanloomError, OSError) as error:
        reason = error.message if isinstance(error, PlanloomError) else describe_failure(error, workspace)
        log(f"planloom: {reason}\n".encode(errors="replace"))
        ended = Ended("error", -1, reason)
    return collect_result(session, task, workspace, store, ended, started)


def describe_failure(error: OSError, workspace: Path) -> str:
    """Return what the operating system refused, in words that may be signed: no path of this machine."""
    named = str(error.filename or "")
    inside = named.startswith(f"{workspace}/")
    where = f" ({named.removeprefix(f'{workspace}/')})" if inside and named.isprintable() else ""
    return f"this machine refused: {error.strerror or type(error).__name__}{where}"


def describe_attempt(task: Task) -> dict[str, str]:
    """Return what a command may know of its attempt, as environment variables."""
    values = (task.view.item.id, task.step.key, str(task.attempt.number), task.attempt.id)
    return dict(zip(ATTEMPT_VARIABLES, values, strict=True))


def collect_result(session: Session, task: Task, workspace: Path, store: DirectoryStore, ended: Ended, started: str) -> Result:
    """Return the result of a command that has ended: with its outputs when it succeeded, else with the reason."""
    # A clock that was set back meanwhile must not make it end before it began: such a result could not be believed.
    finished = max(session.clock.now(), started)
    base = Result(ended.result, reason=ended.reason, exit_code=ended.exit_code, started=started, finished=finished)
    if ended.result != "success":
        return base
    try:
        subjects, manifest = keep_outputs(workspace, task.step.outputs, store)
    except (PlanloomError, OSError) as error:
        reason = error.message if isinstance(error, PlanloomError) else describe_failure(error, workspace)
        return Result("error", reason=reason, exit_code=ended.exit_code, started=started, finished=finished)
    location = "directory" if subjects else ""
    return Result("success", exit_code=0, started=started, finished=finished, outputs=subjects, store=location, manifest=manifest)


def keep_outputs(workspace: Path, patterns: tuple[str, ...], store: DirectoryStore) -> tuple[tuple[Subject, ...], bool]:
    """Keep a step's outputs in the store; returns the subjects for its record, and whether they are one list of many files."""
    files = find_outputs(workspace, patterns)
    subjects = describe_outputs(workspace, files)
    for subject in subjects:
        store.put(workspace / subject.name, subject.digest)
    if fits_record(subjects):
        return subjects, False
    # The list goes straight into the store: a file in the workspace would be every parallel step's.
    content = write_manifest(subjects)
    listed = Subject(MANIFEST, canonical.digest(content))
    store.put_bytes(content, listed.digest)
    return (listed,), True


def begun_path(folder: Path, task: Task) -> Path:
    """Return the file in a result folder that says when its attempt was begun."""
    return folder / names.artifact_name("started", task.view.item.id, task.attempt.id)


def mark_begun(folder: Path, task: Task, now: str) -> None:
    """Write down that an attempt is begun, before its command may have had any effect.

    Raises: Conflict when it was begun already: whoever killed it does not know how far its command had come.
    """
    path = begun_path(folder, task)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="ascii") as stream:
            try:
                stream.write(now)
                stream.flush()
            except OSError:
                path.unlink(missing_ok=True)  # Nothing was begun yet: with room on the disk it can be.
                raise
    except FileExistsError:
        item, step, attempt = task.view.item.id, task.step.key, task.attempt.id
        message = f"attempt {attempt} of step {step} was begun already ({path}): it is not carried out twice"
        hint = f"planloom complete {item} {step} --attempt {attempt} --from-result {folder}"
        raise Conflict(message, hint=hint) from None


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
        "outputs": [{"name": s.name, "digest": s.digest} for s in result.outputs],
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
        outputs = tuple(Subject(output["name"], output["digest"]) for output in value["outputs"])
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
    """Return whether a result holds what a record may say: whatever a job could upload beside that would spoil its whole wave."""
    times = (value["started"], value["finished"])
    reason, outputs = value["reason"], value["outputs"]
    if value["result"] not in RESULTS or not isinstance(reason, str) or not isinstance(value["manifest"], bool):
        return False
    if len(reason) > MAX_REASON or type(value["exitCode"]) is not int:
        return False
    if not all(isinstance(t, str) and is_timestamp(t) for t in times) or value["started"] > value["finished"]:
        return False
    if not all(is_safe_path(output["name"]) and is_digest(output["digest"]) for output in outputs):
        return False
    subjects = tuple(Subject(output["name"], output["digest"]) for output in outputs)
    if value["manifest"] and [subject.name for subject in subjects] != [MANIFEST]:
        return False
    if not fits_record(subjects) or len({subject.name.casefold() for subject in subjects}) != len(subjects):
        return False
    # A success hands on what the plan says; a step without outputs hands on nothing.
    return value["result"] != "success" or bool(outputs) == bool(step.outputs)


def _error(reason: str) -> Result:
    return Result("error", reason=reason)


def copy_outputs(workspace: Path, result: Result, store: Store, target: Path) -> None:
    """Copy the outputs to the folder that is uploaded, with their paths; a list of them comes from the store that it was kept in."""
    subjects = result.outputs
    if result.manifest:
        target.mkdir(parents=True, exist_ok=True)
        restore_outputs(target, result.outputs, store, result.store)
        subjects = read_manifest((target / MANIFEST).read_bytes())
    for subject in subjects:
        (target / subject.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace / subject.name, target / subject.name)
