"""A record together with who signed it and the names by which others refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planloom.records.record import Record


@dataclass(frozen=True, slots=True)
class Signed:
    """A record as it lies in a ledger, after its envelope was opened.

    Shape: `digest` is the SHA-256 of the payload (what other records name), `key_id` the key of the policy whose signature
    was verified.
    """

    record: Record
    digest: str
    key_id: str
