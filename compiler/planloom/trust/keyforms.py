"""One key in the forms and under the names that other programs use for it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from planloom.trust.note import verifier_key

if TYPE_CHECKING:
    from planloom.trust.keys import Key


def key_forms(key: Key, origin: str) -> dict[str, str]:
    """Return what other programs call this key: name of the form → value. `origin` names the checkpoint's log."""
    loaded = Ed25519PublicKey.from_public_bytes(key.public)
    der = loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = loaded.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    go = (
        '{"keyid_hash_algorithms":["sha256","sha512"],"keytype":"ed25519",'
        f'"keyval":{{"public":"{key.public.hex()}"}},"scheme":"ed25519"}}'
    )
    fingerprint = base64.b64encode(hashlib.sha256(base64.b64decode(ssh.split(" ")[1])).digest()).decode("ascii").rstrip("=")
    return {
        "public key": key.public.hex(),
        "key id (in-toto, TUF, securesystemslib)": key.key_id,
        "key id (go-securesystemslib)": hashlib.sha256(go.encode("ascii")).hexdigest(),
        "key id (sigstore: SHA-256 of SPKI)": hashlib.sha256(der).hexdigest(),
        "key id (witness: SHA-256 of PEM)": hashlib.sha256(key.to_pem()).hexdigest(),
        "fingerprint (ssh)": f"SHA256:{fingerprint}",
        "OpenSSH": ssh,
        "checkpoint verifier key": verifier_key(origin, key),
    }
