"""A record together with who signed it and the names by which others refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from planloom.records.record import Record


class Signed(NamedTuple):
    """A record as it lies in a ledger, after its envelope was opened.

    Shape: `digest` is the SHA-256 of the payload (what other records name), `key_id` the key of the policy whose signature
    was verified.
    """

    record: Record
    digest: str
    key_id: str
