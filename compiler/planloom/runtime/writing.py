"""Writing records: drafts become signed entries at the end of their chains, all or nothing."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core import names
from planloom.core.canonical import digest
from planloom.core.errors import InputError, TrustError
from planloom.ledger.ledger import EMPTY, NOTHING, Append, Entry, Head, Won
from planloom.records.bodies import FOLDERS
from planloom.records.record import Record, genesis
from planloom.records.references import Subject
from planloom.records.signed import Signed
from planloom.trust.policy import authorise, refuse_revoked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.records.bodies import Body
    from planloom.records.references import AttemptRef, PlanRef, StepRef
    from planloom.runtime.reading import Loaded
    from planloom.runtime.session import Session
    from planloom.trust.policy import TrustedKey
    from planloom.trust.signer import Signer


MAX_TEXT_BYTES: Final = 8_192
"""A record stays under 65,536 bytes with several texts of this size in it."""


class End(NamedTuple):
    """Where a chain ends for the next record: the head to append after and the payload digest to name."""

    head: Head
    digest: str


class Draft(NamedTuple):
    """A record that is decided but not yet signed. No subjects means `<plan>/<step>` with the step's digest."""

    event: str
    chain: str
    work_item: str
    plan: PlanRef
    body: Body
    step: StepRef | None = None
    attempt: AttemptRef | None = None
    subjects: tuple[Subject, ...] = ()
    attachments: Mapping[str, bytes] = MappingProxyType({})
    nonce: str = ""


def end_of(chain: str, head: Head, records: Sequence[Signed]) -> End:
    """Return the end of a chain that was read."""
    return End(head, records[-1].digest if records else genesis(chain))


def empty_end(chain: str) -> End:
    """Return the end of a chain that does not exist yet."""
    return End(EMPTY, genesis(chain))


class Part(NamedTuple):
    """What is decided about one work item: the drafts, what they were decided on, and other chains that must not have moved."""

    drafts: Sequence[Draft]
    loaded: Loaded
    unmoved: Sequence[str] = ()


def append(
    session: Session, signer: Signer, drafts: Sequence[Draft], loaded: Loaded, *, unmoved: Sequence[str] = ()
) -> tuple[Signed, ...] | None:
    """Sign the drafts and append them, all or nothing, to what they were decided on; at most one a chain. See `append_all`."""
    return append_all(session, signer, [Part(drafts, loaded, unmoved)])


def append_all(session: Session, signer: Signer, parts: Sequence[Part]) -> tuple[Signed, ...] | None:
    """Sign what was decided about several work items and append it, all or nothing; at most one draft a chain.

    Nothing is appended either when a work item's own chain, or one of `unmoved`, has moved on since it was read. A closed work item's
    is not looked at: what is still written then gives back what it holds.
    Returns the signed records in the order of the drafts, or None (read and decide again). Raises: TrustError when the policy does not
    let the key sign one of them: nothing that verify would refuse is ever written.
    """
    drafts = [draft for part in parts for draft in part.drafts]
    ends = {draft.chain: part.loaded.end(draft.chain) for part in parts for draft in part.drafts}
    heads: dict[str, Head] = {}
    for part in parts:
        item = part.loaded.view.item
        held = {*part.unmoved, *((names.item_chain(item.id),) if item.is_open else ())} - ends.keys()
        heads |= {chain: part.loaded.ends[chain].head for chain in sorted(held)}
    return append_to(session, signer, drafts, ends, at=max(part.loaded.view.now for part in parts), unmoved=heads)


def append_to(
    session: Session,
    signer: Signer,
    drafts: Sequence[Draft],
    ends: Mapping[str, End],
    *,
    at: str,
    unmoved: Mapping[str, Head] = NOTHING,
) -> tuple[Signed, ...] | None:
    """Sign the drafts and append each after the end that is given for its chain (see `append`). Raises: TrustError."""
    trusted = require_known(session, signer)
    signed: list[Signed] = []
    entries: dict[str, Append] = {}
    for draft in drafts:
        end = ends[draft.chain]
        record = _complete(session, draft, end, at)
        _refuse_texts(record)
        authorise(record, trusted, session.policy)
        payload = record.to_payload()
        content = signer.seal(payload)
        entries[draft.chain] = Append(end.head, Entry(FOLDERS[draft.event], content, dict(draft.attachments)))
        signed.append(Signed(record, digest(payload), signer.key_id))
    outcome = session.ledger.append(entries, unmoved)
    return tuple(signed) if isinstance(outcome, Won) else None


def _refuse_texts(record: Record) -> None:
    """Check the texts that come from outside before anything is signed. Raises: InputError."""
    for text in (record.actor, *(value for value in record.body if isinstance(value, str))):
        try:
            size = len(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            message = "a text for the record is not UTF-8"
            raise InputError(message, hint="give it in UTF-8: records are read on other machines") from error
        if size > MAX_TEXT_BYTES:
            message = f"a text for the record is too long: {size:,} bytes, at most {MAX_TEXT_BYTES:,} fit"
            raise InputError(message, hint="say it in a sentence, and hand on the rest as a file")


def require_known(session: Session, signer: Signer) -> TrustedKey:
    """Return what the policy says of a key. Raises: TrustError (`E_ROLE`) when it does not know the key."""
    trusted = session.policy.find(signer.key_id)
    if trusted is None:
        message = f"key {signer.key_id[:8]} is not in the trust policy"
        raise TrustError(
            message, hint="planloom keys list   # shows the keys that are; planloom keys trust adds one", code="E_ROLE"
        )
    return trusted


def require_event(session: Session, signer: Signer, event: str) -> TrustedKey:
    """Return what the policy says of a key that may sign an event, before anybody is shown or asked anything.

    Raises: TrustError (`E_ROLE`, `E_KEY_REVOKED`).
    """
    trusted = require_known(session, signer)
    if not session.policy.may(signer.key_id, event):
        roles = " or ".join(session.policy.events.get(event, ())) or "nobody"
        message = f"key {trusted.name} may not sign '{event}': the policy wants {roles}"
        raise TrustError(message, hint="planloom keys list", code="E_ROLE")
    refuse_revoked(trusted)
    return trusted


def _complete(session: Session, draft: Draft, end: End, at: str) -> Record:
    subjects = draft.subjects or (_step_subject(draft),)
    return Record(
        event=draft.event,
        chain=draft.chain,
        index=end.head.index + 1,
        previous=end.digest,
        nonce=draft.nonce or session.ids.nonce(),
        work_item=draft.work_item,
        plan=draft.plan,
        step=draft.step,
        attempt=draft.attempt,
        actor=session.identity.actor,
        builder=session.identity.builder,
        at=at,
        subjects=tuple(sorted(subjects, key=lambda s: s.name)),
        body=draft.body,
    )


def _step_subject(draft: Draft) -> Subject:
    if draft.step is None:
        return Subject(draft.plan.name, draft.plan.digest)
    return Subject(f"{draft.plan.name}/{draft.step.key}", draft.step.digest)
