"""A record together with who signed it and the names by which others refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planloom.records.references import Subject

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


def output_subjects(handoff: Signed) -> tuple[Subject, ...]:
    """Return the files that a handoff hands on: its subjects, but for the one that stands for the step itself."""
    record = handoff.record
    if record.step is None:
        return ()
    itself = Subject(f"{record.plan.name}/{record.step.key}", record.step.digest)
    return tuple(s for s in record.subjects if s != itself)
