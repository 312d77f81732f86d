"""Completing: the signed end of an attempt, and what happens when it comes too late or builds on what no longer counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from planloom.core import names
from planloom.core.errors import Conflict
from planloom.records.bodies import Claimed, Finished, Integrated
from planloom.records.compiled import has_successors
from planloom.records.kinds import GOOD_RESULTS
from planloom.records.references import Subject
from planloom.runtime.claiming import draft_releases, give_back
from planloom.runtime.opening import close_when_complete
from planloom.runtime.reading import open_chain, read_view
from planloom.runtime.writing import Draft, Part, append, append_all
from planloom.state.machine import Status, StepState, claim_body
from planloom.state.readiness import depends_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.reading import Loaded
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView


class Result(NamedTuple):
    """What came of an attempt.

    Shape: `result` is one of `records.kinds.RESULTS`; `reason` says why it is not a success; `exit_code` is -1 when there was no command;
    `started` and `finished` are timestamps, "" for the moment of signing; `outputs` the files handed on; `store` where they are;
    `manifest`: the only output is the list of a large number of files.
    """

    result: str
    outcome: str = ""
    next_action: str = ""
    reason: str = ""
    exit_code: int = -1
    started: str = ""
    finished: str = ""
    outputs: tuple[Subject, ...] = ()
    store: str = ""
    manifest: bool = False


class Completed(NamedTuple):
    """The result was recorded. `event` is completed, failed or superseded; `closed`: it was the last one of its work item."""

    handoff: Signed
    state: StepState
    closed: bool

    @property
    def event(self) -> str:
        """What the record says."""
        return self.handoff.record.event


class Late(NamedTuple):
    """The attempt had been given up: the result was kept and counts for nothing."""

    refused: Signed
    text: str


Outcome: TypeAlias = Completed | Late


def complete_attempt(
    session: Session,
    item: str,
    step: str,
    attempt: str,
    result: Result,
    *,
    integrated: bool = False,
    override_holder: bool = False,
) -> Outcome:
    """Record the result of an attempt, release its resources, and close the work item when it was the last.

    Raises: Conflict when the attempt is not the open one, is somebody else's, or the step is integrated; InputError for an unknown step.
    """
    signer = session.find_key("ci")
    while True:
        loaded = read_view(session, item, (step,))
        view = loaded.view
        if not view.item.is_open:
            give_back(session, item, step)
        _refuse_closed(view)
        state = view.states[step]
        claim = state.claim
        if claim is None or claim.record.attempt is None or claim.record.attempt.id != attempt:
            late = _late(session, loaded, step, attempt, result)
            if late is None:
                continue
            return late
        _refuse_stranger(session, state, step, signer.key_id, override=override_holder)
        draft = draft_result(view, view.steps[step], claim, result, integrated=integrated)
        drafts = [draft, *draft_releases(view, [claim])]
        written = append(session, signer, drafts, loaded)
        if written is not None:
            from planloom.state.machine import apply

            # Only the end of a path can be the last step; looking at all of them costs what the plan costs.
            may_be_last = draft.event == "completed" and not has_successors(loaded.lines, step)
            closed = may_be_last and bool(close_when_complete(session, item))
            return Completed(written[0], apply(state, written[0]), closed)


def complete_wave(session: Session, results: Mapping[str, Mapping[str, tuple[str, Result]]]) -> tuple[Signed, ...]:
    """Record the results of several open attempts in one append: work item → step key → (attempt id, result).

    Steps whose attempt is no longer the open one are left out: `complete_attempt` says what becomes of those. Work items that give back the
    same resource come after one another.
    """
    signer = session.find_key("ci")
    handoffs: list[Signed] = []
    rest = list(results)
    while rest:
        parts, later = _decide_results(session, {item: results[item] for item in rest})
        written = append_all(session, signer, parts) if parts else ()
        if written is None:
            continue
        handoffs += [signed for signed in written if signed.record.event != "released"]
        if parts:
            close_when_complete(session, *(part.loaded.view.item.id for part in parts))
        rest = later
    return tuple(handoffs)


def _decide_results(session: Session, results: Mapping[str, Mapping[str, tuple[str, Result]]]) -> tuple[list[Part], list[str]]:
    """Return what can be recorded in one append, and the work items that have to wait for it."""
    parts: list[Part] = []
    later: list[str] = []
    taken: set[str] = set()
    for item, wanted in results.items():
        loaded = read_view(session, item)
        view = loaded.view
        drafts: list[Draft] = []
        claims: list[Signed] = []
        for key, (attempt, result) in wanted.items():
            claim = view.states[key].claim
            if claim is None or claim.record.attempt is None or claim.record.attempt.id != attempt:
                continue
            claims.append(claim)
            if view.item.is_open:
                drafts.append(draft_result(view, view.steps[key], claim, result, integrated=False))
        releases = draft_releases(view, claims)
        resources = {draft.chain for draft in releases}
        if resources & taken:
            later.append(item)
        elif drafts or releases:
            parts.append(Part([*drafts, *releases], loaded))
            taken |= resources
    return parts, later


def integrate_step(session: Session, item: str, step: str, reason: str) -> Signed:
    """Make a completed step part of the baseline. Raises: Conflict when it is not done."""
    while True:
        loaded = read_view(session, item, (step,))
        state = loaded.view.states[step]
        if state.status is not Status.DONE or state.handoff is None or not loaded.view.item.is_open:
            message = f"step {step} of {item} is {state.status.value}: only a step that is done can be integrated"
            raise Conflict(message, hint=f"planloom why {item} {step}")
        record = state.handoff.record
        draft = Draft(
            "integrated", record.chain, item, record.plan, Integrated(state.handoff.digest, reason), record.step, record.attempt
        )
        written = append(session, session.find_key("ci"), [draft], loaded)
        if written is not None:
            return written[0]


def draft_result(view: ItemView, step: CompiledStep, claim: Signed, result: Result, *, integrated: bool) -> Draft:
    """Return the record that ends an open claim: completed, failed, or superseded when its inputs no longer count."""
    state, body = view.states[step.key], claim_body(view.states[step.key])
    stale = state.stale or set(body.depends_on) != set(depends_on(view, step))
    event = "failed" if result.result not in GOOD_RESULTS else "superseded" if stale else "completed"
    baseline = "post" if event == "completed" and (step.baseline or integrated) else "pre"
    reason = result.reason or ("the work that it built on was taken back" if event == "superseded" else "")
    finished = replace_times(result, claim.record.at, view.now)
    return Draft(
        event=event,
        chain=claim.record.chain,
        work_item=view.item.id,
        plan=claim.record.plan,
        body=_body(finished, claim.digest, body, reason, baseline),
        step=claim.record.step,
        attempt=claim.record.attempt,
        subjects=result.outputs,
    )


def replace_times(result: Result, started: str, now: str) -> Result:
    """Return the result with the times that it lacks: work by hand starts with its claim and ends now."""
    begun = result.started or started
    # A clock that was set back meanwhile must not make it end before it began.
    return result._replace(started=begun, finished=max(result.finished or now, begun))


def _body(result: Result, claim: str, claimed: Claimed, reason: str, baseline: str) -> Finished:
    return Finished(
        claim=claim,
        executor=claimed.executor,
        result=result.result,
        outcome=result.outcome,
        next_action=result.next_action,
        reason=reason,
        baseline=baseline,
        exit_code=result.exit_code,
        started=result.started,
        finished=result.finished,
        depends_on=claimed.depends_on,
        store=result.store,
        manifest=result.manifest,
    )


def _refuse_closed(view: ItemView) -> None:
    if not view.item.is_open:
        message = f"work item {view.item.id} is closed"
        raise Conflict(message, hint=f"planloom status {view.item.id}")


def _refuse_stranger(session: Session, state: StepState, step: str, key_id: str, *, override: bool) -> None:
    """A claim is completed by who made it: the same key, and the same run or executor."""
    claim = state.claim
    if claim is None or override:
        return
    held_by, mine = claim_body(state).executor, session.identity.executor
    if claim.key_id != key_id or held_by != mine:
        message = f"step {step} is claimed by {held_by}, not by {mine}"
        raise Conflict(
            message, hint=f"--executor '{held_by}', if that is you; planloom abandon gives up a claim whose holder is gone"
        )


def _late(session: Session, loaded: Loaded, step: str, attempt: str, result: Result) -> Late | None:
    """Refuse a result for an attempt that is not open; keep it when its claim was given up. None: read again.

    Raises: Conflict with the reason and the command that helps.
    """
    view = loaded.view
    state = view.states[step]
    records = _step_records(session, view, step)
    claim = next(
        (r for r in records if r.record.event == "claimed" and r.record.attempt and r.record.attempt.id == attempt), None
    )
    if claim is None:
        raise no_such_attempt(view, step, attempt)
    ended = next((r for r in records if r.record.attempt == claim.record.attempt and r.record.event != "claimed"), None)
    if state.status is Status.INTEGRATED:
        message = f"step {step} of {view.item.id} is integrated: it is part of the baseline"
        raise Conflict(message, hint=_taking_back(view, step))
    if ended is None or ended.record.event != "abandoned":
        what = ended.record.event if ended else "closed"
        message = f"attempt {attempt} of step {step} is {what} already"
        raise Conflict(message, hint=f"planloom status {view.item.id}")
    body = claim.record.body
    if not isinstance(body, Claimed) or any(
        r.record.event == "refused" and r.record.attempt == claim.record.attempt for r in records
    ):
        message = f"attempt {attempt} of step {step} was given up, and its late result is kept already"
        raise Conflict(message, hint=f"planloom status {view.item.id}")
    text = f"attempt {attempt} of step {step} was given up: the result is kept, but does not count"
    timed = replace_times(result, claim.record.at, view.now)
    draft = Draft(
        "refused",
        claim.record.chain,
        view.item.id,
        claim.record.plan,
        _body(timed, claim.digest, body, text, "pre"),
        claim.record.step,
        claim.record.attempt,
        result.outputs,
    )
    written = append(session, session.find_key("ci"), [draft], loaded)
    return Late(written[0], text) if written else None


def _step_records(session: Session, view: ItemView, step: str) -> Sequence[Signed]:
    chain = names.step_chain(view.item.id, step)
    return open_chain(session, session.ledger.read([chain])[chain])


def no_such_attempt(view: ItemView, step: str, attempt: str) -> Conflict:
    """Return why an attempt ("" for whichever is open) can't be completed, with the command that helps."""
    state = view.states[step]
    if state.claim is not None and state.claim.record.attempt is not None:
        open_one = state.claim.record.attempt.id
        message = f"'{attempt}' is not the open attempt of step {step}: that is '{open_one}'"
        return Conflict(
            message, hint=f"planloom complete {view.item.id} {step} --attempt {open_one} --outcome TEXT --next-action TEXT"
        )
    if state.handoff is not None:
        what = "integrated: it is part of the baseline" if state.status is Status.INTEGRATED else "done"
        hint = _taking_back(view, step) if state.status is Status.INTEGRATED else f"planloom status {view.item.id}"
        return Conflict(f"step {step} of {view.item.id} is {what}", hint=hint)
    unknown = f"has no attempt '{attempt}': it " if attempt else ""
    message = f"step {step} of {view.item.id} {unknown}is not claimed"
    return Conflict(message, hint=f"planloom claim {view.item.id} {step}")


def _taking_back(view: ItemView, step: str) -> str:
    handoff = view.states[step].handoff
    return f"planloom revert {view.item.id} {step} --handoff {handoff.digest[:12] if handoff else 'DIGEST'} --reason TEXT"
