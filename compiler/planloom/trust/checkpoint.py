"""The checkpoint: a signed commitment to every record there is, so that none can be taken away unnoticed.

The tree is that of RFC 6962 over the bytes of the record files; its head is a C2SP checkpoint
(https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md), a signed note of origin, size and root. `leaves.txt` lists the leaves
in order, one line each: index, leaf hash, path. A leaf never moves: records that are new go to the end, sorted by path.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import Difference, TrustError
from planloom.core.plainfile import read_plain
from planloom.records import merkle
from planloom.records.bodies import FOLDERS
from planloom.trust import note
from planloom.trust.policy import CHECKPOINT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.trust.policy import Policy, TrustedKey
    from planloom.trust.signer import NoteSigner

CHECKPOINT_PATH: Final = "artifacts/exports/checkpoint"
LEAVES_PATH: Final = "artifacts/exports/leaves.txt"
PORTFOLIO_PATH: Final = "artifacts/exports/portfolio.json"

_RECORD: Final = re.compile(rf"artifacts/(?:{'|'.join(sorted(set(FOLDERS.values())))})/[^/]+/[^/]+/[0-9]{{6,}}\.json")
_LEAF: Final = re.compile(r"(0|[1-9][0-9]*) ([0-9a-f]{64}) (\S+)")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


class CheckpointError(TrustError):
    """A checkpoint or list of leaves that does not hold; `code` is `E_CHECKPOINT`, `E_TRUNCATED` or `E_FORK`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: whose log, how many leaves, which root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def root_text(self) -> str:
        """The root in base64, as the file has it."""
        return base64.b64encode(self.root).decode("ascii")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf: its hash (32 bytes) and the path of its record, relative to the project."""

    hash: bytes
    path: str


def is_record_path(path: str) -> bool:
    """Return whether a record lies at this path (attachments and exports are none)."""
    return _RECORD.fullmatch(path) is not None


def build_checkpoint(
    records: Mapping[str, bytes], previous_leaves: bytes, origin: str, signer: NoteSigner
) -> tuple[bytes, bytes]:
    """Return the files `checkpoint` and `leaves.txt` over all records.

    Shape: `records` maps a path to a record file's bytes; other paths are ignored; `previous_leaves` is the list before, or b"".
    Guarantee: the list before is a prefix of the new one. Raises: CheckpointError when a record that was in it
    is gone (`E_TRUNCATED`) or has changed (`E_FORK`): nothing that hides a loss is ever signed.
    """
    leaves = list(check_leaves(records, previous_leaves))
    known = {leaf.path for leaf in leaves}
    fresh = sorted(path for path in records if is_record_path(path) and path not in known)
    leaves += [Leaf(merkle.leaf_hash(records[path]), path) for path in fresh]
    head = Checkpoint(origin, len(leaves), merkle.root_of([leaf.hash for leaf in leaves]))
    return note.sign_note(_text(head), origin, signer), write_leaves(leaves)


def check_leaves(records: Mapping[str, bytes], leaves: bytes) -> tuple[Leaf, ...]:
    """Return the leaves of the last checkpoint after seeing that each record is still there, unchanged.

    Raises: CheckpointError when one is gone (`E_TRUNCATED`) or has changed (`E_FORK`).
    """
    parsed = parse_leaves(leaves)
    for leaf in parsed:
        content = records.get(leaf.path)
        if content is None:
            message = f"{leaf.path}: this record was in the last checkpoint and is gone"
            raise CheckpointError(message, code="E_TRUNCATED", hint="restore it; planloom verify lists all that is missing")
        if merkle.leaf_hash(content) != leaf.hash:
            message = f"{leaf.path}: this record is not the one that was in the last checkpoint"
            raise CheckpointError(message, code="E_FORK", hint="restore it; planloom verify lists all that is broken")
    return parsed


def write_leaves(leaves: list[Leaf]) -> bytes:
    """Return `leaves.txt`."""
    return "".join(f"{i} {leaf.hash.hex()} {leaf.path}\n" for i, leaf in enumerate(leaves)).encode()


def parse_leaves(content: bytes) -> tuple[Leaf, ...]:
    """Return the leaves in order. Raises: CheckpointError (`E_CHECKPOINT`) unless `write_leaves` would write these bytes."""
    leaves: list[Leaf] = []
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _refusal(f"{LEAVES_PATH} is not text", Difference("the file", "UTF-8", "other bytes")) from error
    for index, line in enumerate(lines):
        shape = _LEAF.fullmatch(line)
        if shape is None or int(shape[1]) != index:
            told = Difference(f"line {index + 1}", f"{index} HASH PATH", ascii(line)[1:-1][:200])
            raise _refusal(f"{LEAVES_PATH}:{index + 1}: not the line of leaf {index}", told)
        leaves.append(Leaf(bytes.fromhex(shape[2]), shape[3]))
    if len({leaf.path for leaf in leaves}) != len(leaves):
        raise _refusal(f"{LEAVES_PATH} names a record twice", Difference("path", "each once", _first_twice(leaves)))
    if write_leaves(leaves) != content:
        told = Difference("the file", "a list of leaves as planloom writes it", "the same leaves in another spelling")
        raise _refusal(f"{LEAVES_PATH} is not written as planloom writes it", told)
    return tuple(leaves)


def parse_checkpoint(content: bytes) -> tuple[Checkpoint, note.Note]:
    """Return a checkpoint and its note, not verified. Raises: TrustError (`E_CHECKPOINT`)."""
    signed = note.parse_note(content)
    parts = signed.text.split("\n")
    told = Difference("the text", "origin, size and root, a line each, origin as signed", ascii(signed.text)[1:-1][:200])
    if len(parts) != 4 or parts[3] or not parts[0] or _SIZE.fullmatch(parts[1]) is None:
        raise _refusal("the checkpoint does not say origin, size and root", told)
    try:
        root = binascii.a2b_base64(parts[2], strict_mode=True)
    except ValueError as error:
        raise _refusal("the checkpoint's root can't be read", Difference("root", "32 bytes in base64", parts[2][:80])) from error
    head = Checkpoint(parts[0], int(parts[1]), root)
    if len(root) != 32 or _text(head) != signed.text or signed.name != head.origin:
        raise _refusal("the checkpoint does not say origin, size and root", told)
    return head, signed


def open_checkpoint(content: bytes, policy: Policy) -> tuple[Checkpoint, TrustedKey]:
    """Return a checkpoint and who signed it.

    Raises: TrustError `E_CHECKPOINT` (form), `E_SIGNATURE` (no key of the policy made it), `E_ROLE` (not the log's), `E_KEY_REVOKED`.
    """
    head, signed = parse_checkpoint(content)
    signer = next((trusted for trusted in policy.keys if signed.is_by(trusted.key)), None)
    if signer is None:
        message = "the checkpoint's signature is by no key of the policy, or does not match"
        told = Difference(
            "signature", "one by a key of the policy with the role log", f"one that names {signed.name}+{signed.key_hash.hex()}"
        )
        raise CheckpointError(message, code="E_SIGNATURE", hint="planloom keys list", difference=told)
    if not any(version.may(signer.key.key_id, CHECKPOINT) for version in policy.judges_of(max(0, head.size - 1))):
        message = f"the checkpoint is signed by {signer.name}, who may not sign checkpoints"
        roles = " or ".join(policy.events.get(CHECKPOINT, ())) or "nobody"
        told = Difference("signature", f"one by a key with the role {roles}", f"one by {signer.name} ({signer.key.key_id})")
        raise CheckpointError(message, code="E_ROLE", hint="planloom keys list", difference=told)
    if signer.revoked is not None and head.size > signer.revoked.at_size:
        message = f"the checkpoint is signed by {signer.name}, whose key is revoked from size {signer.revoked.at_size} on"
        told = Difference("size", f"at most {signer.revoked.at_size}", str(head.size))
        raise CheckpointError(message, code="E_KEY_REVOKED", hint="planloom keys list", difference=told)
    return head, signer


def open_leaves(head: Checkpoint, content: bytes) -> tuple[Leaf, ...]:
    """Return the leaves that a verified checkpoint commits to. Raises: CheckpointError (`E_CHECKPOINT`) when these are others."""
    leaves = parse_leaves(content)
    if len(leaves) != head.size:
        told = Difference("leaves", str(head.size), str(len(leaves)))
        raise _refusal(f"{LEAVES_PATH} has {len(leaves)} leaves, the checkpoint {head.size}", told)
    root = merkle.root_of([leaf.hash for leaf in leaves])
    if root != head.root:
        told = Difference("root", head.root.hex(), root.hex())
        raise _refusal(f"{LEAVES_PATH} has another root than the checkpoint", told)
    return leaves


def read_positions(root: Path, policy: Policy) -> dict[bytes, int]:
    """Return the place of every leaf in the checkpoint below a project's folder: leaf hash → index; empty when none holds."""
    try:
        checkpoint, leaves = read_plain(root / CHECKPOINT_PATH), read_plain(root / LEAVES_PATH)
    except OSError:
        return {}
    return find_positions(checkpoint, leaves, policy)


def find_positions(checkpoint: bytes, leaves: bytes, policy: Policy) -> dict[bytes, int]:
    """Return the place of every leaf in a checkpoint: leaf hash → index; empty when it does not hold."""
    try:
        head, _ = open_checkpoint(checkpoint, policy)
        listed = open_leaves(head, leaves)
    except TrustError:
        # Then nothing shows that a record is older than the revocation, and it does not count: the safe side.
        return {}
    return {leaf.hash: index for index, leaf in enumerate(listed)}


def _text(head: Checkpoint) -> str:
    return f"{head.origin}\n{head.size}\n{head.root_text}\n"


def _first_twice(leaves: list[Leaf]) -> str:
    paths = sorted(leaf.path for leaf in leaves)
    return next(path for path, after in itertools.pairwise(paths) if path == after)


def _refusal(reason: str, told: Difference) -> CheckpointError:
    hint = "planloom export   # writes a new one, once the records are sound"
    return CheckpointError(reason, code="E_CHECKPOINT", hint=hint, difference=told)
