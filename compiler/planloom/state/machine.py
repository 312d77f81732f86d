"""The state machine of a step, as one table.

A step's state is folded from its chain, record by record. What a record may do depends on the status that the records
before it led to, and on nothing else; what must be true of *other* chains when a claim is made (needs, approvals,
resources) is `state.readiness`'s question.

| status     | event                 | becomes                                                                        |
| ---------- | --------------------- | ------------------------------------------------------------------------------ |
| pending    | claimed               | running; the attempt's number is one more than the last                        |
| running    | completed             | done, or integrated when the record says `post`                                |
| running    | failed                | pending while automatic attempts are left, else failed                         |
| running    | superseded            | pending: it was built on inputs that no longer count                           |
| running    | abandoned             | pending: its holder is gone                                                    |
| running    | invalidated           | running, but stale: it can only end as superseded, failed or abandoned         |
| done       | integrated            | integrated                                                                     |
| done       | invalidated, retried  | pending, with a fresh budget of attempts (retried: its outputs are lost)       |
| integrated | reverted, invalidated | pending, with a fresh budget of attempts (invalidated: only by a cascade)      |
| failed     | retried               | pending, with one more attempt                                                 |
| failed     | invalidated           | pending, with a fresh budget of attempts                                       |
| pending    | invalidated           | pending                                                                        |
| any        | refused               | unchanged: a late result is kept and counts for nothing                        |

Only results that say something about the step (failure, error, timeout) use up an automatic attempt; a cancelled or
abandoned one does not, nor does one that was built on inputs which no longer count.

After a migration a chain may hold records of an older version of its step, which had a budget of its own: those are not
counted against the version that the step has now.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core.errors import Difference, TrustError
from planloom.records.bodies import Abandoned, Claimed, Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from planloom.records.record import Record
    from planloom.records.signed import Signed


class Status(Enum):
    """Where a step is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    INTEGRATED = "integrated"
    FAILED = "failed"


class IllegalRecord(TrustError):
    """A record that the state machine does not allow where it stands; `code` is `E_STATE`, `E_CLAIM` or `E_ATTEMPT_TWICE`."""


class StepState(NamedTuple):
    """What a step's chain says.

    Shape: `attempt` is the number of the newest claim (0: none); `used` automatic attempts of `allowed` are gone; `claim` is the open
    claim while running; `handoff` the completion that counts while done or integrated; `last` the record that ended the newest attempt; `stale`: running
    on inputs that no longer count; `reworks`: how often its work was invalidated; `digest` is that of the step's version now, "" when there is only one; `granted`
    are the approvals that the newest claim rests on, `spent` those whose work was taken back: they count for nothing more.
    """

    status: Status
    attempt: int
    used: int
    allowed: int
    budget: int
    claim: Signed | None = None
    handoff: Signed | None = None
    last: Signed | None = None
    stale: bool = False
    reworks: int = 0
    digest: str = ""
    granted: tuple[str, ...] = ()
    spent: frozenset[str] = frozenset()

    @property
    def is_valid(self) -> bool:
        """Whether the step has ended well and its work counts."""
        return self.handoff is not None


def initial(attempts: int, digest: str = "") -> StepState:
    """Return the state of a step that has no records, with this many automatic attempts; `digest` tells this version of it from older ones."""
    return StepState(Status.PENDING, attempt=0, used=0, allowed=attempts, budget=attempts, digest=digest)


def fold(records: Iterable[Signed], attempts: int, digest: str = "") -> StepState:
    """Return the state that a step's chain leads to. Raises: IllegalRecord at the first record that is not allowed."""
    state = initial(attempts, digest)
    for signed in records:
        state = apply(state, signed)
    return state


def apply(state: StepState, signed: Signed) -> StepState:
    """Return the state after one more record. Raises: IllegalRecord when the table does not allow it."""
    record = signed.record
    transition = TRANSITIONS.get((state.status, record.event))
    if transition is None and record.event == "retried" and state.status is Status.PENDING and _is_older(state, record):
        # Its own budget was used up; ours, which is not counted for it, was not.
        return state
    if transition is None:
        message = f"{record.chain} #{record.index}: '{record.event}' can't follow while the step is {state.status.value}"
        told = Difference("event", " or ".join(e for s, e in sorted(_ALLOWED) if s == state.status.value), record.event)
        raise IllegalRecord(message, code="E_ATTEMPT_TWICE" if record.event in RESULT_EVENTS else "E_STATE", difference=told)
    return transition(state, signed)


RESULT_EVENTS: Final = frozenset({"completed", "failed", "superseded"})


def _claimed(state: StepState, signed: Signed) -> StepState:
    record = signed.record
    if record.attempt is None or record.attempt.number != state.attempt + 1:
        message = f"{record.chain} #{record.index}: claims another attempt than {state.attempt + 1}"
        found = str(record.attempt.number) if record.attempt is not None else "none"
        raise IllegalRecord(message, code="E_CLAIM", difference=Difference("attempt.number", str(state.attempt + 1), found))
    granted = record.body.approvals if isinstance(record.body, Claimed) else ()
    return state._replace(
        status=Status.RUNNING, attempt=record.attempt.number, claim=signed, last=None, stale=False, granted=granted
    )


def _open_claim(state: StepState, signed: Signed) -> Record:
    """Return the record after checking that it ends the claim that is open."""
    record = signed.record
    claim = state.claim
    named = record.body.claim if isinstance(record.body, Finished | Abandoned) else ""
    if claim is None or named != claim.digest or record.attempt != claim.record.attempt:
        message = f"{record.chain} #{record.index}: ends a claim that is not the open one"
        raise IllegalRecord(message, code="E_CLAIM", difference=_unlike(claim, named, record))
    return record


def _unlike(claim: Signed | None, named: str, record: Record) -> Difference:
    if claim is None:
        return Difference("claim", "no result: no claim is open", named)
    if named != claim.digest:
        return Difference("claim", claim.digest, named or "none")
    wanted, found = claim.record.attempt, record.attempt
    return Difference("attempt", *(f"{a.number} ({a.id})" if a is not None else "none" for a in (wanted, found)))


def _completed(state: StepState, signed: Signed) -> StepState:
    record = _open_claim(state, signed)
    if state.stale:
        message = f"{record.chain} #{record.index}: completes on inputs that were invalidated"
        told = Difference("event", "superseded, failed or abandoned", record.event)
        raise IllegalRecord(message, code="E_DEPENDENCY", difference=told)
    integrated = isinstance(record.body, Finished) and record.body.baseline == "post"
    status = Status.INTEGRATED if integrated else Status.DONE
    return state._replace(status=status, claim=None, handoff=signed, last=signed)


def _is_older(state: StepState, record: Record) -> bool:
    """Return whether a record is of another version of the step than the one that counts now."""
    return bool(state.digest) and record.step is not None and record.step.digest != state.digest


def _failed(state: StepState, signed: Signed) -> StepState:
    record = _open_claim(state, signed)
    cancelled = isinstance(record.body, Finished) and record.body.result == "cancellation"
    free = cancelled or state.stale or _is_older(state, record)
    used = state.used if free else state.used + 1
    status = Status.PENDING if used < state.allowed else Status.FAILED
    return state._replace(status=status, used=used, claim=None, last=signed, stale=False)


def _gone(state: StepState, signed: Signed) -> StepState:
    _open_claim(state, signed)
    return state._replace(status=Status.PENDING, claim=None, last=signed, stale=False)


def _made_stale(state: StepState, signed: Signed) -> StepState:
    del signed
    return state._replace(stale=True, used=0, allowed=state.budget, reworks=state.reworks + 1)


def _integrated(state: StepState, signed: Signed) -> StepState:
    del signed
    return state._replace(status=Status.INTEGRATED)


def _again(state: StepState, signed: Signed) -> StepState:
    del signed
    if state.handoff is None:
        return state._replace(status=Status.PENDING, used=0, allowed=state.budget)
    # Who approved work that was taken back has not approved that it is done again.
    spent = state.spent | set(state.granted)
    return state._replace(
        status=Status.PENDING, used=0, allowed=state.budget, handoff=None, reworks=state.reworks + 1, spent=spent
    )


def _retried(state: StepState, signed: Signed) -> StepState:
    if state.handoff is not None:
        return _again(state, signed)
    return state._replace(status=Status.PENDING, allowed=state.used + 1)


def _kept(state: StepState, signed: Signed) -> StepState:
    del signed
    return state


TRANSITIONS: Final[Mapping[tuple[Status, str], Callable[[StepState, Signed], StepState]]] = {
    (Status.PENDING, "claimed"): _claimed,
    (Status.RUNNING, "completed"): _completed,
    (Status.RUNNING, "failed"): _failed,
    (Status.RUNNING, "superseded"): _gone,
    (Status.RUNNING, "abandoned"): _gone,
    (Status.RUNNING, "invalidated"): _made_stale,
    (Status.DONE, "integrated"): _integrated,
    (Status.DONE, "invalidated"): _again,
    (Status.DONE, "retried"): _retried,
    (Status.INTEGRATED, "reverted"): _again,
    (Status.INTEGRATED, "invalidated"): _again,
    (Status.FAILED, "retried"): _retried,
    (Status.FAILED, "invalidated"): _again,
    (Status.PENDING, "invalidated"): _again,
    **{(status, "refused"): _kept for status in Status},
}
"""Which record may follow in which status, and what it does. Whatever is not here is illegal."""

_ALLOWED: Final = frozenset((status.value, event) for status, event in TRANSITIONS)


def claim_body(state: StepState) -> Claimed:
    """Return the body of the open claim. The caller has seen that the step is running."""
    if state.claim is None or not isinstance(state.claim.record.body, Claimed):
        message = "the step has no open claim"
        raise IllegalRecord(message, code="E_CLAIM")
    return state.claim.record.body
