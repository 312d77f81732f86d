"""Opening every record of a history, on several threads: the signature is most of the work, and it runs without the lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from planloom.core.errors import TrustError
from planloom.records import merkle
from planloom.trust.audit.findings import Finding
from planloom.trust.opener import open_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.records.signed import Signed
    from planloom.trust.checkpoint import Leaf
    from planloom.trust.policy import Policy

_BATCH = 64


def open_records(
    contents: Mapping[str, bytes], policy: Policy, leaves: Sequence[Leaf], workers: int
) -> tuple[dict[str, Signed], dict[str, Finding]]:
    """Return the records that can be believed, and for each other file why it can't; both by path, sorted.

    `leaves` are those of a verified checkpoint: a record in it counts although its key was revoked later.
    """
    positions = find_places(contents, policy, leaves)
    paths = sorted(contents)
    batches = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]

    def open_batch(batch: Sequence[str]) -> list[Signed | Finding]:
        return [_open(path, contents[path], policy, positions.get(path)) for path in batch]

    if workers > 1 and len(batches) > 1:
        with ThreadPoolExecutor(workers) as pool:
            results = [result for batch in pool.map(open_batch, batches) for result in batch]
    else:
        results = [result for batch in batches for result in open_batch(batch)]
    opened: dict[str, Signed] = {}
    broken: dict[str, Finding] = {}
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, Finding):
            broken[path] = result
        else:
            opened[path] = result
    return opened, broken


def _open(path: str, content: bytes, policy: Policy, position: int | None) -> Signed | Finding:
    try:
        return open_record(content, policy, position)
    except TrustError as error:
        return Finding.of(error, path)


def find_places(contents: Mapping[str, bytes], policy: Policy, leaves: Sequence[Leaf]) -> dict[str, int]:
    """Return the places of records in the checkpoint; empty when nobody asks."""
    if not policy.asks_for_places:
        return {}
    return {
        leaf.path: index
        for index, leaf in enumerate(leaves)
        if leaf.path in contents and merkle.leaf_hash(contents[leaf.path]) == leaf.hash
    }
