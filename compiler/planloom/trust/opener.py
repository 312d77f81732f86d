"""Opening a record: its envelope, its content, and the proof of who signed it. Nothing is believed before that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core import canonical
from planloom.core.errors import Difference, TrustError
from planloom.records import envelope, merkle
from planloom.records.record import Record
from planloom.records.signed import Signed
from planloom.trust.policy import KEY_ID, SIGNATURE, Policy, TrustedKey, authorise

if TYPE_CHECKING:
    from planloom.records.envelope import Envelope


def open_record(content: bytes, policy: Policy, position: int | None = None) -> Signed:
    """Return the record in a file of a ledger.

    1. The file is an envelope, byte for byte as we write it (`E_ENVELOPE`).
    2. A key of the policy made its signature (`E_SIGNATURE`), and it is the key that the file names (`E_ENVELOPE`).
    3. The signed payload is a record (`E_TYPE`, `E_NONCANONICAL`, `E_PAYLOAD`).
    4. That key may sign this event, here and at that time (`E_ROLE`, `E_KEY_REVOKED`, `E_KEY_EXPIRED`, `E_BUILDER`).
    `position` is the record's place in a verified checkpoint, which lets records of a key that was revoked later count; without
    it the places that came with the policy are looked at.
    Raises: TrustError with one of these codes.
    """
    opened = envelope.decode(content)  # 1
    signer = find_signer(opened, policy)  # 2
    record = Record.from_payload(opened.payload)  # 3
    if position is None and (policy.earlier or signer.revoked is not None):
        position = policy.sealed.get(merkle.leaf_hash(content))
    authorise(record, signer, policy, position)  # 4
    return Signed(record, canonical.digest(opened.payload), signer.key.key_id)


def find_signer(opened: Envelope, policy: Policy) -> TrustedKey:
    """Return the key of the policy that made an envelope's signature.

    The key id in the file is not signed, so it is only where the search begins; a file that names another key than the one that signed
    it is refused all the same, because we never write one. Raises: TrustError.
    """
    message = envelope.pae(envelope.PAYLOAD_TYPE, opened.payload)
    named = policy.find(opened.key_id)
    if named is not None and named.key.verifies(opened.signature, message):
        return named
    for trusted in policy.keys:
        if trusted is not named and trusted.key.verifies(opened.signature, message):
            text = f"it names key {opened.key_id[:8]} but {trusted.name} signed it"
            raise TrustError(text, code="E_ENVELOPE", difference=Difference(KEY_ID, trusted.key.key_id, opened.key_id))
    if named is None:
        text = f"signed by a key that the policy does not know ({opened.key_id[:8]}), or the signature does not match"
        told = Difference(SIGNATURE, "a signature by a key of the policy", f"one that names key {opened.key_id}")
        raise TrustError(text, code="E_SIGNATURE", hint="planloom keys list", difference=told)
    text = "the signature does not match the content"
    told = Difference(
        SIGNATURE, f"a signature by {named.name} ({named.key.key_id}) over this content", "one that is not over this content"
    )
    raise TrustError(
        text, code="E_SIGNATURE", hint="restore the file from a copy; planloom verify checks the rest", difference=told
    )
