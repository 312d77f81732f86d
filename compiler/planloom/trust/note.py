"""Signed notes: a text and signatures below it, as the Go checksum database and transparency logs use them.

Source: https://github.com/C2SP/C2SP/blob/main/signed-note.md. We write one Ed25519 signature (type 0x01) and read notes
with exactly that; any other byte is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import Difference, TrustError

if TYPE_CHECKING:
    from planloom.trust.keys import Key
    from planloom.trust.signer import NoteSigner

_ED25519: Final = b"\x01"
_DASH: Final = "\N{EM DASH} "


class NoteError(TrustError):
    """Bytes that are not a signed note of ours; `code` is `E_CHECKPOINT`."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read, not yet verified. `text` ends in a newline; `key_hash` (4 bytes) hints at the key."""

    text: str
    name: str
    key_hash: bytes
    signature: bytes

    def is_by(self, key: Key) -> bool:
        """Return whether this key signed the note under the name that stands in it."""
        return self.key_hash == key_hash(self.name, key) and key.verifies(self.signature, self.text.encode("utf-8"))


def key_hash(name: str, key: Key) -> bytes:
    """Return the 4 bytes that identify a key under a name."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + _ED25519 + key.public).digest()[:4]


def verifier_key(name: str, key: Key) -> str:
    """Return the key as other programs take it: `name+hash+key`."""
    encoded = base64.b64encode(_ED25519 + key.public).decode("ascii")
    return f"{name}+{key_hash(name, key).hex()}+{encoded}"


def sign_note(text: str, name: str, signer: NoteSigner) -> bytes:
    """Return the note file. `text` must end in a newline, and `name` must have no space and no plus sign."""
    if not text.endswith("\n") or not name or any(c.isspace() or c == "+" for c in name):
        raise _refusal(f"'{name}' can't name its signer")
    signature = key_hash(name, signer.key) + signer.sign(text.encode("utf-8"))
    return f"{text}\n{_DASH}{name} {base64.b64encode(signature).decode('ascii')}\n".encode()


def parse_note(content: bytes) -> Note:
    """Return the note in a file. Raises: NoteError unless `sign_note` could have written exactly these bytes."""
    try:
        text, line = content.decode("utf-8").rsplit("\n\n", 1)
        name, encoded = line.removeprefix(_DASH).removesuffix("\n").split(" ")
        signature = binascii.a2b_base64(encoded, strict_mode=True)
    except (UnicodeDecodeError, ValueError) as error:
        raise _refusal("its form is wrong") from error
    note = Note(text + "\n", name, signature[:4], signature[4:])
    again = f"{note.text}\n{_DASH}{name} {base64.b64encode(signature).decode('ascii')}\n".encode()
    if again != content or len(note.signature) != 64 or not name or "+" in name:
        raise _refusal("its form is wrong")
    return note


def _refusal(reason: str) -> NoteError:
    return NoteError(
        f"not a signed note: {reason}", code="E_CHECKPOINT", difference=Difference("the file", "a signed note", reason)
    )
