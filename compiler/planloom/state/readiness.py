"""May a step be claimed now, and if not, what is in the way? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planloom.records.bodies import Claimed, Decided
from planloom.records.references import Dependency
from planloom.state.machine import Status

if TYPE_CHECKING:
    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.state.item import ItemView
    from planloom.state.machine import StepState


class Blocker(NamedTuple):
    """One thing in the way.

    Shape: `kind` is stable: closed, done, integrated, running, failed, needs, approval, rejected, resource, plan-changed; `by` names what blocks (step keys, a
    role, a resource, an executor, an integrated handoff's first 12 digits); `text` says it in words.
    """

    kind: str
    by: tuple[str, ...]
    text: str


def find_blockers(view: ItemView, key: str, *, claimant: str = "") -> tuple[Blocker, ...]:
    """Return what keeps a step from being claimed, the most telling first; empty when it may be claimed.

    `claimant` is the key id that would claim: its own approvals do not count for it.
    """
    step = view.steps[key]
    if not view.item.is_open:
        return (Blocker("closed", (view.item.id,), f"work item {view.item.id} is closed"),)
    own = _own_blocker(view.states[key])
    if own is not None:
        return (own,)
    if key in view.changed:
        return (Blocker("plan-changed", (), f"{view.changed[key]}; planloom migrate {view.item.id}"),)
    return tuple(
        blocker
        for blocker in (_needs_blocker(view, step), _gate_blocker(view, step, claimant), *_resource_blockers(view, step))
        if blocker is not None
    )


def depends_on(view: ItemView, step: CompiledStep) -> tuple[Dependency, ...]:
    """Return the handoffs that the step builds upon now; those that are not there yet are left out."""
    found = []
    for key in step.predecessors:
        handoff = view.states[key].handoff
        if handoff is not None:
            found.append(Dependency(key, handoff.digest))
    return tuple(found)


def count_approvals(view: ItemView, step: CompiledStep, *, claimant: str = "") -> tuple[Signed, ...]:
    """Return the approvals that count now, one a key.

    An approval counts when its key holds the gate's role, it is bound to this plan, step and inputs, has not expired, was not spent on work that
    was taken back, is the key's newest word, and is not the claimant's own (unless the policy allows that).
    """
    own = "" if view.rules.allow_self_approval else claimant
    return tuple(d for d in _decisions(view, step) if d.record.event == "approved" and d.key_id != own)


def awaited(view: ItemView, step: CompiledStep) -> tuple[str, ...]:
    """Return the names of those whose approval of the step's gate is not there, sorted: each of them may give one of those that are missing."""
    return tuple(sorted(key_name(view, key) for key in awaited_keys(view, step)))


def awaited_keys(view: ItemView, step: CompiledStep) -> frozenset[str]:
    """Return the ids of the keys that may approve the step's gate and have not."""
    if step.gate is None:
        return frozenset()
    given = {d.key_id for d in _decisions(view, step) if d.record.event == "approved"}
    return view.rules.holders.get(step.gate[0], frozenset()) - given


def rejections(view: ItemView, step: CompiledStep) -> tuple[Signed, ...]:
    """Return the rejections that hold the step up: each stands until its own key approves, or the work is done again."""
    return tuple(d for d in _decisions(view, step) if d.record.event == "rejected")


def key_name(view: ItemView, key_id: str) -> str:
    """Return whose key it is, the beginning of its id when the policy does not say."""
    return view.rules.names.get(key_id, key_id[:8])


def approvals_wanted(view: ItemView, step: CompiledStep) -> int:
    """Return how many approvals the step's gate needs: the plan's number, or the policy's when that is higher; 0 without a gate."""
    return max(step.gate[1], view.rules.thresholds.get(step.gate[0], 1)) if step.gate else 0


def _decisions(view: ItemView, step: CompiledStep) -> tuple[Signed, ...]:
    """The newest decision of each key that is bound to what the step would start from."""
    inputs = frozenset(depends_on(view, step))
    holders = view.rules.holders.get(step.gate[0], frozenset()) if step.gate else frozenset()
    newest: dict[str, Signed] = {}
    for signed in view.gates.get(step.key, ()):
        record, body = signed.record, signed.record.body
        bound = (
            isinstance(body, Decided)
            and signed.key_id in holders
            and signed.digest not in view.states[step.key].spent
            and record.plan.digest == view.item.plan.digest
            and record.step is not None
            and record.step.digest == step.digest
            and frozenset(body.inputs) == inputs
            and (not body.expires or view.now < body.expires)
        )
        if bound:
            newest[signed.key_id] = signed
    return tuple(newest.values())


def _own_blocker(state: StepState) -> Blocker | None:
    match state.status:
        case Status.PENDING:
            return None
        case Status.RUNNING:
            claim = state.claim
            who = claim.record.body.executor if claim and isinstance(claim.record.body, Claimed) else ""
            since = claim.record.at if claim else ""
            attempt = claim.record.attempt.id if claim and claim.record.attempt else ""
            return Blocker("running", (who,), f"claimed by {who} since {since} as {attempt}")
        case Status.DONE:
            return Blocker("done", (), "it is done")
        case Status.INTEGRATED:
            digits = state.handoff.digest[:12] if state.handoff else ""
            return Blocker("integrated", (digits,), "it is integrated: part of the baseline until it is reverted")
        case Status.FAILED:
            return Blocker("failed", (), f"it failed, and {used_up(state.allowed)}")


def used_up(allowed: int) -> str:
    """Return in words that a step has no attempt left."""
    return "its only attempt is used up" if allowed == 1 else f"all {allowed} attempts are used up"


def _needs_blocker(view: ItemView, step: CompiledStep) -> Blocker | None:
    missing = tuple(key for key in step.predecessors if not view.states[key].is_valid)
    if not missing:
        return None
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    verb = "needs" if any(key in step.needs for key in missing) else "comes after"
    return Blocker("needs", missing, f"{verb} {shown}")


def _gate_blocker(view: ItemView, step: CompiledStep, claimant: str) -> Blocker | None:
    if step.gate is None:
        return None
    role, wanted = step.gate[0], approvals_wanted(view, step)
    if any(not view.states[key].is_valid for key in step.predecessors):
        return Blocker("approval", (role,), f"{_approvals(wanted)} by {role}")
    rejected = rejections(view, step)
    if rejected:
        return Blocker("rejected", (role,), f"rejected by {', '.join(key_name(view, d.key_id) for d in rejected)}")
    missing = wanted - len(count_approvals(view, step, claimant=claimant))
    if missing <= 0:
        return None
    return Blocker("approval", (role,), f"{_approvals(missing)} by {role}")


def _approvals(count: int) -> str:
    return f"{count} approval{'' if count == 1 else 's'}"


def _resource_blockers(view: ItemView, step: CompiledStep) -> list[Blocker]:
    blockers = []
    capacities = view.header.settings.get("resources", {})
    for name, amount in sorted(step.resources.items()):
        held = view.held.get(name, {})
        free = int(capacities.get(name, 0)) - sum(held.values())
        if amount > free:
            holders = tuple(held)
            blockers.append(Blocker("resource", (name, *holders), f"waits for {name}, held by {', '.join(holders)}"))
    return blockers
