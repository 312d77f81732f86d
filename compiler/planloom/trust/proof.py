"""A proof that one record is in the log: checkpoint and Merkle path in a file of their own.

Format: C2SP tlog-proof v1 (https://github.com/C2SP/C2SP/blob/main/tlog-proof.md): `c2sp.org/tlog-proof@v1`, `extra <base64>` (here the record's
path; it may be missing, and nothing proves it: a reader of the file sees what it is about), `index <n>`, the sibling hashes in base64 from the lowest up, an
empty line, the checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import InputError, TrustError
from planloom.records import merkle
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, Checkpoint, open_checkpoint, open_leaves, parse_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.trust.policy import Policy, TrustedKey

PROOF_START: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,15})")


class ProofError(TrustError):
    """A proof that does not hold; `code` is `E_PROOF`."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows: the record is leaf `index` of a checkpoint signed by `signer`."""

    index: int
    head: Checkpoint
    signer: TrustedKey


def write_proof(path: str, files: Mapping[str, bytes]) -> bytes:
    """Return the proof for the record at a path of a history. Raises: InputError when no checkpoint covers it."""
    if CHECKPOINT_PATH not in files or LEAVES_PATH not in files:
        raise InputError("there is no checkpoint to prove anything with", hint="planloom export")
    head, _ = parse_checkpoint(files[CHECKPOINT_PATH])
    leaves = open_leaves(head, files[LEAVES_PATH])
    index = next((i for i, leaf in enumerate(leaves) if leaf.path == path), None)
    if index is None:
        message = f"{path}: the checkpoint has no record of this path"
        raise InputError(message, hint=f"planloom export   # covers new records; {LEAVES_PATH} lists those that are covered")
    siblings = merkle.inclusion_proof([leaf.hash for leaf in leaves], index)
    lines = [PROOF_START, f"extra {_base64(path.encode())}", f"index {index}", *map(_base64, siblings)]
    return "\n".join([*lines, "", ""]).encode() + files[CHECKPOINT_PATH]


def verify_proof(proof: bytes, record: bytes, policy: Policy) -> Proven:
    """Return what a proof shows about a record file's bytes. Raises: TrustError (`E_PROOF`, or those of the checkpoint)."""
    upper, gap, checkpoint = proof.partition(b"\n\n")
    try:
        start, *lines = upper.decode("ascii").split("\n")
        if lines and lines[0].startswith("extra "):
            _bytes(lines.pop(0).removeprefix("extra "))
        index_line, *siblings = lines
        hashes = [_bytes(line) for line in siblings]
    except ValueError as error:
        raise ProofError("not a proof: its form is wrong", code="E_PROOF") from error
    number = _INDEX.fullmatch(index_line)
    if not gap or start != PROOF_START or number is None:
        raise ProofError("not a proof: its form is wrong", code="E_PROOF")
    head, signer = open_checkpoint(checkpoint, policy)
    index = int(number[1])
    if not merkle.includes(merkle.leaf_hash(record), index, head.size, hashes, head.root):
        raise ProofError("the proof does not show that this record is in the checkpoint", code="E_PROOF")
    return Proven(index, head, signer)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    content = binascii.a2b_base64(text, strict_mode=True)
    if _base64(content) != text:
        message = "base64"
        raise ValueError(message)
    return content
