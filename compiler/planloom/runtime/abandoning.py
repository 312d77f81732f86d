"""Giving up claims whose holder is gone, and granting one more attempt by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from planloom.core.errors import Conflict
from planloom.records.bodies import Abandoned, Retried
from planloom.records.references import StepRef
from planloom.runtime.claiming import draft_releases, give_back
from planloom.runtime.effects import parse_time
from planloom.runtime.identity import attempt_number, is_process_alive, is_process_gone
from planloom.runtime.reading import read_view
from planloom.runtime.writing import Draft, append
from planloom.state.machine import Status, claim_body

if TYPE_CHECKING:
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session
    from planloom.state.machine import StepState


GRACE_MILLISECONDS: Final = 10 * 60_000
"""How much the clocks of two machines may differ before a live worker could be taken for a dead one."""


class Runs(Protocol):
    """What the platform says about workflow runs."""

    def is_over(self, run_id: str, run_attempt: str) -> bool:
        """Return whether this attempt of a run has ended, or a newer attempt of the run exists."""
        ...


def find_evidence(session: Session, state: StepState, runs: Runs | None) -> str:
    """Return the evidence that a claim's holder is gone: process-gone, run-over, newer-run-attempt, lease-over, or "" when there is none."""
    claim = state.claim
    if claim is None:
        return ""
    builder = claim.record.builder
    if builder.run_id:
        mine = session.identity.builder
        if builder.run_id == mine.run_id:
            # A newer attempt of the same run proves that the older one is over; our own attempt is alive, and a newer one may be.
            return "newer-run-attempt" if attempt_number(mine.run_attempt) > attempt_number(builder.run_attempt) else ""
        return "run-over" if runs is not None and runs.is_over(builder.run_id, builder.run_attempt) else ""
    body = claim_body(state)
    if is_process_gone(body):
        return "process-gone"
    if is_process_alive(body):
        return ""  # however long it takes: a laptop may have slept
    return "lease-over" if body.lease and parse_time(session.clock.now()) > parse_time(body.lease) + GRACE_MILLISECONDS else ""


def abandon_dead(session: Session, item: str, runs: Runs | None = None) -> tuple[Signed, ...]:
    """Give up every claim of a work item whose holder is provably gone; returns the records."""
    signer = session.find_key("ci")
    while True:
        loaded = read_view(session, item)
        view = loaded.view
        if not view.item.is_open:
            return ()
        dead = [(state.claim, evidence) for state in view.states.values() if (evidence := find_evidence(session, state, runs))]
        claims = [claim for claim, _ in dead if claim is not None]
        if not claims:
            return ()
        drafts = [_draft(claim, evidence, _REASONS[evidence]) for claim, evidence in dead if claim is not None]
        everything = [*drafts, *draft_releases(view, claims)]
        written = append(session, signer, everything, loaded)
        if written is not None:
            return written[: len(drafts)]


_REASONS = {
    "process-gone": "the process that held it is gone",
    "run-over": "the workflow run that held it is over",
    "lease-over": "the time that its worker had is over",
    "newer-run-attempt": "a newer attempt of the workflow run that held it is running",
}


def abandon_claim(session: Session, item: str, step: str, *, reason: str, override: bool, runs: Runs | None = None) -> Signed:
    """Give up the open claim of a step: on evidence, or by a signed override with a reason.

    Raises: Conflict when there is no open claim, or its holder may be alive and there is no override.
    """
    while True:
        loaded = read_view(session, item, (step,))
        view = loaded.view
        state = view.states[step]
        if not view.item.is_open:
            give_back(session, item, step)
            message = f"work item {item} is closed: nothing of it is claimed any more"
            raise Conflict(message, hint=f"planloom status {item}")
        if state.status is not Status.RUNNING or state.claim is None:
            message = f"step {step} of {item} is not claimed"
            raise Conflict(message, hint=f"planloom why {item} {step}")
        evidence = find_evidence(session, state, runs)
        if not evidence and not override:
            message = f"step {step} is claimed by {claim_body(state).executor} since {state.claim.record.at}; nothing proves that it is gone"
            raise Conflict(message, hint=f"if you know that it is: planloom abandon {item} {step} --override --reason TEXT")
        signer = session.find_key("ci" if evidence else "you")
        drafts = [
            _draft(state.claim, evidence or "override", reason or _REASONS.get(evidence, "")),
            *draft_releases(view, [state.claim]),
        ]
        written = append(session, signer, drafts, loaded)
        if written is not None:
            return written[0]


def _draft(claim: Signed, evidence: str, reason: str) -> Draft:
    record = claim.record
    return Draft(
        "abandoned",
        record.chain,
        record.work_item,
        record.plan,
        Abandoned(claim.digest, evidence, reason),
        record.step,
        record.attempt,
    )


def retry_step(session: Session, item: str, step: str, reason: str) -> Signed:
    """Grant a failed step one more attempt. Raises: Conflict when it has not used up its attempts."""
    while True:
        loaded = read_view(session, item, (step,))
        view = loaded.view
        state = view.states[step]
        if state.status is not Status.FAILED or not view.item.is_open:
            message = f"step {step} of {item} is {state.status.value}: it needs no retry"
            again = f"planloom delegate --structured-work-item {item} --retry {step} --take-back"
            lost = state.status is Status.DONE and view.item.is_open
            if state.status is Status.INTEGRATED and state.handoff is not None and view.item.is_open:
                revert = f"planloom revert {item} {step} --handoff {state.handoff.digest[:12]} --reason TEXT"
                raise Conflict(message, hint=f"{revert}   # takes it back, then it can be done again")
            hint = f"planloom why {item} {step}" + (f"   # if its outputs are lost: {again}" if lost else "")
            raise Conflict(message, hint=hint)
        compiled = view.steps[step]
        chain = f"{item}/{step}"
        draft = Draft("retried", chain, item, view.item.plan, Retried(reason), StepRef(step, compiled.order, compiled.digest))
        written = append(session, session.find_key("ci"), [draft], loaded)
        if written is not None:
            return written[0]
