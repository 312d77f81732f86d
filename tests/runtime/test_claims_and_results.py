"""Claiming and completing over a ledger in memory: who gets a step, what counts, and what is given back."""

from __future__ import annotations

import pytest

from planloom.core.errors import Conflict, InputError
from planloom.records.bodies import Claimed
from planloom.records.references import Builder
from planloom.runtime import abandoning, claiming, completing, identity, opening
from planloom.runtime.collecting import collect_records
from planloom.runtime.completing import Completed, Late, Result
from planloom.runtime.identity import is_process_alive, is_process_gone, own_process, process_mark
from worlds import ANN, CI, ITEM, Shape, World, default_policy

DIAMOND = (Shape("a"), Shape("b", ("a",)), Shape("c", ("a",)), Shape("d", ("b", "c")))


@pytest.fixture
def diamond(tmp_path):
    return World(tmp_path, *DIAMOND)


def test_a_step_waits_for_all_that_it_needs(diamond):
    assert diamond.blocked("d") == ["needs"]
    diamond.do("a", "b")
    assert diamond.blocked("d") == ["needs"]
    diamond.do("c")
    assert diamond.claim("d").attempt.number == 1


def test_a_claim_names_the_handoffs_that_it_builds_on(diamond):
    diamond.do("a", "b", "c")
    claimed = diamond.claim("d").claim.record.body
    assert {(d.step, d.digest) for d in claimed.depends_on} == {(k, diamond.state(k).handoff.digest) for k in "bc"}


def test_a_second_claim_says_who_holds_the_step_and_since_when(diamond):
    diamond.claim("a", executor="ann")
    (blocker,) = diamond.try_claim("a").blockers
    assert (blocker.kind, blocker.by) == ("running", ("ann",))
    assert f"claimed by ann since {diamond.clock.now()} as a-local" in blocker.text


def test_only_the_holder_completes(diamond):
    won = diamond.claim("a", executor="ann")
    with pytest.raises(Conflict, match="claimed by ann, not by tester"):
        diamond.finish(won)
    assert diamond.finish(won, executor="ann").event == "completed"


def test_another_key_does_not_complete_what_it_did_not_claim(tmp_path):
    world = World(tmp_path, *DIAMOND, policy=default_policy(ann=("executor",)))
    won = world.claim("a")
    with pytest.raises(Conflict):
        world.finish(won, ci=ANN)


def test_completing_twice_is_refused(diamond):
    won = diamond.claim("a")
    diamond.finish(won)
    with pytest.raises(Conflict, match="is completed already"):
        diamond.finish(won)


def test_an_attempt_that_was_never_claimed_is_refused_and_the_open_one_named(diamond):
    diamond.claim("a")
    with pytest.raises(Conflict, match="that is 'a-local'"):
        completing.complete_attempt(diamond.session(), ITEM, "a", "a-local-7", Result("success"))
    with pytest.raises(Conflict, match="it is not claimed"):
        completing.complete_attempt(diamond.session(), ITEM, "b", "b-local", Result("success"))


def test_whoever_names_a_group_is_told_the_steps_that_it_became(tmp_path):
    world = World(tmp_path, Shape("unit-3-11"), Shape("unit-3-12"), Shape("units"))
    with pytest.raises(InputError, match="no step 'unit'") as refused:
        world.claim("unit")
    assert refused.value.hint == "did you mean one of unit-3-11, unit-3-12?"


def test_a_failure_is_followed_by_a_fresh_attempt_until_they_are_used_up(diamond):
    for number, name in ((1, "a-local"), (2, "a-local-2")):
        won = diamond.claim("a")
        assert (won.attempt.number, won.attempt.id) == (number, name)
        diamond.finish(won, "failure")
    assert diamond.blocked("a") == ["failed"]
    diamond.retry("a")
    assert diamond.claim("a").attempt.number == 3


def test_a_retry_is_refused_while_none_is_needed(diamond):
    for _ in range(2):
        with pytest.raises(Conflict, match="needs no retry"):
            diamond.retry("a")
        diamond.do("a", result="failure")


def test_a_history_with_a_retry_is_collected(diamond):
    # The collector once judged every step by another number of attempts than its own.
    diamond.do("a", "a", result="failure")
    diamond.retry("a")
    diamond.do("a")
    assert collect_records(diamond.session(), "", "").records == 8


def test_a_result_of_an_attempt_that_was_given_up_is_kept_once_and_does_not_count(diamond):
    late = diamond.claim("a")
    diamond.abandon("a")
    again = diamond.claim("a")
    assert isinstance(diamond.finish(late), Late)
    assert diamond.status("a") == "running"
    with pytest.raises(Conflict, match="kept already"):
        diamond.finish(late)
    assert isinstance(diamond.finish(again), Completed)
    assert diamond.events("demo-1/a") == ["claimed", "abandoned", "claimed", "refused", "completed"]


@pytest.mark.parametrize("name", ["a-mine", "a-x-2", "b-1-7-1", "a-2-7-1", "a-local-2", "a", "../a-1", "A-1", "a-\u0661"])
def test_an_attempt_cannot_be_given_an_id_that_another_one_could_bear(diamond, name):
    outcome = diamond.try_claim("a", attempt=name)
    assert isinstance(outcome, claiming.Refused)
    assert outcome.blockers[0].kind == "attempt"


@pytest.mark.parametrize("name", ["a-local", "a-1-16121-1"])
def test_an_attempt_may_be_named_as_it_would_be_elsewhere(diamond, name):
    assert diamond.claim("a", attempt=name).attempt.id == name


def test_in_a_workflow_run_attempts_bear_its_number(diamond):
    won = diamond.claim("a", builder=Builder("github", "16121", "2", ""), executor="run 16121 attempt 2")
    assert won.attempt.id == "a-1-16121-2"


def test_an_unknown_step_or_work_item_is_refused_with_the_nearest(diamond):
    with pytest.raises(InputError) as refused:
        diamond.try_claim("bb")
    assert "did you mean 'b'" in refused.value.hint
    with pytest.raises(InputError) as refused:
        diamond.try_claim("a", "demo-2")
    assert "did you mean 'demo-1'" in refused.value.hint


def test_the_last_completion_closes_the_work_item(diamond):
    diamond.do("a", "b", "c")
    assert diamond.finish(diamond.claim("d")).closed
    assert not diamond.view().item.is_open
    assert diamond.blocked("a") == ["closed"]


def test_a_work_item_with_an_integrated_step_stays_open(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True), Shape("b", ("a",)))
    world.do("a", "b")
    assert world.status("a", "b") == ["integrated", "done"]
    assert world.view().item.is_open


def test_an_integrated_step_takes_no_claim_and_no_result(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True), Shape("b", ("a",)))
    won = world.claim("a")
    world.finish(won)
    assert world.blocked("a") == ["integrated"]
    with pytest.raises(Conflict, match="part of the baseline"):
        world.finish(won)


def test_nothing_is_appended_to_a_closed_work_item(diamond):
    won = diamond.claim("a")
    diamond.abandon("a")
    diamond.close()
    for attempt in (
        lambda: diamond.finish(won),
        lambda: diamond.retry("a"),
        lambda: diamond.abandon("a"),
        diamond.close,
    ):
        with pytest.raises(Conflict):
            attempt()


def test_a_work_item_is_not_closed_while_something_runs(diamond):
    diamond.claim("a")
    with pytest.raises(Conflict, match="while a is running"):
        diamond.close()


# Resources


SHARED = (Shape("a", resources={"staging": 1}), Shape("b", resources={"staging": 1}), Shape("c"))


@pytest.fixture
def shared(tmp_path):
    return World(tmp_path, *SHARED, capacity={"staging": 1})


def test_a_resource_is_held_while_its_step_runs(shared):
    won = shared.claim("a")
    assert shared.held("staging") == {"demo-1/a#1": 1}
    assert shared.blocked("b") == ["resource"]
    shared.finish(won)
    assert shared.held("staging") == {}
    assert shared.claim("b")


@pytest.mark.parametrize("end", ["success", "failure", "error", "timeout", "cancellation", "abandon"])
def test_a_resource_is_given_back_however_its_attempt_ends(shared, end):
    won = shared.claim("a")
    if end == "abandon":
        shared.abandon("a")
    else:
        shared.finish(won, end)
    assert shared.held("staging") == {}


def test_work_items_share_a_resource(shared):
    shared.open("demo-2")
    shared.claim("a")
    assert shared.blocked("b", "demo-2") == ["resource"]


def test_a_late_result_gives_back_nothing_that_another_attempt_holds(shared):
    late = shared.claim("a")
    shared.abandon("a")
    shared.claim("a")
    shared.finish(late)
    assert shared.held("staging") == {"demo-1/a#2": 1}


def test_a_step_that_wants_more_than_is_free_waits(tmp_path):
    world = World(tmp_path, Shape("a", resources={"x": 2}), Shape("b", resources={"x": 2}), capacity={"x": 3})
    world.claim("a")
    assert world.blocked("b") == ["resource"]


# Waves


def test_a_wave_takes_everything_that_is_ready_in_one_append(diamond):
    diamond.do("a")
    before = diamond.ids.count
    won = claiming.claim_wave(diamond.session(), [ITEM], 256)
    assert [w.step.key for w in won] == ["b", "c"]
    assert diamond.ids.count == before + 2  # nothing was signed in vain
    assert claiming.claim_wave(diamond.session(), [ITEM], 256) == ()


def test_a_wave_takes_no_more_of_a_resource_than_there_is(shared):
    assert [w.step.key for w in claiming.claim_wave(shared.session(), [ITEM], 256)] == ["a", "c"]


def test_a_wave_takes_no_manual_step_and_no_more_than_its_limit(tmp_path):
    world = World(tmp_path, Shape("a", run=""), Shape("b"), Shape("c"))
    assert [w.step.key for w in claiming.claim_wave(world.session(), [ITEM], 1)] == ["b"]


def test_a_wave_is_completed_in_one_append_and_leaves_out_what_was_given_up(shared):
    won = claiming.claim_wave(shared.session(), [ITEM], 256)
    shared.abandon("c")
    results = {w.step.key: (w.attempt.id, Result("success")) for w in won}
    done = completing.complete_wave(shared.session(), {ITEM: results})
    assert [d.record.step.key for d in done] == ["a"]
    assert shared.held("staging") == {}


# Giving up claims


def claim_in_run(world, run, attempt):
    return world.claim("a", builder=Builder("github", run, attempt, ""), executor=f"run {run} attempt {attempt}")


class RunsThatAreOver:
    def __init__(self, *over):
        self.over = over

    def is_over(self, run_id, run_attempt):
        return (run_id, run_attempt) in self.over


def test_a_claim_by_hand_is_never_given_up_without_an_override(diamond):
    diamond.claim("a")
    assert abandoning.abandon_dead(diamond.session(), ITEM) == ()
    with pytest.raises(Conflict, match="nothing proves that it is gone"):
        abandoning.abandon_claim(diamond.session(), ITEM, "a", reason="", override=False)
    assert diamond.abandon("a").record.body.evidence == "override"


def test_a_claim_of_a_run_is_given_up_when_the_run_is_over(diamond):
    claim_in_run(diamond, "7", "1")
    assert abandoning.abandon_dead(diamond.session(), ITEM, RunsThatAreOver()) == ()
    (given_up,) = abandoning.abandon_dead(diamond.session(), ITEM, RunsThatAreOver(("7", "1")))
    assert given_up.record.body.evidence == "run-over"


@pytest.mark.parametrize(("mine", "given_up"), [("1", 0), ("2", 0), ("3", 1), ("10", 1), ("", 0)])
def test_only_a_newer_attempt_of_the_same_run_gives_up_a_claim(diamond, mine, given_up):
    claim_in_run(diamond, "7", "2")
    session = diamond.session(builder=Builder("github", "7", mine, ""))
    assert len(abandoning.abandon_dead(session, ITEM)) == given_up


def worker_claim(diamond, pid, mark, lease=""):
    return Claimed("w", pid, mark, lease, (), (), {})


def test_this_process_is_alive_and_its_claim_is_not_given_up(diamond):
    pid, mark = own_process()
    claim = worker_claim(diamond, pid, mark)
    assert (is_process_alive(claim), is_process_gone(claim)) == (True, False)


def test_a_process_that_has_ended_is_gone(diamond):
    import subprocess
    import sys

    code = "from planloom.runtime.identity import own_process; print(*own_process())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pid, mark = done.stdout.split()
    claim = worker_claim(diamond, int(pid), mark)
    assert (is_process_alive(claim), is_process_gone(claim)) == (False, True)


def test_a_process_that_only_waits_to_be_reaped_is_gone(diamond):
    import os
    import subprocess
    import sys

    code = "from planloom.runtime.identity import own_process; print(*own_process(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, mark = child.stdout.read().split()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked for its exit code
    assert is_process_gone(worker_claim(diamond, int(pid), mark))
    child.stdout.close()
    child.wait()


def test_the_number_of_an_ended_process_may_be_anothers_now(diamond):
    pid, mark = own_process()
    older = mark.rpartition("/")[0] + "/1"
    assert is_process_gone(worker_claim(diamond, pid, older))


@pytest.mark.parametrize("change", [{0: "other", 1: "other"}, {1: "other", 2: "other"}, {2: "other"}])
def test_a_process_of_another_machine_or_namespace_is_never_judged_here(diamond, change):
    parts = own_process()[1].split("/")
    for place, text in change.items():
        parts[place] = text
    claim = worker_claim(diamond, 1, "/".join(parts))
    assert not is_process_gone(claim)
    assert not is_process_alive(claim)


@pytest.mark.parametrize(
    ("here", "evidence"),
    [
        ("machine/new/4026531836", ["process-gone"]),
        ("machine/new/4026532999", []),  # inside a container the machine may be any
        ("another/new/4026531836", []),
        ("unknown/new/4026531836", []),
    ],
)
def test_what_ran_before_its_machine_was_started_again_is_gone(diamond, monkeypatch, here, evidence):
    machine, _, namespace = here.split("/")
    before = f"{machine if machine == 'unknown' else 'machine'}/old/{namespace}"
    monkeypatch.setattr(identity, "process_mark", lambda: before)
    assert isinstance(claiming.claim_step(diamond.session(), ITEM, "a", process=True), claiming.Won)
    monkeypatch.setattr(identity, "process_mark", lambda: here)
    found = abandoning.abandon_dead(diamond.session(), ITEM)
    assert [record.record.body.evidence for record in found] == evidence
    assert diamond.status("a") == ("pending" if evidence else "running")


@pytest.mark.parametrize("mark", ["", "x", "a/b/c", "a/b/c/d/e"])
def test_a_mark_that_says_nothing_proves_nothing(diamond, mark):
    assert not is_process_gone(worker_claim(diamond, 1, mark))


def test_a_live_process_keeps_its_claim_after_its_time(diamond):
    outcome = claiming.claim_step(diamond.session(), ITEM, "a", process=True)
    assert isinstance(outcome, claiming.Won)
    diamond.clock.pass_seconds(100 * 3600)
    assert process_mark()
    assert abandoning.abandon_dead(diamond.session(), ITEM) == ()


# Opening


PARAMS = {
    "tag": {"type": "string", "pattern": "^v[0-9]+$"},
    "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
    "dry": {"type": "boolean", "default": False},
}


def test_parameters_are_typed_and_defaults_filled_in(tmp_path):
    world = World(tmp_path, Shape("a"), opened=False, params=PARAMS)
    world.open(params={"tag": "v1", "dry": "true"})
    assert dict(world.view().item.body.params) == {"tag": "v1", "count": 3, "dry": True}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'tag' is missing"),
        ({"tag": "1"}, "'tag' must match"),
        ({"tag": "v1", "count": "x"}, "'count' must be integer"),
        ({"tag": "v1", "count": "10"}, "'count' must be at most 9"),
        ({"tag": "v1", "dry": "yes"}, "'dry' must be boolean"),
        ({"tag": "v1", "tug": "v1"}, "no parameter 'tug'"),
    ],
)
def test_parameters_out_of_range_are_refused_and_nothing_is_opened(tmp_path, given, said):
    world = World(tmp_path, Shape("a"), opened=False, params=PARAMS)
    with pytest.raises(InputError, match=said):
        world.open(params=given)
    assert world.ledger.items() == ()


def test_opening_twice_keeps_the_first_and_refuses_other_parameters(tmp_path):
    world = World(tmp_path, Shape("a"), opened=False, params=PARAMS)
    first = world.open(params={"tag": "v1"})
    assert world.open(params={"tag": "v1"}) == first
    with pytest.raises(Conflict, match="other parameters"):
        world.open(params={"tag": "v2"})


@pytest.mark.parametrize("name", ["", "A", "a/b", "../a", "a..b", "a.", "a.lock", "x" * 64, "-a", "ä"])
def test_a_name_that_no_chain_can_bear_is_refused(tmp_path, name):
    world = World(tmp_path, Shape("a"), opened=False)
    with pytest.raises(InputError, match="can't name a work item"):
        world.open(name)


def test_closing_looks_only_at_the_end_of_the_plan(tmp_path):
    world = World(tmp_path, *(Shape(f"s{n:03d}") for n in range(200)))
    world.do("s000")
    read = []
    inner = world.ledger.read
    world.ledger.read = lambda names: read.append(len(names)) or inner(names)
    assert opening.close_when_complete(world.session(), ITEM) == ()
    assert sum(read) < 12


def test_a_plan_whose_last_step_was_done_first_is_closed_in_the_end(tmp_path):
    world = World(tmp_path, *(Shape(f"s{n}") for n in range(9)))
    world.do(*(f"s{n}" for n in range(8, 0, -1)))
    assert world.view().item.is_open
    world.do("s0")
    assert not world.view().item.is_open
    assert CI.key_id == world.view().item.closed.key_id
