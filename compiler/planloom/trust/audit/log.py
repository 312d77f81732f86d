"""The checkpoint against the files: nothing that it lists is gone or changed, and it contains the one that the caller had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core.errors import TrustError
from planloom.records import merkle
from planloom.trust.audit.findings import Finding
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, Checkpoint, Leaf, open_checkpoint, open_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.trust.audit.history import History
    from planloom.trust.policy import Policy, TrustedKey


@dataclass(frozen=True, slots=True)
class Log:
    """A checkpoint whose signature and leaves hold."""

    head: Checkpoint
    signer: TrustedKey
    leaves: tuple[Leaf, ...]


def read_log(history: History, policy: Policy) -> tuple[Log | None, list[Finding]]:
    """Return the history's checkpoint, or None when there is none or it does not hold."""
    head_bytes, leaves_bytes = history.files.get(CHECKPOINT_PATH), history.files.get(LEAVES_PATH)
    if head_bytes is None and leaves_bytes is None:
        return None, []
    if head_bytes is None or leaves_bytes is None:
        gone = CHECKPOINT_PATH if head_bytes is None else LEAVES_PATH
        message = "the checkpoint and its list of leaves belong together, and this file is gone"
        return None, [Finding("E_CHECKPOINT", gone, message, "the file", "there, beside the other one", "no file")]
    try:
        head, signer = open_checkpoint(head_bytes, policy)
    except TrustError as error:
        return None, [Finding.of(error, CHECKPOINT_PATH)]
    try:
        return Log(head, signer, open_leaves(head, leaves_bytes)), []
    except TrustError as error:
        return None, [Finding.of(error, LEAVES_PATH)]


def check_log(log: Log, history: History, broken: Mapping[str, Finding]) -> Iterator[Finding]:
    """Yield records that the checkpoint lists and that are gone or changed; those in `broken` are reported there already."""
    hashes = {path: merkle.leaf_hash(history.files[path]) for path in history.records()}
    listed = {leaf.path for leaf in log.leaves}
    unlisted = {found: path for path, found in hashes.items() if path not in listed}
    for leaf in log.leaves:
        found = hashes.get(leaf.path)
        if found is None and leaf.hash in unlisted:
            message = f"it calls the record {unlisted[leaf.hash]} by another path"
            yield Finding("E_CHECKPOINT", LEAVES_PATH, message, "path", unlisted[leaf.hash], leaf.path)
        elif found is None:
            message = "the checkpoint lists this record, and it is gone"
            yield Finding("E_TRUNCATED", leaf.path, message, "leaf", leaf.hash.hex(), "no file")
        elif found != leaf.hash and leaf.path not in broken:
            message = "the checkpoint has another record in this place"
            yield Finding("E_FORK", leaf.path, message, "leaf", leaf.hash.hex(), found.hex())


def check_since(log: Log | None, since: bytes, policy: Policy) -> Iterator[Finding]:
    """Yield why an older checkpoint is not contained in this one."""
    try:
        old, _ = open_checkpoint(since, policy)
    except TrustError as error:
        yield Finding.of(error, "--since", message=f"the older checkpoint: {error.message}")
        return
    if log is None:
        message = f"there is no sound checkpoint, and you had one over {old.size} records"
        yield Finding("E_ROLLBACK", CHECKPOINT_PATH, message, "size", str(old.size), "no sound checkpoint")
    elif old.origin != log.head.origin:
        message = "it is the checkpoint of another log than the one you had"
        yield Finding("E_SPLIT_VIEW", CHECKPOINT_PATH, message, "origin", old.origin, log.head.origin)
    elif old.size > log.head.size:
        message = f"it covers {log.head.size} records, and the one you had {old.size}"
        yield Finding("E_ROLLBACK", CHECKPOINT_PATH, message, "size", str(old.size), str(log.head.size))
    elif (root := merkle.root_of([leaf.hash for leaf in log.leaves[: old.size]])) != old.root:
        message = f"its first {old.size} records are not those of the checkpoint you had"
        yield Finding("E_SPLIT_VIEW", CHECKPOINT_PATH, message, "root", old.root.hex(), root.hex())
