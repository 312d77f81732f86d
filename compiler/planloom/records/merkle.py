"""The Merkle tree of RFC 6962 section 2.1 with SHA-256: what a root commits to, and how it is computed.

Source: https://www.rfc-editor.org/rfc/rfc6962#section-2.1
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes; the prefix 0 keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(entries: Iterable[bytes]) -> bytes:
    """Return the root over the entries (MTH of the RFC), 32 bytes."""
    return root_of([leaf_hash(entry) for entry in entries])


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaves that are already hashed, 32 bytes.

    The RFC splits at the largest power of two below the size. Pairing neighbours level by level and carrying an odd last
    node up unchanged gives the same tree, without recursion.
    """
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]
