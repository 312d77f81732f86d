"""Claiming: the exclusive right to one attempt, for one step or for a whole wave in one append."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from planloom.core import names
from planloom.records.bodies import Acquired, Claimed
from planloom.records.references import AttemptRef, StepRef
from planloom.runtime.effects import format_time, parse_time
from planloom.runtime.identity import attempt_id, own_process
from planloom.runtime.reading import read_view
from planloom.runtime.writing import Draft, Part, append, append_all
from planloom.state.readiness import Blocker, count_approvals, depends_on, find_blockers
from planloom.state.schedule import build_schedule, choose_wave

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView


LEASE_MARGIN_MINUTES: Final = 10
"""How much longer than its command's limit a worker may need to restore inputs, keep outputs and sign."""


class Won(NamedTuple):
    """The claim is ours."""

    claim: Signed
    step: CompiledStep
    view: ItemView

    @property
    def attempt(self) -> AttemptRef:
        """The attempt that was claimed."""
        if self.claim.record.attempt is None:
            message = "a claim without an attempt"
            raise AssertionError(message)
        return self.claim.record.attempt


class Refused(NamedTuple):
    """The step can't be claimed now, and why."""

    blockers: tuple[Blocker, ...]


Outcome: TypeAlias = Won | Refused


def claim_step(session: Session, item: str, step: str, *, attempt: str = "", process: bool = False) -> Outcome:
    """Claim the next attempt of a step, or say what is in the way.

    `attempt` names the attempt that the caller expects to get; another one open or next is a refusal. `process`: this process carries
    the attempt out itself, so that the claim can be given up when the process is gone.

    Raises: InputError for an unknown work item or step; TrustError without a key.
    """
    signer = session.find_key("ci")
    while True:
        loaded = read_view(session, item, (step,))
        blockers = find_blockers(loaded.view, step, claimant=signer.key_id)
        if blockers:
            return Refused(blockers)
        draft = draft_claim(session, loaded.view, loaded.view.steps[step], signer.key_id, process=process, wanted=attempt)
        if isinstance(draft, Refused):
            return draft
        drafts = [draft, *draft_acquisitions(loaded.view, [draft])]
        written = append(session, signer, drafts, loaded, unmoved=gates_of(loaded.view, [draft]))
        if written is not None:
            return Won(written[0], loaded.view.steps[step], loaded.view)


def claim_wave(session: Session, items: Sequence[str], limit: int) -> tuple[Won, ...]:
    """Claim every ready step of some work items that a machine carries out, up to `limit`, in one append; empty when nothing is ready.

    Work items that want the same resource can't share an append: each of its records counts on the one before. They come after one another.
    """
    signer = session.find_key("ci")
    won: list[Won] = []
    rest = list(items)
    while rest:
        parts, later = _decide_wave(session, rest, limit - len(won), signer.key_id)
        if not parts:
            break
        written = append_all(session, signer, parts)
        if written is None:
            continue
        views = {part.loaded.view.item.id: part.loaded.view for part in parts}
        claims = [signed for signed in written if signed.record.event == "claimed"]
        won += [
            Won(c, views[c.record.work_item].steps[c.record.step.key], views[c.record.work_item]) for c in claims if c.record.step
        ]
        rest = later
    return tuple(won)


def _decide_wave(session: Session, items: Sequence[str], limit: int, claimant: str) -> tuple[list[Part], list[str]]:
    """Return what can be claimed in one append, and the work items that have to wait for it."""
    parts: list[Part] = []
    later: list[str] = []
    taken: set[str] = set()
    for item in items:
        loaded = read_view(session, item)
        view = loaded.view
        claims = [
            draft_claim(session, view, row.step, claimant)
            for row in choose_wave(view, build_schedule(view), limit)
            if not find_blockers(view, row.step.key, claimant=claimant)
        ]
        drafts = [draft for draft in claims if isinstance(draft, Draft)]
        acquisitions = draft_acquisitions(view, drafts)
        resources = {draft.chain for draft in acquisitions}
        if resources & taken:
            later.append(item)
        elif drafts:
            parts.append(Part([*drafts, *acquisitions], loaded, gates_of(view, drafts)))
            taken |= resources
            limit -= len(drafts)
    return parts, later


def gates_of(view: ItemView, claims: Sequence[Draft]) -> list[str]:
    """Return the chains of the gates that claims rest on: a rejection that comes before the claim stops it.

    What else they rest on needs no looking after: whatever takes back a handoff writes into the chain of each step that builds on it.
    """
    steps = [claim.step.key for claim in claims if claim.step is not None]
    return [names.gate_chain(view.item.id, key) for key in steps if view.steps[key].gate]


def draft_claim(
    session: Session, view: ItemView, step: CompiledStep, claimant: str, *, process: bool = False, wanted: str = ""
) -> Draft | Refused:
    """Return the claim of the next attempt; refused when the caller wanted an attempt that is not the next one."""
    state = view.states[step.key]
    number = state.attempt + 1
    own = attempt_id(step.key, number, session.identity.builder)
    if wanted and wanted != own and not _may_name(wanted, step.key, number):
        text = f"attempt {wanted} is not the next one; that is attempt {number} ({own})"
        return Refused((Blocker("attempt", (own,), text),))
    pid, mark = own_process() if process else (0, "")
    body = Claimed(
        executor=session.identity.executor,
        pid=pid,
        boot_id=mark,
        lease=lease_end(view.now, step) if process else "",
        depends_on=depends_on(view, step),
        approvals=tuple(a.digest for a in count_approvals(view, step, claimant=claimant)),
        resources=step.resources,
    )
    return Draft(
        event="claimed",
        chain=names.step_chain(view.item.id, step.key),
        work_item=view.item.id,
        plan=view.item.plan,
        body=body,
        step=StepRef(step.key, step.order, step.digest),
        attempt=AttemptRef(number, wanted or own),
    )


def lease_end(now: str, step: CompiledStep) -> str:
    """Return until when a worker may hold its claim: its command ends by then, because its time is limited."""
    return format_time(parse_time(now) + (step.timeout_minutes + LEASE_MARGIN_MINUTES) * 60_000)


def _may_name(wanted: str, step: str, number: int) -> bool:
    """Whether a caller may give the attempt this id: one of its step, and not one that reads as another number."""
    if not names.is_attempt_id(wanted) or not wanted.startswith(f"{step}-"):
        return False
    # The number must stand in it: an id that two attempts could bear would let the first one complete the second.
    rest = wanted.removeprefix(f"{step}-").split("-")
    if rest[0] == "local":
        return number == (int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() else 1)
    return rest[0].isdecimal() and int(rest[0]) == number


def holder_of(draft: Draft | Signed) -> str:
    """Return the name under which an attempt holds resources: `<chain>#<number>`."""
    record = draft if isinstance(draft, Draft) else draft.record
    return f"{record.chain}#{record.attempt.number if record.attempt else 0}"


def draft_acquisitions(view: ItemView, claims: Sequence[Draft]) -> list[Draft]:
    """Return the records by which claims take their resources: one for each resource, naming every holder."""
    taken: dict[str, dict[str, int]] = {}
    for claim in claims:
        if isinstance(claim.body, Claimed):
            for name, amount in claim.body.resources.items():
                taken.setdefault(name, {})[holder_of(claim)] = amount
    return [draft_holding(view, "acquired", name, holders) for name, holders in sorted(taken.items())]


def draft_releases(view: ItemView, claims: Sequence[Signed]) -> list[Draft]:
    """Return the records by which attempts give back what they still hold: one for each resource."""
    given: dict[str, dict[str, int]] = {}
    for claim in claims:
        holder = holder_of(claim)
        if isinstance(claim.record.body, Claimed):
            for name in claim.record.body.resources:
                if holder in view.held.get(name, {}):
                    given.setdefault(name, {})[holder] = view.held[name][holder]
    return [draft_holding(view, "released", name, holders) for name, holders in sorted(given.items())]


def give_back(session: Session, item: str, step: str) -> None:
    """Give back what an open claim still holds of resources although its work item is closed.

    A claim and a closing that were made at the same moment can both win; the attempt counts for nothing then, but others wait for
    what it holds.
    """
    signer = session.find_key("ci")
    while True:
        loaded = read_view(session, item, (step,))
        claim = loaded.view.states[step].claim
        drafts = draft_releases(loaded.view, [claim]) if claim is not None else []
        if not drafts or append(session, signer, drafts, loaded):
            return


def draft_holding(view: ItemView, event: str, resource: str, holders: Mapping[str, int]) -> Draft:
    """Return one record of a resource's chain."""
    return Draft(event, names.resource_chain(resource), view.item.id, view.item.plan, Acquired(holders))
