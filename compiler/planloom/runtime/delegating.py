"""Delegating: from the records to what comes next. Writes the schedule, hands out a wave, and dispatches the next workflow run."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical, names
from planloom.core.errors import StoreError, TrustError
from planloom.records.matrix import WAVE_LIMIT, group_by_profile, matrix_entry
from planloom.runtime.identity import attempt_id
from planloom.runtime.opening import list_plans, read_generated
from planloom.runtime.reading import open_chain, read_view
from planloom.state.item import fold_item
from planloom.state.schedule import build_schedule, choose_wave, schedule_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from planloom.runtime.claiming import Won
    from planloom.runtime.platform import Platform
    from planloom.runtime.session import Session
    from planloom.state.item import ItemState, ItemView
    from planloom.state.schedule import Row, Schedule


@dataclass(frozen=True, slots=True)
class Delegated:
    """What there is to do for one work item now: its view, its schedule, and the file that the schedule was written to."""

    view: ItemView
    schedule: Schedule
    path: Path


_FULL: Final = frozenset([errno.ENOSPC, errno.EDQUOT])
"""The disk has no room, or none for this user; everything else is a matter of the place."""


def delegate_item(session: Session, item: str, prompt: str) -> Delegated:
    """Compute a work item's schedule and write it to `artifacts/schedule/<item>.json`."""
    view = read_view(session, item).view
    schedule = build_schedule(view, claimant=_claimant(session))
    document = schedule_document(view, schedule, prompt=prompt, actor=session.identity.actor)
    path = session.artifacts / "schedule" / f"{item}.json"
    write_atomically(path, canonical.encode(document) + b"\n")
    return Delegated(view, schedule, path)


def _claimant(session: Session) -> str:
    """Return the key id that claims here; "" where there is no key, and nothing can be claimed anyway."""
    try:
        return session.find_key("ci").key_id
    except TrustError:
        return ""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is always whole: under a name that nobody else writes to first, then renamed. Raises: StoreError."""
    partial = path.with_name(f".{path.name[:200]}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        # The disk's reason is the user's; which of our two names it met is not.
        message = f"{path} can't be written: {error.strerror or error}"
        room = "make room" if error.errno in _FULL else "see that its folder may be written to"
        raise StoreError(message, hint=f"{room}, then run the command again") from error


def open_items(session: Session, plan: str) -> tuple[str, ...]:
    """Return the open work items of a plan, sorted."""
    return tuple(state.id for state in read_items(session, plan) if state.is_open)


def read_items(session: Session, plan: str) -> tuple[ItemState, ...]:
    """Return the work items of a plan, sorted; all of them are read at once."""
    chains = session.ledger.read([names.item_chain(item) for item in session.ledger.items()])
    states = (fold_item(name.partition("/")[0], open_chain(session, chain)) for name, chain in chains.items())
    return tuple(state for state in states if plan in {"", state.plan.name})


def source_of(view: ItemView, session: Session) -> str:
    """Return the commit that an attempt is carried out on: the work item's own, or this run's when it follows the branch."""
    return session.identity.builder.commit if view.item.body.follow else view.item.commit


def offered_entries(session: Session, delegated: Iterable[Delegated]) -> list[tuple[str, dict[str, Any]]]:
    """Return (profile, matrix entry) of every ready attempt that a job may claim by itself (direct execution)."""
    entries: list[tuple[str, dict[str, Any]]] = []
    for one in delegated:
        for row in choose_wave(one.view, one.schedule, WAVE_LIMIT - len(entries)):
            attempt = attempt_id(row.step.key, row.state.attempt + 1, session.identity.builder)
            entry = matrix_entry(row.step, work_item=one.view.item.id, attempt=attempt, source=source_of(one.view, session))
            entries.append((row.step.profile, entry))
    return entries


def claimed_entries(session: Session, claims: Iterable[Won]) -> list[tuple[str, dict[str, Any]]]:
    """Return (profile, matrix entry) of every claimed attempt (isolated execution)."""
    return [
        (
            won.step.profile,
            matrix_entry(won.step, work_item=won.view.item.id, attempt=won.attempt.id, source=source_of(won.view, session)),
        )
        for won in claims
    ]


def wave_outputs(entries: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """Return the job outputs that hand out a wave: ready, ready-matrix, matrices; texts on one line."""
    return {
        "ready": "true" if entries else "false",
        "ready-matrix": canonical.encode({"include": [entry for _, entry in entries]}).decode(),
        "matrices": canonical.encode({k: [dict(e) for e in v] for k, v in group_by_profile(entries).items()}).decode(),
    }


def write_outputs(session: Session, outputs: dict[str, str]) -> None:
    """Append job outputs to the file that `GITHUB_OUTPUT` names; nothing outside a workflow."""
    target = session.environment.get("GITHUB_OUTPUT")
    if target:
        with open(target, "a", encoding="utf-8") as stream:  # noqa: PTH123 - appends to the runner's own file
            stream.writelines(f"{name}={value}\n" for name, value in outputs.items())


def write_variables(session: Session, variables: Mapping[str, str]) -> None:
    """Set environment variables for the steps that follow in this job (`GITHUB_ENV`); nothing outside a workflow."""
    target = session.environment.get("GITHUB_ENV")
    if target:
        with open(target, "a", encoding="utf-8") as stream:  # noqa: PTH123 - appends to the runner's own file
            stream.write(format_variables(variables, session.ids.nonce()))


def format_variables(variables: Mapping[str, str], mark: str) -> str:
    """Return variables as the runner reads them. `mark` ends each value: nobody can know it, so no value sets another variable.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, "Multiline strings".
    """
    return "".join(f"{name}<<{mark}\n{value}\n{mark}\n" for name, value in variables.items())


def write_summary(session: Session, markdown: str) -> None:
    """Append to the job summary that `GITHUB_STEP_SUMMARY` names; nothing outside a workflow."""
    target = session.environment.get("GITHUB_STEP_SUMMARY")
    if target:
        with open(target, "a", encoding="utf-8") as stream:  # noqa: PTH123 - appends to the runner's own file
            stream.write(markdown)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Which workflow is started with which inputs."""

    workflow: str
    inputs: dict[str, str]


def plan_settings(session: Session, plan: str, delegated: Sequence[Delegated]) -> Mapping[str, Any]:
    """Return the settings that say how a plan goes on: those of its work item, else those on the branch; empty when there are none."""
    if delegated:
        return delegated[0].view.header.settings
    return read_generated(session.workspace, plan)[0].settings if plan in list_plans(session.workspace) else {}


def uncollected(session: Session, plan: str) -> bool:
    """Return whether a work item of the plan has records that are not on the ledger branch yet, although it is closed."""
    from planloom.ledger.git import CLOSED

    chains = session.ledger.read([names.item_chain(state.id) for state in read_items(session, plan)])
    return any(chain.head.token != CLOSED for chain in chains.values())


def choose_next(
    item: str, settings: Mapping[str, Any], delegated: Sequence[Delegated], *, collectable: bool
) -> tuple[Dispatched, ...]:
    """Return what to start next: the orchestrator while something is ready, the collector as the plan says.

    Another run that holds claims goes on by itself when it ends; what people and workers hold is nobody's turn here.
    """
    prefix = str(settings.get("prefix", ""))
    ready = any(one.schedule.dispatchable for one in delegated)
    busy = any(_is_held_by_run(row) for one in delegated for row in one.schedule.running)
    inputs = {"work-item": item} if item else {}
    following = []
    if ready and settings.get("loop") == "auto":
        following.append(Dispatched(f"{prefix}orchestrator.yml", inputs))
    collect = settings.get("collect", "never")
    if collectable and (collect == "wave" or (collect == "end" and not ready and not busy)):
        following.append(Dispatched(f"{prefix}collector.yml", inputs))
    return tuple(following)


def _is_held_by_run(row: Row) -> bool:
    return row.state.claim is not None and bool(row.state.claim.record.builder.run_id)


def dispatch(platform: Platform, branch: str, what: Dispatched) -> None:
    """Start a workflow on a branch. Raises: StoreError when the platform refuses."""
    platform.dispatch(what.workflow, branch, what.inputs)
