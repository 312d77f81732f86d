"""What a key has signed: which records would stop counting, or begin to, when it is revoked at a place in the checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planloom.core.errors import TrustError
from planloom.records import envelope, merkle
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, find_positions, is_record_path, open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.trust.keys import Key
    from planloom.trust.policy import Policy


class Reach(NamedTuple):
    """How far a checkpoint goes (`size`, 0 without one), and the records of a key by path, each with its place in it or None."""

    size: int
    records: Mapping[str, int | None]

    def beyond(self, size: int) -> tuple[str, ...]:
        """Return the records that don't count when the key is revoked from this size on."""
        return tuple(path for path, place in self.records.items() if place is None or place >= size)


def find_reach(files: Mapping[str, bytes], key: Key, policy: Policy) -> Reach:
    """Return what a key has signed in a history's files, sorted by path. Raises: TrustError when there is a checkpoint that does not hold."""
    checkpoint = files.get(CHECKPOINT_PATH)
    size = open_checkpoint(checkpoint, policy)[0].size if checkpoint is not None else 0
    places = find_positions(checkpoint or b"", files.get(LEAVES_PATH, b""), policy)
    found = sorted(path for path, content in files.items() if is_record_path(path) and _is_by(content, key))
    return Reach(size, {path: places.get(merkle.leaf_hash(files[path])) for path in found})


def _is_by(content: bytes, key: Key) -> bool:
    try:
        opened = envelope.decode(content)
    except TrustError:
        return False  # verify tells of it; it counts in no case
    # A record that names another key than its signer's is refused by everybody, so most signatures need not be looked at.
    return opened.key_id == key.key_id and key.verifies(opened.signature, envelope.pae(envelope.PAYLOAD_TYPE, opened.payload))
