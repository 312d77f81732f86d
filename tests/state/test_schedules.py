"""Schedules: a pure function of plan and records, whatever the plan and whatever has happened."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.records.compiled import decode_steps, encode_steps, find_step
from planloom.state.machine import Status
from planloom.state.readiness import find_blockers
from planloom.state.schedule import build_schedule, choose_wave, schedule_document
from worlds import ITEM, Shape, World, compile_shapes

few = settings(max_examples=max(12, settings.default.max_examples // 4))
"""Each example is a whole history."""


@st.composite
def plans(draw):
    """Plans of up to 7 steps in a valid order: needs and barriers lead backwards, some steps are manual, share resources, or fail."""
    shapes = []
    for number in range(draw(st.integers(1, 7))):
        before = [shape.key for shape in shapes]
        needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        after = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
        shapes.append(
            Shape(
                f"s{number}",
                tuple(needs),
                run=draw(st.sampled_from(["true", "true", ""])),
                after=tuple(after),
                attempts=draw(st.integers(1, 2)),
                resources=draw(st.sampled_from([{}, {}, {"r": 1}, {"r": 2}])),
            )
        )
    return shapes


moves = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["success", "failure", "cancellation", "abandon", "hold"])), max_size=12
)


def play(shapes, sequence):
    """Return a world after some moves: the n-th ready step is claimed and ended so; `hold` leaves its claim open."""
    # The work item keeps its own copy of the plan: once it is open the folder has done its duty.
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), *shapes, capacity={"r": 2})
    for which, how in sequence:
        if not world.view().item.is_open:
            break
        ready = [row.step.key for row in world.schedule().ready]
        if not ready:
            break
        won = world.claim(ready[which % len(ready)])
        if how == "abandon":
            world.abandon(won.step.key)
        elif how != "hold":
            world.finish(won, how)
    return world


@few
@given(plans(), moves)
def test_what_is_ready_has_all_that_it_needs_and_what_is_not_says_why(shapes, sequence):
    view = play(shapes, sequence).view()
    for row in build_schedule(view).rows:
        waits = [key for key in row.step.predecessors if not view.states[key].is_valid]
        if row.word in {"ready", "manual"}:
            assert waits == []
            assert row.state.status is Status.PENDING
        if row.word == "waits":
            assert row.blockers
            assert all(blocker.text for blocker in row.blockers)
            if view.item.is_open and waits:
                assert set(waits) == set(row.blockers[0].by)


@few
@given(plans(), moves)
def test_the_same_records_give_the_same_schedule_in_the_plans_order(shapes, sequence):
    world = play(shapes, sequence)
    view = world.view()
    first, again = build_schedule(view), build_schedule(world.view())
    assert first == again
    assert [row.step.key for row in first.rows] == [shape.key for shape in shapes]
    documents = [json.dumps(schedule_document(view, s, prompt="p", actor="a")) for s in (first, again)]
    assert documents[0] == documents[1]
    assert json.loads(documents[0])["launchOrder"] == [shape.key for shape in shapes]


@few
@given(plans(), moves, st.integers(0, 8))
def test_a_wave_is_ready_small_enough_in_order_and_within_its_resources(shapes, sequence, limit):
    view = play(shapes, sequence).view()
    schedule = build_schedule(view)
    wave = choose_wave(view, schedule, limit)
    assert len(wave) <= limit
    keys = [row.step.key for row in wave]
    assert keys == [row.step.key for row in schedule.dispatchable if row.step.key in keys]
    held = sum(view.held.get("r", {}).values())
    assert held + sum(row.step.resources.get("r", 0) for row in wave) <= 2
    if limit and schedule.dispatchable:
        assert wave


@few
@given(plans(), moves)
def test_every_plan_can_still_come_to_its_end(shapes, sequence):
    world = play(shapes, sequence)
    for _ in range(60):
        view = world.view()
        if not view.item.is_open:
            break
        for key, state in view.states.items():
            if state.status is Status.RUNNING:
                world.abandon(key)
            if state.status is Status.FAILED:
                world.retry(key)
        for row in world.schedule().ready[:1]:
            world.do(row.step.key)
    assert not world.view().item.is_open


@few
@given(plans(), moves)
def test_a_schedule_and_a_claim_agree(shapes, sequence):
    world = play(shapes, sequence)
    view = world.view()
    for key in view.header.order:
        partial = [b.kind for b in find_blockers(view, key)]
        outcome = world.try_claim(key)
        if partial:
            assert [b.kind for b in outcome.blockers] == partial
        else:
            assert outcome.claim
            world.abandon(key)


@given(
    st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True), unique=True, min_size=1, max_size=40), st.text(max_size=8)
)
def test_one_step_is_found_among_many_without_reading_them_all(keys, other):
    _, steps = compile_shapes([Shape(key) for key in keys])
    content = encode_steps(steps)
    for key in keys:
        assert find_step(content, key) == decode_steps(content)[key]
    assert (find_step(content, other) is not None) == (other in keys)


def test_a_gate_and_a_need_are_both_told(tmp_path):
    world = World(tmp_path, Shape("a"), Shape("b", ("a",), gate=("approver", 2)))
    (row,) = [row for row in world.schedule(ITEM).rows if row.step.key == "b"]
    assert [blocker.text for blocker in row.blockers] == ["needs a", "2 approvals by approver"]
