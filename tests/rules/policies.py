"""Trust policies for examples, spelt out from `name: role role`."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from planloom.trust.keys import Key
from planloom.trust.policy import DEFAULT_EVENTS, Policy, TrustedKey
from planloom.trust.policyformat import write_policy


def spell_out(short: bytes) -> bytes:
    """Return the policy file for lines `name: role role`; anything else is passed on as it is."""
    text = short.decode("utf-8")
    if not text.strip() or text.lstrip().startswith("{"):
        return short
    keys = []
    for line in sorted(text.strip().splitlines()):
        name, _, roles = line.partition(": ")
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        keys.append(TrustedKey(name, Key.from_hex(public.hex()), tuple(sorted(roles.split()))))
    return write_policy(Policy(1, "", tuple(keys), dict(DEFAULT_EVENTS), {}, allow_self_approval=False))
