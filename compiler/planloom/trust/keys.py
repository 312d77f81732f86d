"""Ed25519 keys: public keys that verify, private keys that sign.

Key ids are those of securesystemslib, in-toto and TUF for Python, so that their programs find our keys unaided.
Reading keys from files and variables is `trust.keyfiles`'.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from planloom.core.errors import TrustError
from planloom.records import envelope

PUBLIC_BYTES: Final = 32

_PRIME: Final = 2**255 - 19
_LOW_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)
"""The y coordinates of the eight points whose order divides 8. Under such a key one signature fits many messages."""


class KeyRefused(TrustError):
    """A key that may not be used; `code` is `E_KEY`."""


class Key:
    """A public key.

    Shape: `public` has 32 bytes (RFC 8032 section 5.1.5); two keys are equal when these are.
    """

    __slots__ = ("_loaded", "key_id", "public")

    def __init__(self, public: bytes) -> None:
        _refuse_unsafe(public)
        self.public: Final = public
        self.key_id: Final = key_id(public)
        self._loaded: Final = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def from_hex(cls, text: str) -> Key:
        """Return the key written as 64 hex digits. Raises: KeyRefused."""
        try:
            public = bytes.fromhex(text)
        except ValueError as error:
            raise _refusal("it is not written in hex digits") from error
        if public.hex() != text:
            raise _refusal("it is not written in lower-case hex digits")
        return cls(public)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether this key made the signature over the message."""
        try:
            self._loaded.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def to_pem(self) -> bytes:
        """Return the key as a PEM file (SubjectPublicKeyInfo), as openssl reads it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.public == other.public

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"Key({self.key_id[:8]})"


class PrivateKey:
    """A private key; a `trust.signer.Signer`. It never shows its secret in text."""

    __slots__ = ("_loaded", "key")

    def __init__(self, loaded: Ed25519PrivateKey) -> None:
        self._loaded: Final = loaded
        self.key: Final = Key(loaded.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Return the key of a 32-byte secret (RFC 8032 section 5.1.5). For tests and vectors."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def key_id(self) -> str:
        """The id of its public half."""
        return self.key.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes, always the same for the same message."""
        return self._loaded.sign(message)

    def seal(self, payload: bytes) -> bytes:
        """Return the envelope file over a record's payload. Raises: EnvelopeError when it is too large."""
        signature = self.sign(envelope.pae(envelope.PAYLOAD_TYPE, payload))
        return envelope.encode(envelope.Envelope(payload, self.key_id, signature))

    def to_pem(self, passphrase: str = "") -> bytes:
        """Return the key as a PKCS8 PEM file, encrypted when a passphrase is given."""
        # Imported here: signing and verifying need none of it, and it brings half a library along.
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            KeySerializationEncryption,
            NoEncryption,
            PrivateFormat,
        )

        protection: KeySerializationEncryption = NoEncryption()
        if passphrase:
            protection = BestAvailableEncryption(passphrase.encode("utf-8"))
        return self._loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)

    def __repr__(self) -> str:
        return f"PrivateKey({self.key_id[:8]})"


def generate() -> PrivateKey:
    """Return a new key from the system's random source."""
    return PrivateKey(Ed25519PrivateKey.generate())


def key_id(public: bytes) -> str:
    """Return the id of a public key: 64 hex digits.

    Source: securesystemslib, SSlibKey (sha256 over the canonical JSON of key type, value and scheme).
    """
    text = f'{{"keytype":"ed25519","keyval":{{"public":"{public.hex()}"}},"scheme":"ed25519"}}'
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _refuse_unsafe(public: bytes) -> None:
    """Raise KeyRefused for what the cryptographic library would accept although anyone can sign for it."""
    if len(public) != PUBLIC_BYTES:
        raise _refusal(f"it has {len(public)} bytes, an Ed25519 key has {PUBLIC_BYTES}")
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _PRIME:
        raise _refusal("its coordinate is not reduced")
    if y in _LOW_ORDER_Y:
        raise _refusal("it is a point of low order, for which anyone can forge signatures")


def _refusal(reason: str) -> KeyRefused:
    return KeyRefused(f"the public key is refused: {reason}", code="E_KEY")
