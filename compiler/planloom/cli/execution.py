"""exec: one claimed attempt, in a job that holds neither key nor writing token."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from planloom import api
from planloom.cli import given, screen
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS

if TYPE_CHECKING:
    from planloom.runtime.completing import Result
    from planloom.runtime.executing import Task
    from planloom.runtime.outputs import Store
    from planloom.runtime.session import Session


@click.command(
    "exec",
    epilog=examples(
        (
            "what a workflow does with a claimed attempt",
            "planloom exec --work-item release-1 --step build --attempt build-local --result out/result --outputs out/files",
        )
    ),
)
@click.option("--work-item", "item", required=True, help="The work item.")
@click.option("--step", required=True, help="The step.")
@click.option("--attempt", required=True, help="The attempt, which must be claimed and open.")
@click.option(
    "--result",
    "result_dir",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where to write what came of it.",
)
@click.option(
    "--outputs", "outputs_dir", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where to copy its outputs."
)
@click.option("--begin", is_flag=True, help="Only check the claim and restore the inputs: native steps follow.")
@click.option("--end", is_flag=True, help="Only find the outputs and write the result: native steps have run.")
@root_option
@ledger_option
@format_option
def exec_(
    item: str,
    step: str,
    attempt: str,
    result_dir: Path,
    outputs_dir: Path,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    begin: bool,
    end: bool,
) -> int:
    """Run one claimed attempt: check the claim, restore inputs, run the command without keys or tokens, write the result.

    An attempt is carried out once: when its result folder says that it was begun, it is refused (exit status 3), and `complete` says what came of it.
    """
    from planloom.runtime.executing import check_claim, claimed_task, copy_outputs, mark_begun, write_result

    session = api.open_session(find_root(root), ledger=ledger)
    # What has begun is brought to its end: a claim that was given up meanwhile makes it a late result, not a lost one.
    task = (claimed_task if end else check_claim)(session, item, step, attempt)
    if begin:
        _begin(session, task, result_dir)
        return 0
    if not end:
        mark_begun(result_dir, task, session.clock.now())
    result = _end(session, task, result_dir) if end else _carry_out(session, task, sys.stderr if style == "json" else sys.stdout)
    if result.result == "success":
        copy_outputs(session.workspace, result, api.output_store(session), outputs_dir)
    write_result(result_dir, task, result)
    shown = f"{result.result}{': ' + result.reason if result.reason else ''}"
    screen.say(f"{step} of {item}: {shown}")
    if style == "json":
        said = {"workItemId": item, "stepKey": step, "attempt": attempt, "result": result.result, "reason": result.reason}
        screen.product_json({**said, "exitCode": result.exit_code})
    from planloom.report.table import write_attempt_summary
    from planloom.runtime.delegating import write_summary

    write_summary(session, write_attempt_summary(task.view, step, task.attempt, result, spell=given.repeat))
    return 0 if result.result == "success" else EXIT_FINDINGS


def _store(session: Session) -> Store:
    """Return where the outputs of earlier steps come from: the run's artifacts on GitHub, else this machine's folder."""
    from planloom.runtime.outputs import CombinedStore
    from planloom.runtime.platform import find_platform

    return CombinedStore(api.output_store(session), find_platform(session.environment))


def _carry_out(session: Session, task: Task, stream: TextIO) -> Result:
    """Run the command; what it writes goes to a stream as it comes."""
    from planloom.runtime.executing import carry_out

    def log(piece: bytes) -> None:
        stream.buffer.write(piece)
        stream.buffer.flush()

    return carry_out(session, task, session.workspace, api.output_store(session), log, fetch=_store(session))


def _begin(session: Session, task: Task, folder: Path) -> None:
    """Restore inputs, and hand the native steps what a command would get: parameters, and what its attempt is called."""
    from planloom.runtime.command import param_variables
    from planloom.runtime.delegating import write_variables
    from planloom.runtime.executing import begun_path, describe_attempt, restore_inputs

    for name in restore_inputs(task, session.workspace, _store(session)):
        screen.say(f"restored {name}")
    write_variables(session, param_variables(task.view.item.body.params) | describe_attempt(task))
    folder.mkdir(parents=True, exist_ok=True)
    begun_path(folder, task).write_text(session.clock.now(), encoding="ascii")


def _end(session: Session, task: Task, folder: Path) -> Result:
    """Return the result of native steps: their status is the job's, which the workflow passes as JOB_STATUS."""
    from planloom.runtime.command import Ended
    from planloom.runtime.executing import begun_path, collect_result

    begun = begun_path(folder, task)
    started = begun.read_text(encoding="ascii") if begun.exists() else session.clock.now()
    status = session.environment.get("JOB_STATUS")
    words = {"success": "success", "failure": "failure", "cancelled": "cancellation"}
    result = words.get(status, "error")
    reason = "" if result == "success" else f"the job's status was '{status}'"
    return collect_result(
        session, task, session.workspace, api.output_store(session), Ended(result, 0 if not reason else -1, reason), started
    )


def result_of(session: Session, item: str, step: str, attempt: str, folder: Path) -> Result:
    """Return the result that `exec` left in a folder; a missing or malformed one is an error with the reason."""
    from planloom.core.names import artifact_name
    from planloom.runtime.completing import Result
    from planloom.runtime.executing import RESULT_NAME, claimed_task, read_result

    task = claimed_task(session, item, step, attempt)
    path = folder / RESULT_NAME
    if not path.is_file():
        status = session.environment.get("JOB_STATUS")
        if status == "cancelled":
            return Result("cancellation", reason="the job was cancelled before it wrote a result")
        return Result("error", reason="the job wrote no result")
    with path.open("rb") as stream:
        content = stream.read(2_000_000)
    run_id = session.identity.builder.run_id
    return read_result(content, task, f"github:{run_id}:{artifact_name('outputs', item, attempt)}" if run_id else "directory")
