"""Steps: every chain of a step is one that the state machine allows, and every result is its claim's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core.errors import TrustError
from planloom.records.bodies import Abandoned, Claimed, Finished, Integrated, Reverted
from planloom.state.machine import RESULT_EVENTS, StepState, apply, initial
from planloom.trust.audit.findings import Finding
from planloom.trust.policy import KEY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planloom.records.compiled import CompiledStep
    from planloom.records.references import Dependency
    from planloom.records.signed import Signed
    from planloom.state.item import ItemState
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.history import Chain


def fold_steps(evidence: Evidence, items: Mapping[str, ItemState]) -> Iterator[Finding]:
    """Yield what the state machine does not allow; where each chain ends up goes into `evidence.states`.

    A chain is followed up to the first record that is missing, can't be believed or is not allowed: what comes after can't be judged.
    """
    for item in evidence.items():
        for chain in evidence.step_chains(item):
            yield from _fold_chain(evidence, chain, items.get(item))


def _fold_chain(evidence: Evidence, chain: Chain, item: ItemState | None) -> Iterator[Finding]:
    step = _current(evidence, chain, item)
    if step is None:
        return  # Its plan is broken or missing, which is reported where it lies.
    state = initial(step.attempts, step.digest)
    ids: set[str] = set()
    for path, signed in chain.sound():
        record = signed.record
        if record.event == "claimed" and record.attempt is not None:
            if record.attempt.id in ids:
                message = f"attempt {record.attempt.id} was claimed before"
                yield Finding(
                    "E_ATTEMPT_TWICE", path, message, "attempt.id", "one that was not claimed before", record.attempt.id
                )
            ids.add(record.attempt.id)
        finding = _unlike_its_claim(path, signed, state) or _wrong_handoff(path, signed, state)
        if finding is not None:
            yield finding
        try:
            state = apply(state, signed)
        except TrustError as error:
            yield Finding.of(error, path, code=_code(error.code, state, signed), message=error.message.partition(": ")[2])
            break
    evidence.states[chain.name] = state


def _current(evidence: Evidence, chain: Chain, item: ItemState | None) -> CompiledStep | None:
    """The step as the plan has it that its work item is bound to now: its automatic attempts are those that the runtime counts."""
    plans = evidence.plans.get(chain.item, {})
    current = plans.get(item.plan.digest) if item is not None else None
    ordered = [*([current] if current is not None else []), *reversed(list(plans.values()))]
    return next((bound.steps[chain.step] for bound in ordered if chain.step in bound.steps), None)


def _code(code: str, state: StepState, signed: Signed) -> str:
    """A result without any claim before it is a missing claim, not a second result."""
    if code == "E_ATTEMPT_TWICE" and signed.record.event in RESULT_EVENTS and state.last is None:
        return "E_CLAIM"
    return code


def _unlike_its_claim(path: str, signed: Signed, state: StepState) -> Finding | None:
    """A result repeats what its claim said it would build on and who would do it."""
    body, claim = signed.record.body, state.claim
    if not isinstance(body, Finished | Abandoned) or claim is None or body.claim != claim.digest:
        return None
    claimed = claim.record.body
    if isinstance(body, Abandoned) or not isinstance(claimed, Claimed):
        return None
    if body.depends_on != claimed.depends_on:
        message = "the result was built on something else than its claim said"
        return Finding("E_DEPENDENCY", path, message, "dependsOn", _inputs(claimed.depends_on), _inputs(body.depends_on))
    if signed.key_id != claim.key_id:
        message = "the result is signed by another key than its claim"
        return Finding("E_CLAIM", path, message, KEY_ID, claim.key_id, signed.key_id)
    if body.executor != claimed.executor:
        message = "the result is by another executor than its claim"
        return Finding("E_CLAIM", path, message, "executor", claimed.executor, body.executor)
    return None


def _inputs(named: Sequence[Dependency]) -> str:
    return ", ".join(f"{one.step} {one.digest}" for one in named) or "none"


def _wrong_handoff(path: str, signed: Signed, state: StepState) -> Finding | None:
    """What is integrated or reverted is the handoff that counts."""
    body = signed.record.body
    if isinstance(body, Integrated | Reverted) and state.handoff is not None and body.handoff != state.handoff.digest:
        message = "it names another handoff than the one that counts"
        return Finding("E_STATE", path, message, "handoff", state.handoff.digest, body.handoff)
    return None


def check_baselines(evidence: Evidence) -> Iterator[Finding]:
    """Yield completions of baseline steps that do not say that they are part of the baseline."""
    for item in evidence.items():
        for chain in evidence.step_chains(item):
            for path, signed in chain.sound():
                step = evidence.step_of(signed)
                body = signed.record.body
                if signed.record.event != "completed" or step is None or not isinstance(body, Finished):
                    continue
                if step.baseline and body.baseline != "post":
                    message = "the step belongs to the baseline, and its completion does not say so"
                    yield Finding("E_BASELINE", path, message, "baseline", "post", body.baseline)
                elif body.baseline not in {"pre", "post"}:
                    yield Finding(
                        "E_BASELINE", path, "neither before nor after the baseline", "baseline", "pre or post", body.baseline
                    )
