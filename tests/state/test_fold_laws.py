"""Laws of folding a step's chain, for any sequence of records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planloom.state.machine import IllegalRecord, Status, apply, fold, initial
from strategies import WORDS, StepWriter, words


def follow(sequence, attempts):
    """Yield (word, before, after) of each record that is allowed; those that are not are skipped, as a ledger would never hold them."""
    writer, state = StepWriter(), initial(attempts)
    for word in sequence:
        signed = writer.write(word, state)
        try:
            after = apply(state, signed)
        except IllegalRecord:
            continue
        yield signed, word, state, after
        state = after


@given(words, st.integers(1, 4))
def test_any_record_leads_to_a_state_or_is_refused_as_illegal(sequence, attempts):
    writer, state = StepWriter(), initial(attempts)
    for word in sequence:
        try:
            state = apply(state, writer.write(word, state))
        except IllegalRecord:
            return
    assert state.attempt <= len(sequence)


@given(words, st.integers(1, 4))
def test_the_fence_never_goes_back_and_rises_by_one_with_each_claim(sequence, attempts):
    for _, word, before, after in follow(sequence, attempts):
        assert after.attempt == before.attempt + (word == "claimed")


@given(words, st.integers(1, 4))
def test_a_step_has_a_claim_exactly_while_it_runs(sequence, attempts):
    for _, _, _, after in follow(sequence, attempts):
        assert (after.claim is not None) == (after.status is Status.RUNNING)


@given(words, st.integers(1, 4))
def test_work_counts_exactly_while_the_step_is_done_or_integrated(sequence, attempts):
    for _, _, _, after in follow(sequence, attempts):
        assert after.is_valid == (after.status in {Status.DONE, Status.INTEGRATED})


@given(words, st.integers(1, 4))
def test_two_claims_are_never_open_at_once(sequence, attempts):
    open_claims = 0
    for _, word, before, after in follow(sequence, attempts):
        if word == "claimed":
            assert before.claim is None
            open_claims += 1
        if before.claim is not None and after.claim is None:
            open_claims -= 1
        assert open_claims == (1 if after.claim else 0)


@given(words, st.integers(1, 4))
def test_no_more_automatic_attempts_fail_than_the_plan_allows(sequence, attempts):
    failed = 0
    for _, word, before, after in follow(sequence, attempts):
        if word in {"invalidated", "reverted"} or (word == "retried" and before.is_valid):
            failed = 0
        elif word == "retried":
            failed -= 1
        elif word == "failed" and not before.stale:
            failed += 1
        assert failed <= attempts
        assert (after.status is Status.FAILED) <= (failed == attempts)


@given(words, st.integers(1, 4), st.integers(0, 40))
def test_folding_a_prefix_and_then_the_rest_is_folding_the_whole(sequence, attempts, cut):
    records = [signed for signed, *_ in follow(sequence, attempts)]
    state = fold(records[:cut], attempts)
    for signed in records[cut:]:
        state = apply(state, signed)
    assert state == fold(records, attempts)


@given(words, st.integers(1, 4), st.sampled_from(WORDS))
def test_a_refused_record_changes_nothing(sequence, attempts, word):
    del word
    for _, event, before, after in follow(sequence, attempts):
        if event == "refused":
            assert after == before


@given(words, st.integers(1, 4))
def test_every_state_can_still_end_well(sequence, attempts):
    writer, state = StepWriter(), initial(attempts)
    for word in sequence:
        try:
            state = apply(state, writer.write(word, state))
        except IllegalRecord:
            continue
    way = {Status.FAILED: "retried", Status.PENDING: "claimed", Status.RUNNING: "completed"}
    for _ in range(4):
        if state.is_valid:
            break
        word = "superseded" if state.stale else way[state.status]
        state = apply(state, writer.write(word, state))
    assert state.is_valid or state.status is Status.RUNNING
