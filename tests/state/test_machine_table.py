"""The table of the state machine, row by row, and what is not in it."""

from __future__ import annotations

import pytest

from planloom.state.machine import TRANSITIONS, IllegalRecord, Status, apply, initial
from strategies import StepWriter

REACH = {
    Status.PENDING: [],
    Status.RUNNING: ["claimed"],
    Status.DONE: ["claimed", "completed"],
    Status.INTEGRATED: ["claimed", "completed-post"],
    Status.FAILED: ["claimed", "failed"],
}
EVENTS = [
    "claimed",
    "completed",
    "failed",
    "superseded",
    "abandoned",
    "invalidated",
    "integrated",
    "reverted",
    "retried",
    "refused",
]


def reach(status, attempts=1):
    writer = StepWriter()
    state = initial(attempts)
    for word in REACH[status]:
        state = apply(state, writer.write(word, state))
    assert state.status is status
    return state, writer


ROWS = [
    (Status.PENDING, "claimed", Status.RUNNING),
    (Status.RUNNING, "completed", Status.DONE),
    (Status.RUNNING, "completed-post", Status.INTEGRATED),
    (Status.RUNNING, "failed", Status.FAILED),
    (Status.RUNNING, "superseded", Status.PENDING),
    (Status.RUNNING, "abandoned", Status.PENDING),
    (Status.RUNNING, "invalidated", Status.RUNNING),
    (Status.DONE, "integrated", Status.INTEGRATED),
    (Status.DONE, "invalidated", Status.PENDING),
    (Status.DONE, "retried", Status.PENDING),
    (Status.INTEGRATED, "reverted", Status.PENDING),
    (Status.INTEGRATED, "invalidated", Status.PENDING),
    (Status.FAILED, "retried", Status.PENDING),
    (Status.FAILED, "invalidated", Status.PENDING),
    (Status.PENDING, "invalidated", Status.PENDING),
    *((status, "refused", status) for status in Status),
]


@pytest.mark.parametrize(("before", "word", "after"), ROWS)
def test_a_row_of_the_table_leads_where_it_says(before, word, after):
    state, writer = reach(before)
    assert apply(state, writer.write(word, state)).status is after


def test_the_table_has_these_rows_and_no_others():
    assert set(TRANSITIONS) == {(before, word.removesuffix("-post")) for before, word, _ in ROWS}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("event", EVENTS)
def test_what_is_not_in_the_table_is_refused(status, event):
    if (status, event) in TRANSITIONS:
        return
    state, writer = reach(status)
    with pytest.raises(IllegalRecord) as refused:
        apply(state, writer.write(event, state))
    assert refused.value.code in {"E_STATE", "E_ATTEMPT_TWICE"}


def test_a_failure_leaves_the_step_pending_while_attempts_are_left():
    state, writer = reach(Status.RUNNING, attempts=2)
    assert apply(state, writer.write("failed", state)).status is Status.PENDING


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_claim_takes_the_next_number_and_no_other(number):
    state, writer = reach(Status.PENDING)
    with pytest.raises(IllegalRecord) as refused:
        apply(state, writer.write("claimed", state, number=number))
    assert refused.value.code == "E_CLAIM"


@pytest.mark.parametrize("event", ["completed", "failed", "superseded", "abandoned"])
@pytest.mark.parametrize("wrong", ["claim", "attempt"])
def test_an_end_names_the_open_claim_and_its_attempt(event, wrong):
    state, writer = reach(Status.RUNNING)
    signed = writer.write(event, state, claim="f" * 64) if wrong == "claim" else writer.write(event, state, number=7)
    with pytest.raises(IllegalRecord) as refused:
        apply(state, signed)
    assert refused.value.code == "E_CLAIM"


def test_what_was_built_on_invalidated_inputs_cannot_be_completed():
    state, writer = reach(Status.RUNNING)
    stale = apply(state, writer.write("invalidated", state))
    with pytest.raises(IllegalRecord) as refused:
        apply(stale, writer.write("completed", stale))
    assert refused.value.code == "E_DEPENDENCY"


@pytest.mark.parametrize("word", ["superseded", "failed", "abandoned"])
def test_a_stale_claim_ends_without_using_up_the_fresh_budget(word):
    state, writer = reach(Status.RUNNING)
    stale = apply(state, writer.write("invalidated", state))
    ended = apply(stale, writer.write(word, stale))
    assert (ended.status, ended.used, ended.allowed, ended.stale) == (Status.PENDING, 0, 1, False)


@pytest.mark.parametrize("event", ["abandoned", "cancelled"])
def test_abandoned_and_cancelled_attempts_use_up_nothing(event):
    state, writer = reach(Status.RUNNING)
    ended = apply(state, writer.write(event, state))
    assert (ended.status, ended.used, ended.attempt) == (Status.PENDING, 0, 1)


def test_a_retry_grants_exactly_one_more_attempt():
    state, writer = reach(Status.FAILED)
    for word, status in (("retried", Status.PENDING), ("claimed", Status.RUNNING), ("failed", Status.FAILED)):
        state = apply(state, writer.write(word, state))
        assert state.status is status


def test_invalidation_gives_a_fresh_budget_and_keeps_the_fence():
    state, writer = reach(Status.FAILED)
    again = apply(state, writer.write("invalidated", state))
    assert (again.used, again.allowed, again.attempt, again.handoff) == (0, 1, 1, None)
    assert apply(again, writer.write("claimed", again)).attempt == 2


def test_records_of_an_older_version_of_the_step_are_judged_by_their_own_budget():
    # Three attempts were allowed when these were made; the plan that the work item has moved to allows one.
    writer = StepWriter(digest="0" * 64)
    state = initial(1, "1" * 64)
    for word in ("claimed", "failed", "claimed", "failed"):
        state = apply(state, writer.write(word, state))
    state = apply(state, writer.write("invalidated", state))
    newer = StepWriter(digest="1" * 64, writer=writer)
    for word, status in (("claimed", Status.RUNNING), ("failed", Status.FAILED)):
        state = apply(state, newer.write(word, state))
        assert state.status is status


def test_a_retry_in_an_older_version_stays_legal_when_the_budget_grows():
    writer = StepWriter(digest="0" * 64)
    state = initial(5, "1" * 64)
    for word in ("claimed", "failed", "retried", "claimed"):
        state = apply(state, writer.write(word, state))
    assert state.status is Status.RUNNING
