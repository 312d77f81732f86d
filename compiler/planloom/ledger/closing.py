"""Whether an entry closes its work item: the one thing that the git ledger has to understand of what it stores."""

from __future__ import annotations

from planloom.core.errors import TrustError
from planloom.records.envelope import decode
from planloom.records.record import Record


def closes_item(content: bytes) -> bool:
    """Return whether the bytes are a record of the event `closed`. Nothing is verified; that is the reader's."""
    try:
        return Record.from_payload(decode(content).payload).event == "closed"
    except TrustError:
        return False
