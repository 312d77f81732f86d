"""A false alarm is as bad as a missed attack: honest histories verify, however they came about."""

import pytest

from planloom.trust.verify import Request, verify
from trust.random_histories import random_world


def alarms(tmp_path, seeds):
    events = set()
    for seed in seeds:
        history = random_world(tmp_path, seed).history()
        result = verify(history, Request())
        events.update(event for item in result.items for event in item.events)
        if result.findings:
            yield seed, result.findings
    yield events


COMMON = {
    "opened", "claimed", "completed", "failed", "approved", "rejected", "abandoned", "refused", "retried", "integrated", "reverted", "invalidated", "closed", "acquired", "released", "superseded", "migrated",
}  # fmt: skip


def test_random_honest_histories_verify(tmp_path):
    *false, events = alarms(tmp_path, range(50))
    assert false == []
    assert events >= COMMON - {"superseded", "retried", "refused"}


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_thousand_random_honest_histories_verify(tmp_path):
    *false, events = alarms(tmp_path, range(1000, 2000))
    assert false == []
    assert events == COMMON
