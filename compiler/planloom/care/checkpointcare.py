"""The checkpoint: whether it can be trusted, lists records that are gone, or is behind the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.care.findings import Finding, from_error
from planloom.care.keycare import read_policy
from planloom.care.recordcare import find_owners
from planloom.core.errors import PlanloomError, TrustError
from planloom.core.plainfile import read_plain
from planloom.ledger.git import GitLedger
from planloom.ledger.layout import record_path
from planloom.ledger.open import open_ledger
from planloom.runtime.exporting import read_records
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, open_checkpoint, open_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.care.findings import Ground

_TOP: Final = "artifacts/"
COLLECT: Final = "planloom collect && planloom export && planloom collect --push"


class _Held(NamedTuple):
    """The records that there are, by path; the checkpoint over them (None: there is none) and its leaves; the command that brings both together."""

    records: frozenset[str]
    checkpoint: bytes | None
    leaves: bytes
    repair: str


def find_checkpoint_faults(ground: Ground) -> Iterator[Finding]:
    """Yield a checkpoint that can't be trusted, that lists records which are gone, or that is behind the records."""
    policy = read_policy(ground)
    try:
        held = _read(ground)
    except PlanloomError:
        return  # what keeps the ledger from being read is a finding of its own
    if policy is None or not held.records:
        return
    known: frozenset[str] = frozenset()
    if held.checkpoint is not None:
        try:
            head, _ = open_checkpoint(held.checkpoint, policy)
            known = frozenset(leaf.path for leaf in open_leaves(head, held.leaves))
        except TrustError as error:
            yield from_error("checkpoint", CHECKPOINT_PATH, error, "planloom verify")
            return
    for path in sorted(known - held.records):
        what = "this record was in the last checkpoint and is gone"
        yield Finding("E_TRUNCATED", path, what, "restore it from git or from a copy")
    newer = len(held.records - known)
    if newer:
        count = f"{newer} record{'' if newer == 1 else 's'} of {len(held.records)}"
        what = f"{count} in no checkpoint yet: they could be taken away unnoticed"
        yield Finding("checkpoint", CHECKPOINT_PATH, what, held.repair)


def _read(ground: Ground) -> _Held:
    """Return what the folder holds, or what the remote does: records in refs, the checkpoint on the ledger branch. Raises: PlanloomError."""
    ledger = open_ledger(ground.ledger, ground.root, ground.environment, ground.settings)
    if not isinstance(ledger, GitLedger):
        checkpoint, leaves = (ground.artifacts / path.removeprefix(_TOP) for path in (CHECKPOINT_PATH, LEAVES_PATH))
        return _Held(
            frozenset(read_records(ground.artifacts)),
            read_plain(checkpoint) if checkpoint.exists() else None,
            read_plain(leaves) if leaves.exists() else b"",
            "planloom export",
        )
    chains = ledger.read([f"{owner}/" for owner in find_owners(ledger)])
    paths = (
        record_path(entry.folder, name, index)
        for name, chain in chains.items()
        for index, entry in enumerate(chain.entries, start=1)
    )
    branch = ledger.branch_files()
    copied = {path: branch.get(path.removeprefix(_TOP)) for path in (CHECKPOINT_PATH, LEAVES_PATH)}
    return _Held(frozenset(_TOP + path for path in paths), copied[CHECKPOINT_PATH], copied[LEAVES_PATH] or b"", COLLECT)
