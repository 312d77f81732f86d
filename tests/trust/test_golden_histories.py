"""Histories as every released version wrote them still verify."""

import pytest

from planloom.records.bodies import FIELDS
from planloom.records.record import SCHEMA_VERSION
from planloom.trust.bundle import read_bundle
from planloom.trust.verify import Request, verify
from trust.make_golden import FOLDER

BUNDLES = sorted(FOLDER.glob("*.bundle"))


def test_there_is_a_golden_history_of_the_schema_that_is_written_now():
    assert FOLDER / f"records-v{SCHEMA_VERSION}.bundle" in BUNDLES


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_a_golden_history_verifies_and_has_every_event(path):
    found = verify(read_bundle(path.read_bytes()), Request())
    assert found.findings == ()
    events = {event for item in found.items for event in item.events}
    assert events == set(FIELDS)
