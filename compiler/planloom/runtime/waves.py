"""Completing a wave (isolated execution): one result for each attempt that this workflow run claimed, from what its jobs uploaded.

The jobs that ran the commands are not believed more than they must be: a result counts only for an open claim of this run, when
it is the only one of its name, and when the platform says that the job which could have made it ended the way the result says.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from planloom.core.errors import StoreError, TrustError
from planloom.runtime.completing import Result, complete_wave
from planloom.runtime.delegating import open_items
from planloom.runtime.executing import MAX_RESULT_BYTES, RESULT_NAME, Task, read_result
from planloom.runtime.outputs import open_manifest, restore_outputs
from planloom.runtime.reading import read_view

if TYPE_CHECKING:
    from planloom.records.signed import Signed
    from planloom.runtime.outputs import Store
    from planloom.runtime.platform import Job, Platform
    from planloom.runtime.session import Session


def complete_run(session: Session, plan: str, results: Path, platform: Platform | None) -> tuple[Signed, ...]:
    """Record a result for every open attempt that this workflow run claimed; returns the records, by work item and plan order."""
    builder = session.identity.builder
    jobs = platform.jobs(builder.run_id, builder.run_attempt) if platform is not None and builder.run_id else ()
    written: list[Signed] = []
    for item in open_items(session, plan):
        view = read_view(session, item).view
        mine: dict[str, tuple[str, Result]] = {}
        for key in view.header.order:
            claim = view.states[key].claim
            if claim is None or claim.record.attempt is None or claim.record.builder.run_id != builder.run_id:
                continue
            if claim.record.builder.run_attempt != builder.run_attempt:
                continue
            task = Task(view, view.steps[key], claim, claim.record.attempt)
            mine[key] = (claim.record.attempt.id, judge_result(task, results, builder.run_id, jobs, platform))
        if mine:
            written.extend(complete_wave(session, item, mine))
    return tuple(written)


def judge_result(task: Task, results: Path, run_id: str, jobs: tuple[Job, ...], store: Store | None) -> Result:
    """Return the result of an attempt: what was uploaded for it, unless it can't be believed; then an error with the reason.

    `store` is where uploaded outputs can be fetched from; with it, the platform was asked for the run's jobs, so the attempt's job must
    be among them, and the outputs must be what the result says.
    """
    attempt = task.attempt.id
    found = [job for job in jobs if job_is_of(job, task)]
    job = found[0] if len(found) == 1 else None
    if store is not None and job is None:
        return Result("error", reason=f"{len(found)} jobs of this run carry attempt {attempt}: exactly one must")
    uploaded = read_upload(results, attempt, task, run_id)
    result = uploaded if job is None else agree(uploaded, job)
    return result if store is None or result.result != "success" else check_uploads(result, store)


def check_uploads(result: Result, store: Store) -> Result:
    """Return the result if what was uploaded is what it says, else an error with the reason."""
    with tempfile.TemporaryDirectory(prefix="planloom-") as folder:
        workspace = Path(folder)
        try:
            restore_outputs(workspace, result.outputs, store, result.store)
            if result.manifest:
                restore_outputs(workspace, open_manifest(result.outputs, store, result.store), store, result.store)
        except (StoreError, TrustError, OSError) as error:
            return Result("error", reason=f"the uploaded outputs are not those of the result: {error}")
    return result


def job_is_of(job: Job, task: Task) -> bool:
    """Return whether a job is the one that the execute workflow names after this attempt (its caller's name goes before it)."""
    return job.name.endswith(f"{task.view.item.id} {task.step.key} ({task.attempt.id})")


def read_upload(results: Path, attempt: str, task: Task, run_id: str) -> Result:
    """Return what was uploaded for an attempt (`<results>/result-<attempt>/result.json`); missing or unreadable is an error."""
    path = results / f"result-{attempt}" / RESULT_NAME
    if path.is_symlink() or not path.is_file():
        return Result("error", reason="the job wrote no result")
    with path.open("rb") as stream:
        content = stream.read(MAX_RESULT_BYTES + 1)
    return read_result(content, task, f"github:{run_id}:outputs-{attempt}")


def agree(uploaded: Result, job: Job) -> Result:
    """Return the result that both the job's conclusion and its upload allow."""
    if job.conclusion == "cancelled":
        return Result("cancellation", reason="the job was cancelled")
    if job.conclusion == "timed_out":
        return Result("timeout", reason="the job ran out of time")
    if uploaded.result == "success" and job.conclusion != "success":
        return Result("error", reason=f"the result says success, but the job's conclusion is {job.conclusion or 'missing'}")
    if uploaded.result != "success" and job.conclusion == "success":
        return uploaded._replace(result="error", reason=uploaded.reason or "the job succeeded without a result that says so")
    outside = (job.started and uploaded.started and uploaded.started[:19] < job.started[:19]) or (
        job.completed and uploaded.finished and uploaded.finished[:19] > job.completed[:19]
    )
    if outside and uploaded.result == "success":
        return Result("error", reason="the result was made outside its job's time")
    return uploaded
