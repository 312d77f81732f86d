"""Times: they are only stated, by clocks that may differ a little, but they must not run backwards by more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from planloom.records.bodies import Claimed, Finished
from planloom.trust.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.trust.audit.evidence import Evidence

TOLERANCE: Final = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""


def later_than(moment: str, other: str) -> bool:
    """Return whether a timestamp is later than another by more than clocks may differ."""
    # Most are in order, and timestamps of fixed width compare as text.
    if moment <= other:
        return False
    try:
        return _read(moment) - _read(other) > TOLERANCE
    except ValueError:
        return True


def check_times(evidence: Evidence) -> Iterator[Finding]:
    """Yield records that state a time before what they follow from: the entry before, the handoffs they build on."""
    for chain in evidence.chains.values():
        before = ""
        for path, signed in chain.sound():
            record = signed.record
            if not _is_moment(record.at):
                yield Finding("E_TIME", path, "there is no such time", "at", "a moment of the calendar", record.at)
                continue
            if before and later_than(before, record.at):
                yield Finding("E_TIME", path, "it states a time before the record that it follows", "at", before, record.at)
            body = record.body
            if isinstance(body, Claimed):
                for dependency in body.depends_on:
                    handoff = evidence.by_digest.get(dependency.digest)
                    if handoff is not None and later_than(handoff.record.at, record.at):
                        message = f"it states a time before the handoff of {dependency.step} that it builds on"
                        yield Finding("E_TIME", path, message, "at", handoff.record.at, record.at)
            if isinstance(body, Finished) and later_than(body.started, body.finished):
                yield Finding("E_TIME", path, "it ends before it starts", "finished", body.started, body.finished)
            before = max(before, record.at)


def _is_moment(moment: str) -> bool:
    try:
        _read(moment)
    except ValueError:
        return False
    return True


def _read(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
