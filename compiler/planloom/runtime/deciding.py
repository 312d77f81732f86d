"""Approving and rejecting: a person's signed decision about a gate, bound to exactly what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Conflict, InputError
from planloom.records.bodies import Decided
from planloom.records.references import StepRef
from planloom.runtime.effects import is_timestamp
from planloom.runtime.invalidating import downstream, draft_invalidations
from planloom.runtime.reading import read_view
from planloom.runtime.writing import Draft, append, require_event
from planloom.state.machine import Status
from planloom.state.readiness import approvals_wanted, count_approvals, depends_on
from planloom.trust.policy import refuse_out_of_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.records.references import Dependency, Subject
    from planloom.records.signed import Signed
    from planloom.runtime.reading import Loaded
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView


@dataclass(frozen=True, slots=True)
class Shown:
    """What an approver is shown before signing: the plan, each input with the files it hands on, and which of them the same key has `made`."""

    view: ItemView
    step: str
    inputs: tuple[tuple[Dependency, tuple[Subject, ...]], ...]
    role: str
    wanted: int
    given: int
    key_id: str
    made: tuple[str, ...]

    @property
    def bound_to(self) -> tuple[str, str, tuple[Dependency, ...]]:
        """What the signature binds the decision to: plan, step, handoffs. Whoever confirmed one has not confirmed another."""
        return self.view.item.plan.digest, self.view.steps[self.step].digest, tuple(dependency for dependency, _ in self.inputs)


def decide_gate(
    session: Session,
    item: str,
    step: str,
    *,
    reject: bool,
    reentry: str,
    reason: str,
    expires: str,
    confirm: Callable[[Shown], bool],
) -> Signed | None:
    """Sign a decision about a gate, after `confirm` has shown it; None when it was not confirmed.

    Raises: Conflict when the gate is not waiting for a decision; InputError when the step has no gate; TrustError when the key may not.
    """
    signer = session.find_key("you")
    trusted = require_event(session, signer, "rejected" if reject else "approved")
    confirmed: Shown | None = None
    while True:
        loaded = read_view(session, item, None if reentry else (step,))
        shown = _show(loaded, item, step, signer.key_id)
        _refuse_decision(shown, reject=reject)
        _refuse_expiry(expires, loaded.view.now)
        refuse_out_of_time(trusted, loaded.view.now)
        # Drafted first: what can't be written is refused before anybody reads it through.
        drafts = _drafts(session, shown, reject=reject, reentry=reentry, reason=reason, expires=expires)
        if confirmed is None or confirmed.bound_to != shown.bound_to:
            if not confirm(shown):
                return None
            confirmed = shown
        written = append(session, signer, drafts, loaded)
        if written is not None:
            return written[0]


def _show(loaded: Loaded, item: str, step: str, key_id: str) -> Shown:
    view = loaded.view
    if step not in view.steps:
        from planloom.runtime.reading import unknown_step

        raise unknown_step(step, view.header)
    gate = view.steps[step].gate
    if gate is None:
        message = f"step {step} of {item} has no gate"
        raise InputError(message, hint=f"planloom why {item} {step}")
    inputs = []
    for dependency in depends_on(view, view.steps[step]):
        handoff = view.states[dependency.step].handoff
        inputs.append((dependency, handoff.record.subjects if handoff else ()))
    given = len(count_approvals(view, view.steps[step]))
    handoffs = ((dependency.step, view.states[dependency.step].handoff) for dependency, _ in inputs)
    made = tuple(key for key, handoff in handoffs if handoff is not None and handoff.key_id == key_id)
    return Shown(view, step, tuple(inputs), gate[0], approvals_wanted(view, view.steps[step]), given, key_id, made)


def _refuse_decision(shown: Shown, *, reject: bool) -> None:
    view, step = shown.view, shown.step
    item = view.item.id
    if not view.item.is_open:
        message = f"work item {item} is closed"
        raise Conflict(message, hint=f"planloom status {item}")
    status = view.states[step].status
    if status is not Status.PENDING:
        message = f"step {step} of {item} is {status.value}: there is nothing to approve"
        raise Conflict(message, hint=f"planloom status {item}")
    missing = [key for key in view.steps[step].predecessors if not view.states[key].is_valid]
    if missing:
        message = f"step {step} of {item} can't be approved yet: it needs {', '.join(missing)}"
        raise Conflict(message, hint=f"planloom run {item}")
    mine = [a for a in count_approvals(view, view.steps[step]) if a.key_id == shown.key_id]
    if mine and not reject:
        message = f"you have approved step {step} of {item} already, on {mine[0].record.at}"
        raise Conflict(message, hint=f"planloom why {item} {step}")


def _drafts(session: Session, shown: Shown, *, reject: bool, reentry: str, reason: str, expires: str) -> list[Draft]:
    view = shown.view
    step = view.steps[shown.step]
    body = Decided(tuple(dependency for dependency, _ in shown.inputs), reason, expires, reentry)
    decision = Draft(
        event="rejected" if reject else "approved",
        chain=names.gate_chain(view.item.id, step.key),
        work_item=view.item.id,
        plan=view.item.plan,
        body=body,
        step=StepRef(step.key, step.order, step.digest),
        nonce=session.ids.nonce(),
    )
    if not reentry:
        return [decision]
    _refuse_reentry(view, step.key, reentry)
    return [decision, *draft_invalidations(view, reentry, cause=decision.nonce, origin=step.key, reason=reason, cascade=False)]


def _refuse_reentry(view: ItemView, step: str, reentry: str) -> None:
    """The work starts again before the gate: from elsewhere nothing that was rejected would ever be made anew."""
    if reentry not in view.steps:
        from planloom.runtime.reading import unknown_step

        raise unknown_step(reentry, view.header)
    if step not in downstream(view.steps, view.header.order, reentry):
        message = f"step {step} does not build on {reentry}: starting there again would leave what you reject as it is"
        before = ", ".join(view.steps[step].predecessors) or "none"
        raise InputError(message, hint=f"--reentry-step takes a step that {step} builds on: {before}, or one before")


def _refuse_expiry(expires: str, now: str) -> None:
    if expires and not is_timestamp(expires):
        message = f"--expires '{expires}' is not a moment in UTC"
        raise InputError(message, hint=f"like this: {now}")
    if expires and expires <= now:
        message = f"--expires {expires} is over already"
        raise InputError(message, hint=f"now it is {now}")
