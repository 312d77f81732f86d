"""Exporting: the portfolio of all work items, and a signed checkpoint over all records.

Both depend on nothing but the records: exporting again without new records changes no byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical
from planloom.ledger import disk
from planloom.records.bodies import Finished
from planloom.runtime.delegating import write_atomically
from planloom.runtime.executing import output_subjects
from planloom.runtime.reading import read_view
from planloom.state.schedule import build_schedule
from planloom.trust.checkpoint import build_checkpoint, check_leaves, is_record_path

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.runtime.session import Session
    from planloom.state.schedule import Row

PORTFOLIO_SCHEMA: Final = "planloom/portfolio/v1"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the portfolio, and how many records the checkpoint covers."""

    portfolio: dict[str, Any]
    records: int
    folder: Path


def build_portfolio(session: Session) -> dict[str, Any]:
    """Return every work item with its steps, in plan order."""
    items = []
    for item in session.ledger.items():
        view = read_view(session, item).view
        schedule = build_schedule(view)
        items.append(
            {
                "workItemId": item,
                "plan": {"name": view.item.plan.name, "version": view.item.plan.version, "digest": view.item.plan.digest},
                "params": dict(view.item.body.params),
                "commit": view.item.commit,
                "openedAt": view.item.opened.record.at,
                "closedAt": view.item.closed.record.at if view.item.closed else "",
                "done": len(schedule.done),
                "total": len(schedule.rows),
                "steps": [_step(row) for row in schedule.rows],
            }
        )
    return {"schema": PORTFOLIO_SCHEMA, "schemaVersion": 1, "workItems": items}


def _step(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": row.step.key,
        "order": row.step.order,
        "state": row.state.status.value,
        "attempt": row.state.attempt,
        "waitsFor": [blocker.text for blocker in row.blockers] if row.word == "waits" else [],
    }
    handoff = row.state.handoff
    if handoff is not None and isinstance(handoff.record.body, Finished):
        body = handoff.record.body
        shown["handoff"] = handoff.digest
        shown["outcome"] = body.outcome
        shown["nextAction"] = body.next_action
        shown["finishedAt"] = body.finished
        shown["outputs"] = {s.name: s.digest for s in output_subjects(handoff)}
    return shown


def read_records(artifacts: Path) -> dict[str, bytes]:
    """Return every record file below `artifacts/`, by its path relative to the project."""
    found = {}
    for path in sorted(artifacts.glob("*/*/*/*.json")):
        name = f"artifacts/{path.relative_to(artifacts).as_posix()}"
        if is_record_path(name):
            found[name] = path.read_bytes()
    return found


def export(session: Session, origin: str) -> Exported:
    """Write `artifacts/exports/`: portfolio.json, checkpoint, leaves.txt.

    One exporter at a time: else the files of two could end up beside each other. Raises: TrustError when a record that an earlier
    checkpoint covers is gone or changed (nothing is signed then), or without a key.
    """
    lock = session.artifacts / ".ledger" / "export.lock"
    try:
        disk.make_folders(lock.parent)
        with disk.locked(lock, exclusive=True):
            return _export(session, origin)
    except OSError as error:
        raise disk.refusal(error, session.artifacts) from error


def _export(session: Session, origin: str) -> Exported:
    folder = session.artifacts / "exports"
    portfolio = build_portfolio(session)
    leaves_path = folder / "leaves.txt"
    previous = leaves_path.read_bytes() if leaves_path.exists() else b""
    records = read_records(session.artifacts)
    checkpoint, leaves = build_checkpoint(records, previous, origin, session.find_key("ci"))
    write_atomically(folder / "portfolio.json", canonical.encode(portfolio) + b"\n")
    # The leaves first: a checkpoint whose leaves are missing could not be checked.
    write_atomically(leaves_path, leaves)
    write_atomically(folder / "checkpoint", checkpoint)
    return Exported(portfolio, len(records), folder)


def check_kept(session: Session) -> None:
    """See that nothing which the last checkpoint covers is gone or changed, before anything is built on it.

    Raises: TrustError (`E_TRUNCATED`, `E_FORK`).
    """
    leaves = session.artifacts / "exports" / "leaves.txt"
    if leaves.exists():
        check_leaves(read_records(session.artifacts), leaves.read_bytes())


def find_origin(session: Session) -> str:
    """Return the name of this project's checkpoint: `<host>/<owner>/<repository>/planloom` when known, else `local/planloom`.

    Once a checkpoint is there, its name stays. Source: C2SP tlog-checkpoint, "origin".
    """
    existing = session.artifacts / "exports" / "checkpoint"
    if existing.exists():
        first = existing.read_bytes().split(b"\n", 1)[0].decode("utf-8", errors="replace")
        if first:
            return first
    repository = session.environment.get("GITHUB_REPOSITORY")
    if repository:
        host = (session.environment.get("GITHUB_SERVER_URL") or "https://github.com").partition("://")[2]
        return f"{host}/{repository}/planloom"
    return "local/planloom"
