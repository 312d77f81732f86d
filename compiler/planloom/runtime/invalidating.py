"""Taking work back: reverting an integrated step, and invalidating everything that was built on a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Conflict, InputError
from planloom.records.bodies import Invalidated, Retried, Reverted
from planloom.records.references import StepRef
from planloom.runtime.reading import read_view, unknown_step
from planloom.runtime.writing import Draft, append, require_event
from planloom.state.machine import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView


@dataclass(frozen=True, slots=True)
class Impact:
    """What a revert takes back: steps whose work stops counting, claims that are open, and integrated steps that only a cascade takes along."""

    step: str
    handoff: Signed
    invalidated: tuple[str, ...]
    running: tuple[str, ...]
    integrated: tuple[str, ...]


def downstream(steps: Mapping[str, CompiledStep], order: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Return every step that comes to build on `key`, directly or not, in plan order; not `key` itself."""
    reached = {key}
    found = []
    for candidate in order:
        if candidate not in reached and any(before in reached for before in steps[candidate].predecessors):
            reached.add(candidate)
            found.append(candidate)
    return tuple(found)


def draft_invalidations(
    view: ItemView, key: str, *, cause: str, origin: str, reason: str, cascade: bool, itself: bool = True
) -> list[Draft]:
    """Return one `invalidated` record for the step and for every step downstream, pending ones too.

    Pending steps get one so that a claim which was decided on the old state loses its append. Raises: Conflict when an integrated step
    is among them without `cascade`.
    """
    reached = ((key,) if itself else ()) + downstream(view.steps, view.header.order, key)
    integrated = [k for k in reached if view.states[k].status is Status.INTEGRATED]
    if integrated and not cascade:
        message = f"{', '.join(integrated)} is integrated and builds on {key}"
        raise Conflict(
            message, hint=f"planloom revert {view.item.id} {key} --cascade --handoff DIGEST --reason TEXT   # takes it along"
        )
    return [
        Draft(
            event="invalidated",
            chain=names.step_chain(view.item.id, k),
            work_item=view.item.id,
            plan=view.item.plan,
            body=Invalidated(cause, origin, reason),
            step=StepRef(k, view.steps[k].order, view.steps[k].digest),
        )
        for k in reached
    ]


def revert_step(
    session: Session, item: str, step: str, *, handoff: str, reason: str, cascade: bool, confirm: Callable[[Impact], bool]
) -> tuple[Signed, ...] | None:
    """Take back an integrated step and invalidate everything downstream, in one append; None when not confirmed.

    `handoff` is the exact payload digest (or its first 12 digits or more) of what is taken back.

    Raises: Conflict when the step is not integrated, or another handoff is; TrustError when the key may not revert.
    """
    signer = session.find_key("you")
    require_event(session, signer, "reverted")
    confirmed: Impact | None = None
    while True:
        loaded = read_view(session, item)
        view = loaded.view
        impact = find_impact(view, step, handoff)
        if impact.integrated and not cascade:
            message = f"{', '.join(impact.integrated)} is integrated too and builds on {step}"
            raise Conflict(message, hint="--cascade takes back these as well")
        if impact != confirmed:
            if not confirm(impact):
                return None
            confirmed = impact
        nonce = session.ids.nonce()
        record = impact.handoff.record
        body = Reverted(impact.handoff.digest, reason, cascade, impact.invalidated)
        reverted = Draft("reverted", record.chain, item, view.item.plan, body, record.step, nonce=nonce)
        rest = draft_invalidations(view, step, cause=nonce, origin=step, reason=reason, cascade=cascade, itself=False)
        drafts = [reverted, *rest]
        written = append(session, signer, drafts, loaded)
        if written is not None:
            return written


def redo_step(session: Session, item: str, step: str, reason: str) -> tuple[Signed, ...]:
    """Let a step that is done be done again, and everything downstream with it, in one append: its outputs are lost.

    Raises: Conflict when it is not done, or an integrated step builds on it; TrustError when the key may not invalidate.
    """
    signer = session.find_key("you")
    for event in ("retried", "invalidated"):
        require_event(session, signer, event)
    while True:
        loaded = read_view(session, item)
        view = loaded.view
        if step not in view.steps:
            raise unknown_step(step, view.header)
        state, compiled = view.states[step], view.steps[step]
        if state.status is not Status.DONE or not view.item.is_open:
            message = (
                f"step {step} of {item} is {state.status.value if view.item.is_open else 'closed'}: there is nothing to take back"
            )
            raise Conflict(message, hint=f"planloom why {item} {step}")
        reached = downstream(view.steps, view.header.order, step)
        integrated = next((key for key in reached if view.states[key].status is Status.INTEGRATED), "")
        if integrated:
            message = f"{integrated} is integrated and builds on {step}"
            raise Conflict(message, hint=f"planloom revert {item} {integrated} --handoff DIGEST --reason TEXT   # comes first")
        nonce = session.ids.nonce()
        reference = StepRef(step, compiled.order, compiled.digest)
        retried = Draft("retried", names.step_chain(item, step), item, view.item.plan, Retried(reason), reference, nonce=nonce)
        rest = draft_invalidations(view, step, cause=nonce, origin=step, reason=reason, cascade=False, itself=False)
        written = append(session, signer, [retried, *rest], loaded)
        if written is not None:
            return written


def find_impact(view: ItemView, step: str, handoff: str) -> Impact:
    """Return what reverting a step would take back. Raises: Conflict when it is not integrated with this handoff."""
    if step not in view.steps:
        raise unknown_step(step, view.header)
    item, state = view.item.id, view.states[step]
    if not view.item.is_open:
        message = f"work item {item} is closed: nothing more may be appended"
        raise Conflict(message, hint="open a new work item for the repair")
    if state.status is not Status.INTEGRATED or state.handoff is None:
        message = f"step {step} of {item} is {state.status.value}, not integrated: there is nothing to revert"
        raise Conflict(message, hint=f"planloom why {item} {step}")
    digits = handoff.removeprefix("sha256:").removesuffix("…")
    if len(digits) < 12:
        message = "--handoff takes the digest of the handoff that is taken back (at least 12 digits of it)"
        raise InputError(message, hint=f"it is {state.handoff.digest}")
    if not state.handoff.digest.startswith(digits):
        message = f"the integrated handoff of step {step} is {state.handoff.digest}, not {handoff}"
        raise Conflict(message, hint=f"planloom why {item} {step}")
    reached = downstream(view.steps, view.header.order, step)
    return Impact(
        step=step,
        handoff=state.handoff,
        invalidated=reached,
        running=tuple(k for k in reached if view.states[k].status is Status.RUNNING),
        integrated=tuple(k for k in reached if view.states[k].status is Status.INTEGRATED),
    )
