"""The envelope: how a signed payload lies in a file.

DSSE 1.0.2 (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md), one signature a file, written by one
fixed template. A file that this template would not write is refused, so every byte of it is accounted for and
no other reader can see another document in it. Making and checking signatures is `trust`'s.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from planloom.core.errors import TrustError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
"""Source: https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""A file larger than this is refused unread. Ordinary records stay under 65,536 bytes, which C2SP tlog-tiles asks for."""

SIGNATURE_BYTES: Final = 64

_TEMPLATE: Final = '{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}\n'
_SHAPE: Final = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/]*={0,2})","payloadType":"' + re.escape(PAYLOAD_TYPE.encode()) + rb'",'
    rb'"signatures":\[\{"keyid":"([0-9a-f]{64})","sig":"([A-Za-z0-9+/]{86}==)"\}\]\}\n'
)


class EnvelopeError(TrustError):
    """Bytes that are not an envelope of ours; `code` is `E_ENVELOPE`."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and one signature over it.

    Shape: `key_id` is 64 hex digits and only a hint until the signature was verified; `signature` has 64 bytes.
    """

    payload: bytes
    key_id: str
    signature: bytes


def encode(envelope: Envelope) -> bytes:
    """Return the file. Raises: EnvelopeError when the result would be refused by `decode`."""
    payload = base64.b64encode(envelope.payload).decode("ascii")
    signature = base64.b64encode(envelope.signature).decode("ascii")
    content = (_TEMPLATE % (payload, PAYLOAD_TYPE, envelope.key_id, signature)).encode("ascii")
    if len(content) > MAX_BYTES:
        raise _refusal(f"it would be {len(content)} bytes long, the limit is {MAX_BYTES}")
    if _SHAPE.fullmatch(content) is None:
        raise _refusal("the key id or the signature has the wrong form")
    return content


def decode(content: bytes) -> Envelope:
    """Return the envelope in a file. Raises: EnvelopeError unless `encode` would write exactly these bytes."""
    if len(content) > MAX_BYTES:
        raise _refusal(f"it is {len(content)} bytes long, the limit is {MAX_BYTES}")
    shape = _SHAPE.fullmatch(content)
    if shape is None:
        raise _refusal("it does not have the form in which planloom writes it")
    payload, key_id, signature = shape.groups()
    return Envelope(_from_base64(payload), key_id.decode("ascii"), _from_base64(signature))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: the pre-authentication encoding.

    Source: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md.
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _from_base64(text: bytes) -> bytes:
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise _refusal(f"base64: {error}") from error
    # strict_mode leaves one freedom: bits of the last character that belong to no byte.
    if binascii.b2a_base64(content, newline=False) != text:
        raise _refusal("base64: its last character has bits that belong to nothing")
    return content


def _refusal(reason: str) -> EnvelopeError:
    return EnvelopeError(f"not a signed record: {reason}", code="E_ENVELOPE")
