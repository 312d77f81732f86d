"""What signs: a protocol, so that a key can be a file, a variable or somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from planloom.trust.keys import Key


class Signer(Protocol):
    """Holds one Ed25519 key."""

    @property
    def key_id(self) -> str:
        """The key id: 64 hex digits, as securesystemslib computes it (`trust.keys`)."""
        ...

    def seal(self, payload: bytes) -> bytes:
        """Return the envelope file over a record's payload."""
        ...


class NoteSigner(Protocol):
    """Holds one Ed25519 key and signs plain text with it: the checkpoint's signer."""

    @property
    def key(self) -> Key:
        """Its public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        ...
