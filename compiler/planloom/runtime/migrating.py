"""Moving an open work item to the plan's new version: what is equal keeps its work, the rest starts again, and the mapping is signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Conflict
from planloom.records.bodies import Invalidated, Migrated
from planloom.records.compiled import decode_steps
from planloom.records.references import PlanRef, StepRef, Subject
from planloom.runtime.opening import read_generated
from planloom.runtime.reading import read_view
from planloom.runtime.writing import Draft, append, require_event
from planloom.state.machine import Status, initial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planloom.records.compiled import CompiledPlan, CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView
    from planloom.state.machine import StepState


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration does: step → kept, invalidated, added or removed, in the order of the new plan, removed ones last."""

    steps: Mapping[str, str]
    integrated: tuple[str, ...]


def map_steps(view: ItemView, header: CompiledPlan, steps: Mapping[str, CompiledStep]) -> Migration:
    """Return what becomes of each step when a work item moves to another version of its plan.

    A step is kept when its digest is the same and nothing that it builds on starts again. Integrated steps that would start again are named.
    """
    mapping: dict[str, str] = {}
    for key in header.order:
        old, new = view.steps.get(key), steps[key]
        if old is None:
            mapping[key] = "added"
        elif old.digest != new.digest or any(mapping[before] != "kept" for before in new.needs):
            mapping[key] = "invalidated"
        else:
            mapping[key] = "kept"
    gone = [key for key in view.header.order if key not in steps]
    mapping.update(dict.fromkeys(gone, "removed"))
    integrated = tuple(
        key
        for key, state in view.states.items()
        if state.status is Status.INTEGRATED and mapping.get(key) in {"invalidated", "removed"}
    )
    return Migration(mapping, integrated)


def predict_view(view: ItemView, header: CompiledPlan, steps: Mapping[str, CompiledStep], mapping: Migration) -> ItemView:
    """Return the work item as it would be after this migration: approvals are bound to the old version, so none is left."""
    states = {key: _predict_state(view.states.get(key), steps[key], mapping.steps[key]) for key in header.order}
    return view._replace(header=header, steps=steps, states=states, gates={}, changed={})


def _predict_state(state: StepState | None, step: CompiledStep, fate: str) -> StepState:
    fresh = initial(step.attempts, step.digest)
    if state is None or fate == "added":
        return fresh
    if fate == "kept":
        return state
    if state.status is Status.RUNNING:
        return state._replace(stale=True)
    return fresh._replace(attempt=state.attempt)


def migrate_item(session: Session, item: str, commit: str, reason: str, confirm: Callable[[Migration], bool]) -> Signed | None:
    """Bind a work item to the compiled plan in `generated/`, in one append; None when not confirmed.

    Raises: Conflict when there is nothing to migrate, the work item is closed, or an integrated step would start again.
    """
    signer = session.find_key("you")
    require_event(session, signer, "migrated")
    confirmed: Migration | None = None
    while True:
        loaded = read_view(session, item)
        view = loaded.view
        header, files = read_generated(session.workspace, view.item.plan.name)
        _refuse(view, header)
        steps = decode_steps(files["steps.jsonl"])
        mapping = map_steps(view, header, steps)
        if mapping.integrated:
            message = f"{', '.join(mapping.integrated)} is integrated and would start again"
            raise Conflict(
                message, hint=f"planloom revert {item} {mapping.integrated[0]} --handoff DIGEST --reason TEXT   # comes first"
            )
        if mapping != confirmed:
            if not confirm(mapping):
                return None
            confirmed = mapping
        plan = PlanRef(header.id, header.version, header.digest)
        chain = names.item_chain(item)
        migrated = Draft(
            event="migrated",
            chain=chain,
            work_item=item,
            plan=plan,
            body=Migrated(view.item.plan.digest, mapping.steps, commit, reason),
            subjects=tuple(Subject(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()),
            attachments=files,
            nonce=session.ids.nonce(),
        )
        drafts = [migrated, *_invalidations(view, steps, mapping, migrated, plan, reason)]
        written = append(session, signer, drafts, loaded)
        if written is not None:
            return written[0]


def _refuse(view: ItemView, header: CompiledPlan) -> None:
    item = view.item.id
    if not view.item.is_open:
        message = f"work item {item} is closed"
        raise Conflict(message, hint="open a new work item for the new plan")
    if header.digest == view.item.plan.digest:
        message = f"work item {item} is bound to the newest version of plan {header.id} already"
        raise Conflict(message, hint=f"planloom status {item}")


def _invalidations(
    view: ItemView, steps: Mapping[str, CompiledStep], mapping: Migration, migrated: Draft, plan: PlanRef, reason: str
) -> list[Draft]:
    drafts = []
    for key, fate in mapping.steps.items():
        if fate in {"invalidated", "removed"}:
            step = steps.get(key) or view.steps[key]
            body = Invalidated(migrated.nonce, key, reason)
            reference = StepRef(key, step.order, step.digest)
            drafts.append(Draft("invalidated", names.step_chain(view.item.id, key), view.item.id, plan, body, reference))
    return drafts
