"""Where private keys come from: a variable, a file, the project's `.planloom/`, the user's configuration directory."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from planloom.core.errors import InputError, StoreError, TrustError
from planloom.ledger import disk
from planloom.trust.keys import Key, PrivateKey
from planloom.trust.policy import CI_ROLES, YOUR_ROLES
from planloom.trust.policyjournal import finish_left

if TYPE_CHECKING:
    from planloom.core.ports import Environment
    from planloom.trust.policy import Policy, TrustedKey

KEY_FOLDER: Final = ".planloom"
YOU: Final = "you"
CI: Final = "ci"

DUTIES: Final = {CI: CI_ROLES, YOU: YOUR_ROLES}
"""What is signed as whom; any of these roles is some use for it."""

VARIABLE: Final = "PLANLOOM_SIGNING_KEY"
VARIABLE_FILE: Final = "PLANLOOM_SIGNING_KEY_FILE"
VARIABLE_PASSPHRASE: Final = "PLANLOOM_SIGNING_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable, not a secret
SECRET_VARIABLES: Final = (VARIABLE, VARIABLE_FILE, VARIABLE_PASSPHRASE)
"""What must never reach a step's command."""

_MAX_BYTES: Final = 64 * 1024
_OPENSSH: Final = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_PLAIN: Final = re.compile(rb"-----BEGIN PRIVATE KEY-----\r?\n([A-Za-z0-9+/]{64})\r?\n-----END PRIVATE KEY-----")
_PKCS8_ED25519: Final = bytes.fromhex("302e020100300506032b657004220420")
"""What comes before the 32 secret bytes: version 0, the algorithm 1.3.101.112, two octet string headers."""


def find_signing_key(name: str, root: Path, environment: Environment) -> PrivateKey:
    """Return the key to sign with.

    Looked for in this order: the variable `PLANLOOM_SIGNING_KEY` (PEM, or base64 of PEM), the file that
    `PLANLOOM_SIGNING_KEY_FILE` names, `.planloom/<name>.pem` below `root`, `planloom/<name>.pem` in the user's configuration
    directory. `name` is `you` for decisions of people and `ci` for what a runner records. A rotation that was cut off is finished first.
    Raises: TrustError (`E_NO_KEY`) when there is none, (`E_KEY`) when the one found can't be used: a broken key
    is never passed over for the next place.
    """
    passphrase = environment.get(VARIABLE_PASSPHRASE)
    text = environment.get(VARIABLE)
    if text:
        return parse_private_key(_repair(text), passphrase, VARIABLE)
    named = environment.get(VARIABLE_FILE)
    if named:
        return read_private_key(Path(named), passphrase, VARIABLE_FILE)
    finish_left(root)
    places = [root / KEY_FOLDER / f"{name}.pem", *_configured(name, environment)]
    for place in places:
        if place.exists():
            return read_private_key(place, passphrase)
    message = f"there is no key '{name}' to sign with: neither {VARIABLE} nor {KEY_FOLDER}/{name}.pem"
    in_job = f", or set the secret {VARIABLE} in this job" if name == CI else ""
    raise TrustError(message, hint=_advise(name, root, passphrase) + in_job, code="E_NO_KEY")


def _advise(name: str, root: Path, passphrase: str) -> str:
    """Return what gives a machine without this key one to sign with: a key that is here under another name, else one of its own."""
    from planloom.trust.policyfiles import load_policy

    try:
        policy = load_policy(root)
    except TrustError:
        return f"planloom keys new {name}"
    needed = set(DUTIES[name])
    for path in sorted((root / KEY_FOLDER).glob("*.pem")):
        trusted = find_held(path, policy, passphrase) or policy.named(path.stem)
        if trusted is not None and trusted.revoked is None and needed & set(trusted.roles):
            return (
                f"export {VARIABLE_FILE}={shlex.quote(str(path))}   # the key of {trusted.name} is here: then repeat the command"
            )
    if policy.named(name) is None:
        return f"planloom keys new {name}"
    first = f"the policy's key '{name}' lies elsewhere: copy it to {KEY_FOLDER}/{name}.pem, or make one of your own: planloom keys new NAME"
    return f"{first}; whoever is root puts another in its place: planloom keys rotate {name}" if name == CI else first


def find_held(path: Path, policy: Policy, passphrase: str = "") -> TrustedKey | None:
    """Return the policy's entry for the key that a file holds; None when it has none, or nobody can look into the file now."""
    try:
        return policy.find(read_private_key(path, passphrase).key_id)
    except TrustError:
        return None


def read_private_key(path: Path, passphrase: str = "", shown: str = "") -> PrivateKey:
    """Return the key in a file.

    Raises: TrustError (`E_KEY`) when the file can't be read, others than its owner can read it, or it holds no usable key.
    """
    label = shown or f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        message = f"{label}: the key can't be read: {error.strerror}"
        raise TrustError(message, hint="planloom keys list", code="E_KEY") from error
    key = parse_private_key(content, passphrase, label)
    if mode & 0o077 and not is_encrypted(content):
        import shlex

        message = f"{label}: others can read this key (mode {mode:04o}); think about who may have"
        raise TrustError(message, hint=f"chmod 600 {shlex.quote(str(path))}", code="E_KEY")
    return key


def parse_private_key(content: bytes, passphrase: str, label: str) -> PrivateKey:
    """Return the Ed25519 key in a PKCS8 PEM or OpenSSH file. Raises: TrustError (`E_KEY`); no message quotes the key."""
    seed = _plain_seed(content)
    if seed is not None:
        return PrivateKey.from_seed(seed)
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    secret = passphrase.encode("utf-8") if passphrase and is_encrypted(content) else None
    if is_encrypted(content) and secret is None:
        raise _refusal(label, "it is encrypted", f"set {VARIABLE_PASSPHRASE}")
    load = load_ssh_private_key if content.lstrip().startswith(_OPENSSH) else load_pem_private_key
    try:
        loaded = load(content, secret)
    except UnsupportedAlgorithm as error:
        hint = "pip install planloom[openssh], or rewrite it: ssh-keygen -p -m PKCS8 -f FILE"
        raise _refusal(label, "its encryption is not supported here", hint) from error
    except (ValueError, TypeError) as error:
        why = "the passphrase is wrong or it is damaged" if secret else "it is not a private key in PEM"
        raise _refusal(label, why, "planloom keys new NAME   # makes one") from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise _refusal(label, "it is not an Ed25519 key", "planloom keys new NAME   # makes one")
    return PrivateKey(loaded)


def _plain_seed(content: bytes) -> bytes | None:
    """Return the secret in the one form that we write ourselves: an unencrypted PKCS8 PEM of an Ed25519 key (RFC 8410 section 7).

    Anything else is None and goes to the library, whose import costs a runner more than its claim.
    """
    shape = _PLAIN.fullmatch(content.strip())
    der = base64.b64decode(shape[1]) if shape else b""
    return der[len(_PKCS8_ED25519) :] if len(der) == 48 and der.startswith(_PKCS8_ED25519) else None


def parse_public_key(content: bytes, label: str) -> Key:
    """Return the public key in a PEM or OpenSSH public key file, or in 64 hex digits. Raises: TrustError (`E_KEY`)."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

    text = content.strip()
    try:
        if len(text) == 64:
            return Key.from_hex(text.decode("ascii"))
        loaded = load_ssh_public_key(text) if text.startswith(b"ssh-") else load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal(label, "it is not a public key", "give a .pub file, a PEM file or 64 hex digits") from error
    if not isinstance(loaded, Ed25519PublicKey):
        raise _refusal(label, "it is not an Ed25519 key", "planloom keys new NAME   # makes one")
    return Key(loaded.public_bytes_raw())


def write_private_key(path: Path, key: PrivateKey, passphrase: str = "") -> None:
    """Write a new key file, readable by its owner only, whole or not at all.

    Raises: InputError when the file is there already, StoreError when the disk refuses.
    """
    shown = f"{path.parent.name}/{path.name}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write_whole(path, key.to_pem(passphrase), 0o600)
    except FileExistsError as error:
        message = f"{shown}: there is a key already"
        raise InputError(message, hint="choose another name; a key is never overwritten") from error
    except OSError as error:
        message = f"{shown}: the key can't be written: {error.strerror or error}; nothing was"
        raise StoreError(message, hint=disk.HINTS.get(error.errno or 0, "planloom doctor   # looks for what is wrong")) from error


def is_encrypted(content: bytes) -> bool:
    """Return whether a private key file asks for a passphrase."""
    text = content.lstrip()
    if text.startswith(_ENCRYPTED) or b"Proc-Type: 4,ENCRYPTED" in text:
        return True
    if not text.startswith(_OPENSSH):
        return False
    try:
        body = binascii.a2b_base64(b"".join(line for line in text.splitlines() if b"-" not in line))
    except binascii.Error:
        return False
    # openssh PROTOCOL.key: magic, then the cipher's name as a length-prefixed string.
    return not body.startswith(b"openssh-key-v1\0\x00\x00\x00\x04none")


def _configured(name: str, environment: Environment) -> list[Path]:
    folder = environment.get("XDG_CONFIG_HOME")
    home = environment.get("HOME")
    if folder:
        return [Path(folder) / "planloom" / f"{name}.pem"]
    return [Path(home) / ".config" / "planloom" / f"{name}.pem"] if home else []


def _repair(text: str) -> bytes:
    r"""Return PEM bytes from what people store as a secret: PEM, PEM with literal `\n`, or base64 of PEM."""
    plain = text.strip().replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n")
    if not plain.startswith("-----BEGIN"):
        try:
            return base64.b64decode("".join(plain.split()), validate=True)
        except (binascii.Error, ValueError):
            return plain.encode("utf-8", "replace")
    return plain.encode("utf-8", "replace") + b"\n"


def _refusal(label: str, reason: str, hint: str) -> TrustError:
    return TrustError(f"{label}: this key can't be used: {reason}", hint=hint, code="E_KEY")
