"""Completing a wave (isolated execution): one result for each attempt that this workflow run claimed, from what its jobs uploaded.

The jobs that ran the commands are not believed more than they must be: a result counts only for an open claim of this run, when
the platform holds exactly one of its name, got it while the attempt's job ran, and says that this job ended the way the result says.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.core.errors import Conflict, InputError, StoreError, TrustError
from planloom.ledger.retry import Patience
from planloom.records.matrix import JOB_MARGIN_MINUTES
from planloom.runtime.abandoning import abandon_dead
from planloom.runtime.completing import Late, Result, complete_attempt, complete_wave
from planloom.runtime.delegating import open_items
from planloom.runtime.effects import parse_time
from planloom.runtime.executing import MAX_RESULT_BYTES, RESULT_NAME, Task, claimed_task, read_result
from planloom.runtime.opening import close_when_complete
from planloom.runtime.outputs import open_manifest, restore_outputs
from planloom.runtime.reading import read_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.records.references import Builder
    from planloom.records.signed import Signed
    from planloom.runtime.outputs import Store
    from planloom.runtime.platform import Job, Platform
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView

CLOCKS_APART: Final = 5 * 60
"""How many seconds the clock of a runner may differ from the platform's."""


def complete_run(session: Session, plan: str, results: Path, platform: Platform | None) -> tuple[Signed, ...]:
    """Record a result for every open attempt that this workflow run claimed; returns the records, by work item and plan order.

    Claims that an older attempt of this run left open are given up, and what came too late is kept as refused. Raises: InputError
    outside a workflow run or without its token: nothing that was uploaded is believed unseen.
    """
    builder = session.identity.builder
    if platform is None or not builder.run_id:
        message = "only a workflow run completes a wave: its jobs are looked up on GitHub"
        raise InputError(message, hint="in a workflow, give the step GITHUB_TOKEN; by hand, planloom complete ITEM STEP")
    items = open_items(session, plan)
    for item in items:
        abandon_dead(session, item)
    views = {item: read_view(session, item).view for item in items}
    tasks = [task for view in views.values() for task in _own_tasks(view, builder)]
    jobs = _ended_jobs(platform, builder, tasks)
    judged: dict[str, dict[str, tuple[str, Result]]] = {}
    for task in tasks:
        judged.setdefault(task.view.item.id, {})[task.step.key] = (task.attempt.id, judge_result(task, results, jobs, platform))
    written = list(complete_wave(session, judged))
    for item, view in views.items():
        written.extend(_keep_late(session, view, results, {attempt for attempt, _ in judged.get(item, {}).values()}))
    # Those whose last result was recorded by a run that died right after are closed as well.
    close_when_complete(session, *items)
    return tuple(written)


def _own_tasks(view: ItemView, builder: Builder) -> tuple[Task, ...]:
    """Return the open attempts of a work item that this attempt of this run holds, in plan order."""
    found = []
    for key in view.header.order:
        claim = view.states[key].claim
        if claim is None or claim.record.attempt is None:
            continue
        holder = claim.record.builder
        if (holder.run_id, holder.run_attempt) == (builder.run_id, builder.run_attempt):
            found.append(Task(view, view.steps[key], claim, claim.record.attempt))
    return tuple(found)


def _ended_jobs(platform: Platform, builder: Builder, tasks: Sequence[Task]) -> tuple[Job, ...]:
    """Return the run's jobs; those of the tasks have ended, but the platform may take a moment to say how."""
    patience = Patience(platform.pace)
    while tasks:
        jobs = platform.jobs(builder.run_id, builder.run_attempt)
        open_ones = any(not job.conclusion and job_is_of(job, task) for job in jobs for task in tasks)
        if not open_ones or not patience.wait():
            return jobs
    return ()


def judge_result(task: Task, results: Path, jobs: tuple[Job, ...], platform: Platform) -> Result:
    """Return the result of an attempt: what was uploaded for it, unless it can't be believed; then an error with the reason."""
    attempt = task.attempt.id
    found = [job for job in jobs if job_is_of(job, task)]
    if len(found) != 1:
        return Result("error", reason=f"{len(found)} jobs of this run carry attempt {attempt}: exactly one must")
    run_id = task.claim.record.builder.run_id
    result = agree(read_upload(results, task, run_id), found[0], task.step.timeout_minutes)
    if result.result != "success":
        return result
    return doubt_upload(task, found[0], run_id, platform) or check_uploads(result, platform)


def doubt_upload(task: Task, job: Job, run_id: str, platform: Platform) -> Result | None:
    """Return why the upload of an attempt's result can't be the one of its job; None when it can."""
    held = platform.list_artifacts(run_id).get(names.artifact_name("result", task.view.item.id, task.attempt.id), ())
    if len(held) != 1:
        return Result("error", reason=f"there are {len(held)} results of attempt {task.attempt.id}: exactly one must be")
    if not is_within(held[0].created, held[0].created, job, 0):
        return Result("error", reason="the result was uploaded outside its job's time")
    return None


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
    own = f"{task.view.item.id} {task.step.key} ({task.attempt.id})"
    return job.name == own or job.name.endswith(f" / {own}")


def read_upload(results: Path, task: Task, run_id: str) -> Result:
    """Return what was uploaded for an attempt (`<results>/<artifact>/result.json`); missing or unreadable is an error."""
    item, attempt = task.view.item.id, task.attempt.id
    path = results / names.artifact_name("result", item, attempt) / RESULT_NAME
    if path.is_symlink() or not path.is_file():
        return Result("error", reason="the job wrote no result")
    with path.open("rb") as stream:
        content = stream.read(MAX_RESULT_BYTES + 1)
    return read_result(content, task, f"github:{run_id}:{names.artifact_name('outputs', item, attempt)}")


def agree(uploaded: Result, job: Job, timeout_minutes: int) -> Result:
    """Return the result that both the job's conclusion and its upload allow."""
    started, completed = _seconds(job.started), _seconds(job.completed)
    if job.conclusion == "timed_out" or (
        # GitHub cancels a job that has used up its time.
        job.conclusion == "cancelled"
        and started
        and completed
        and completed - started >= (timeout_minutes + JOB_MARGIN_MINUTES) * 60
    ):
        return Result("timeout", reason="the job ran out of time")
    if job.conclusion == "cancelled":
        return Result("cancellation", reason="the job was cancelled")
    if uploaded.result == "success" and job.conclusion != "success":
        return Result("error", reason=f"the result says success, but the job's conclusion is {job.conclusion or 'missing'}")
    if uploaded.result != "success" and job.conclusion == "success":
        return uploaded._replace(result="error", reason=uploaded.reason or "the job succeeded without a result that says so")
    if uploaded.result == "success" and not is_within(uploaded.started, uploaded.finished, job, CLOCKS_APART):
        return Result("error", reason="the result was made outside its job's time")
    return uploaded


def is_within(started: str, finished: str, job: Job, tolerance: int) -> bool:
    """Return whether something happened while a job ran, give or take some seconds; what is not known does not count against it."""
    first, last = _seconds(job.started), _seconds(job.completed)
    begun, ended = _seconds(started), _seconds(finished)
    return not (first and begun and begun < first - tolerance) and not (last and ended and ended > last + tolerance)


def _seconds(timestamp: str) -> int:
    """Return a timestamp of ours or of GitHub's (`2026-11-22T20:05:52Z`) as Unix seconds; 0 for none."""
    try:
        return parse_time(f"{timestamp[:19]}.000Z") // 1000
    except ValueError:
        return 0


def _keep_late(session: Session, view: ItemView, results: Path, done: set[str]) -> list[Signed]:
    """Keep, as refused, what was uploaded for attempts of this run that were given up meanwhile."""
    builder, kept = session.identity.builder, []
    prefix = names.artifact_name("result", view.item.id, "")
    for folder in sorted(results.glob(f"{prefix}*-{builder.run_id}-{builder.run_attempt}")):
        attempt = folder.name.removeprefix(prefix)
        for key in view.header.order:
            if attempt in done or not attempt.startswith(f"{key}-"):
                continue
            try:
                task = claimed_task(session, view.item.id, key, attempt)
                outcome = complete_attempt(session, view.item.id, key, attempt, read_upload(results, task, builder.run_id))
            except Conflict:
                continue  # not an attempt of this step, or one whose end is recorded already
            if isinstance(outcome, Late):
                kept.append(outcome.refused)
    return kept
