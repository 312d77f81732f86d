"""The envelope: how a signed payload lies in a file.

DSSE 1.0.2 (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md), one signature a file, written by one
fixed template. A file that this template would not write is refused, so every byte of it is accounted for and
no other reader can see another document in it. Making and checking signatures is `trust`'s.
"""

from __future__ import annotations

import binascii
import re
from typing import Final, NamedTuple

from planloom.core.errors import Difference, TrustError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
"""Source: https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""A file larger than this is refused unread. Ordinary records stay under 65,536 bytes, which C2SP tlog-tiles asks for."""

SIGNATURE_BYTES: Final = 64

_START: Final = b'{"payload":"'
_TYPE: Final = b'","payloadType":"' + PAYLOAD_TYPE.encode("ascii") + b'","signatures":[{"keyid":"'
_SIGNATURE: Final = b'","sig":"'
_END: Final = b'"}]}\n'
_HEX64: Final = re.compile(rb"[0-9a-f]{64}")
_TAIL_BYTES: Final = len(_TYPE) + 64 + len(_SIGNATURE) + 88 + len(_END)
"""What follows the payload has one length: 64 digits of key id, 64 bytes of signature in base64."""


class EnvelopeError(TrustError):
    """Bytes that are not an envelope of ours; `code` is `E_ENVELOPE`."""


class Envelope(NamedTuple):
    """A payload and one signature over it.

    Shape: `key_id` is 64 hex digits and only a hint until the signature was verified; `signature` has 64 bytes.
    """

    payload: bytes
    key_id: str
    signature: bytes


def encode(envelope: Envelope) -> bytes:
    """Return the file. Raises: EnvelopeError when the result would be refused by `decode`."""
    key_id = envelope.key_id.encode("utf-8", "replace")
    if _HEX64.fullmatch(key_id) is None or len(envelope.signature) != SIGNATURE_BYTES:
        raise _refusal("the key id or the signature has the wrong form")
    payload, signature = _to_base64(envelope.payload), _to_base64(envelope.signature)
    content = b"".join((_START, payload, _TYPE, key_id, _SIGNATURE, signature, _END))
    if len(content) > MAX_BYTES:
        raise _refusal(f"it would be {len(content)} bytes long, the limit is {MAX_BYTES}")
    return content


def decode(content: bytes) -> Envelope:
    """Return the envelope in a file. Raises: EnvelopeError unless `encode` would write exactly these bytes."""
    if len(content) > MAX_BYTES:
        raise _refusal(f"it is {len(content)} bytes long, the limit is {MAX_BYTES}")
    tail = content[-_TAIL_BYTES:]
    key_at = len(_TYPE)
    signature_at = key_at + 64 + len(_SIGNATURE)
    key_id = tail[key_at : key_at + 64]
    in_form = (
        content.startswith(_START)
        and len(content) >= len(_START) + _TAIL_BYTES
        and tail.startswith(_TYPE)
        and tail[key_at + 64 : signature_at] == _SIGNATURE
        and tail.endswith(_END)
        and _HEX64.fullmatch(key_id) is not None
    )
    if not in_form:
        raise _refusal("it does not have the form in which planloom writes it")
    payload = _from_base64(content[len(_START) : -_TAIL_BYTES])
    return Envelope(payload, key_id.decode("ascii"), _from_base64(tail[signature_at : signature_at + 88]))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: the pre-authentication encoding.

    Source: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md.
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _to_base64(content: bytes) -> bytes:
    return binascii.b2a_base64(content, newline=False)


def _from_base64(text: bytes) -> bytes:
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise _refusal(f"base64: {error}") from error
    # strict_mode leaves one freedom: bits of the last character that belong to no byte.
    if _to_base64(content[-(len(content) % 3 or 3) :]) != text[-4:]:
        raise _refusal("base64: its last character has bits that belong to nothing")
    return content


def _refusal(reason: str) -> EnvelopeError:
    told = Difference("the file", "an envelope as planloom writes it", reason)
    return EnvelopeError(f"not a signed record: {reason}", code="E_ENVELOPE", difference=told)
