"""One wave may hold steps of several work items: they are claimed in one append and completed in one."""

from __future__ import annotations

import pytest

from planloom.core.errors import Conflict
from planloom.ledger.memory import MemoryLedger
from planloom.runtime import claiming, completing, opening
from worlds import Shape, World

ITEMS = ("demo-1", "demo-2", "demo-3")
GOOD = completing.Result("success", exit_code=0)


class Watched(MemoryLedger):
    """Keeps which chains each append wrote to; `meddle` is called once, right before the next one."""

    def __init__(self):
        super().__init__()
        self.appends, self.meddle = [], None

    def append(self, entries, unmoved):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        outcome = super().append(entries, unmoved)
        self.appends.append(sorted(entries))
        return outcome


def make(tmp_path, *shapes, **more):
    world = World(tmp_path, *shapes, ledger=Watched(), opened=False, **more)
    for item in ITEMS:
        world.open(item)
    world.ledger.appends.clear()
    return world


def claim(world, limit=256):
    return [(won.claim.record.work_item, won.step.key) for won in claiming.claim_wave(world.session(), ITEMS, limit)]


def results(world):
    found = {}
    for item in ITEMS:
        for key, state in world.view(item).states.items():
            if state.claim:
                found.setdefault(item, {})[key] = (state.claim.record.attempt.id, GOOD)
    return found


def events(world, step):
    return [world.events(f"{item}/{step}") for item in ITEMS]


def test_a_wave_is_claimed_completed_and_closed_in_one_append_each(tmp_path):
    world = make(tmp_path, Shape("a"), Shape("b"))
    assert claim(world) == [(item, step) for item in ITEMS for step in "ab"]
    done = completing.complete_wave(world.session(), results(world))
    assert [(d.record.work_item, d.record.step.key) for d in done] == [(item, step) for item in ITEMS for step in "ab"]
    steps = [f"{item}/{step}" for item in ITEMS for step in "ab"]
    assert world.ledger.appends == [steps, steps, [f"{item}/_item" for item in ITEMS]]


def test_a_wave_takes_no_more_than_its_limit_from_all_of_them_together(tmp_path):
    world = make(tmp_path, Shape("a"), Shape("b"))
    assert claim(world, 3) == [("demo-1", "a"), ("demo-1", "b"), ("demo-2", "a")]
    assert claim(world, 0) == []


def test_work_items_that_share_a_resource_come_after_one_another_and_never_take_more_than_there_is(tmp_path):
    shapes = Shape("a", resources={"bench": 1}), Shape("b")
    world = make(tmp_path, *shapes, capacity={"bench": 2})
    # The third gets none of the bench; its other step needs none.
    assert sorted(claim(world)) == [("demo-1", "a"), ("demo-1", "b"), ("demo-2", "a"), ("demo-2", "b"), ("demo-3", "b")]
    assert world.held("bench", "demo-3") == {"demo-1/a#1": 1, "demo-2/a#1": 1}
    assert len(world.ledger.appends) == 3
    completing.complete_wave(world.session(), results(world))
    assert world.held("bench", "demo-3") == {}
    assert claim(world) == [("demo-3", "a")]


def test_when_one_of_them_moved_on_meanwhile_all_are_decided_again(tmp_path):
    world = make(tmp_path, Shape("a"))
    world.ledger.meddle = lambda: world.claim("a", "demo-2", executor="somebody")
    assert claim(world) == [("demo-1", "a"), ("demo-3", "a")]
    assert events(world, "a") == [["claimed"]] * 3
    world.ledger.meddle = lambda: world.abandon("a", "demo-1")
    completing.complete_wave(world.session(), results(world))
    assert events(world, "a") == [["claimed", "abandoned"], ["claimed", "completed"], ["claimed", "completed"]]


def test_a_work_item_that_was_closed_meanwhile_gives_back_what_it_holds_and_stops_no_other(tmp_path):
    world = make(tmp_path, Shape("a", resources={"bench": 1}), capacity={"bench": 3})
    claim(world)
    wanted = results(world)
    # A claim and a closing that were made at the same moment can both win.
    with pytest.raises(Conflict, match="running"):
        world.close("demo-2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_refuse_closing", lambda loaded: None)
        world.close("demo-2")
    completing.complete_wave(world.session(), wanted)
    assert events(world, "a") == [["claimed", "completed"], ["claimed"], ["claimed", "completed"]]
    assert world.held("bench", "demo-3") == {}
