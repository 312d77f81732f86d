"""Work items: each begins with its opening, is bound to the plans that it names, and ends once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Difference, TrustError
from planloom.records.bodies import Closed
from planloom.state.item import ItemState, fold_item
from planloom.trust.audit.findings import Finding
from planloom.trust.audit.times import later_than

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import BoundPlan, Evidence
    from planloom.trust.audit.history import Chain


def fold_items(evidence: Evidence) -> tuple[dict[str, ItemState], list[Finding]]:
    """Return the state of every work item whose own chain can be read, and what is wrong with the others."""
    states: dict[str, ItemState] = {}
    findings: list[Finding] = []
    for item in evidence.items():
        chain = evidence.chains.get(names.item_chain(item))
        if chain is None:
            first = next(slot.path for c in evidence.of_item(item) for slot in c.slots)
            findings.append(
                Finding("E_STATE", first, f"work item {item} was never opened", "chain", names.item_chain(item), "no such chain")
            )
        elif any(True for _ in chain.sound()):
            state, finding = _fold(item, chain)
            if finding is not None:
                findings.append(finding)
            if state is not None:
                states[item] = state
    return states, findings


def _fold(item: str, chain: Chain) -> tuple[ItemState | None, Finding | None]:
    """Fold as far as it goes: the record that can't stand where it is ends it."""
    sound = list(chain.sound())
    told = Difference()
    for end in range(len(sound), 0, -1):
        try:
            state = fold_item(item, [signed for _, signed in sound[:end]])
        except TrustError as error:
            if end == 1:
                return None, Finding("E_STATE", sound[0][0], error.message, "event", "opened", sound[0][1].record.event)
            told = error.difference
            continue
        if end == len(sound):
            return state, None
        path, signed = sound[end]
        message = f"'{signed.record.event}' can't follow in the chain of a work item here"
        return state, Finding("E_STATE", path, message, *told)
    return None, None


def check_plans_named(evidence: Evidence) -> Iterator[Finding]:
    """Yield records that name a plan or a step which their work item was not bound to."""
    for chain in evidence.chains.values():
        if chain.step == names.ITEM_CHAIN:
            continue
        for slot in chain.slots:
            if slot.signed is None:
                continue
            record = slot.signed.record
            if not evidence.covers(record.work_item) or not evidence.is_whole(names.item_chain(record.work_item)):
                continue
            plans = evidence.plans.get(record.work_item, {})
            if record.plan.digest not in plans:
                # A plan whose copy is broken is reported where the copy lies.
                if _was_bound(evidence, record.work_item, record.plan.digest):
                    continue
                message = f"work item {record.work_item} was never bound to the plan that this record names"
                yield Finding("E_PLAN", slot.path, message, "plan", " or ".join(plans) or "none", record.plan.digest)
            elif record.step is not None:
                step = evidence.step_of(slot.signed) or _removed_step(evidence, slot.signed)
                if step is None:
                    message = f"the plan has no step {record.step.key}"
                    yield Finding("E_PLAN", slot.path, message, "step", "a step of the plan", record.step.key)
                    continue
                message = "the record means another version of the step than the plan has"
                orders = _orders(plans, record.step.key)
                if step.digest != record.step.digest:
                    yield Finding("E_PLAN", slot.path, message, "step.digest", step.digest, record.step.digest)
                elif record.step.order not in orders:
                    wanted = " or ".join(map(str, sorted(orders)))
                    yield Finding("E_PLAN", slot.path, message, "step.order", wanted, str(record.step.order))


def _orders(plans: Mapping[str, BoundPlan], key: str) -> set[int]:
    """Return the places that a step has had: a migration may move it, and records about its older work name the older place."""
    return {bound.steps[key].order for bound in plans.values() if key in bound.steps}


def _removed_step(evidence: Evidence, signed: Signed) -> CompiledStep | None:
    """Return the step of a plan before, when a migration says under the new plan that the step counts no longer."""
    record = signed.record
    if record.event != "invalidated" or record.step is None:
        return None
    plans = evidence.plans.get(record.work_item, {}).values()
    return next((bound.steps[record.step.key] for bound in reversed(list(plans)) if record.step.key in bound.steps), None)


def _was_bound(evidence: Evidence, item: str, digest: str) -> bool:
    chain = evidence.chains.get(names.item_chain(item))
    return chain is not None and any(
        slot.signed is not None
        and slot.signed.record.plan.digest == digest
        and slot.signed.record.event in {"opened", "migrated"}
        for slot in chain.slots
    )


def check_closing(evidence: Evidence, items: dict[str, ItemState]) -> Iterator[Finding]:
    """Yield closings over unfinished work, and records of steps from after the closing."""
    for item, state in items.items():
        if state.closed is None or not evidence.is_item_whole(item):
            continue
        path, body = evidence.path(state.closed), state.closed.record.body
        plan = evidence.plans.get(item, {}).get(state.plan.digest)
        if plan is not None and isinstance(body, Closed) and body.result == "completed":
            states = evidence.states
            open_steps = [k for k in plan.header.order if (s := states.get(names.step_chain(item, k))) is None or not s.is_valid]
            if open_steps:
                message = f"the work item was closed as completed, but {open_steps[0]} has no valid result"
                yield Finding("E_STATE", path, message, "result", "stopped", f"{body.result}, with open {', '.join(open_steps)}")
        for chain in evidence.step_chains(item):
            for where, signed in chain.sound():
                if later_than(signed.record.at, state.closed.record.at):
                    message = f"recorded after work item {item} was closed"
                    yield Finding("E_STATE", where, message, "at", f"before {state.closed.record.at}", signed.record.at)
