"""A work item on a page: what was to be done, what happened, what came out. Markdown, the same bytes for the same records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.records.bodies import Abandoned, Decided, Finished, Reverted
from planloom.records.signed import output_subjects
from planloom.report.table import describe_seconds, head_line, markdown_cell, printable, step_columns
from planloom.runtime.effects import parse_time
from planloom.runtime.reading import open_chain, read_view
from planloom.state.schedule import build_schedule

if TYPE_CHECKING:
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session


def write_page(session: Session, item: str) -> str:
    """Return the page of a work item. Raises: InputError when there is none."""
    view = read_view(session, item).view
    schedule = build_schedule(view)
    opened = view.item.opened.record
    lines = [f"# {head_line(view)}", "", f"Opened {opened.at} by {opened.actor}: {view.item.body.reason}."]
    if view.item.closed is not None:
        lines.append(f"Closed {view.item.closed.record.at}: {getattr(view.item.closed.record.body, 'reason', '')}.")
    lines += [f"Plan digest `sha256:{view.item.plan.digest}`.", ""]
    if view.item.body.params:
        lines += ["| parameter | value |", "| --- | --- |"]
        lines += [f"| {name} | {markdown_cell(str(value))} |" for name, value in sorted(view.item.body.params.items())]
        lines.append("")
    lines += ["| step | state | attempt | time | remark |", "| --- | --- | --- | --- | --- |"]
    for row in schedule.rows:
        word, key, attempt, spent, remark = step_columns(row, opened.at if row.state.claim is None else view.now)
        lines.append(f"| {key} | {word} | {attempt.removeprefix('attempt ')} | {spent} | {markdown_cell(remark)} |")
    lines += ["", "## What happened", ""]
    chains = session.ledger.read([f"{item}/"])
    records = [signed for name in sorted(chains) for signed in open_chain(session, chains[name])]
    for signed in sorted(records, key=lambda s: (s.record.at, s.record.chain, s.record.index)):
        lines += [_line(session, signed), *_outputs(signed)]
    # Reasons and names are anybody's: none may steer the terminal, or begin a line that looks like ours.
    return "\n".join(map(printable, lines)) + "\n"


def _line(session: Session, signed: Signed) -> str:
    record = signed.record
    trusted = session.policy.find(signed.key_id)
    signer = trusted.name if trusted else signed.key_id[:8]
    attempt = f", attempt {record.attempt.number}" if record.attempt else ""
    subject = f" {record.step.key}{attempt}" if record.step else ""
    return f"- {record.at} **{record.event}**{subject} (signed by {signer}){_detail(signed)}"


def _outputs(signed: Signed) -> list[str]:
    is_result = isinstance(signed.record.body, Finished)
    return [f"  - `{s.name}` sha256:{s.digest}" for s in output_subjects(signed)] if is_result else []


def _detail(signed: Signed) -> str:
    body = signed.record.body
    match body:
        case Finished():
            took = describe_seconds(max(0, parse_time(body.finished) - parse_time(body.started)))
            said = body.outcome or body.reason or body.result
            return f": {markdown_cell(said)}, {took}"
        case Abandoned() | Reverted() | Decided():
            return f": {markdown_cell(body.reason)}" if body.reason else ""
        case _:
            return ""
