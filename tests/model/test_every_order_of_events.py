"""Every order of events, for a plan of three steps: a baseline step, and two that share a resource."""

from __future__ import annotations

import pytest

from model.explorer import Bounds, Explorer
from worlds import Shape

SHAPES = (
    Shape("a", baseline=True, attempts=1),
    Shape("b", ("a",), attempts=1, resources={"r": 1}),
    Shape("c", ("a",), attempts=1, resources={"r": 1}),
)

QUICK = [
    Bounds(executors=2, orchestrators=0, failures=1),
    Bounds(executors=0, orchestrators=2, crashes=1),
    Bounds(executors=1, orchestrators=0, reverts=1, overrides=1),
    Bounds(executors=1, orchestrators=1, crashes=1),
]

LONG = [
    Bounds(executors=2, orchestrators=0, reverts=1),
    Bounds(executors=1, orchestrators=1, crashes=1, reverts=1),
    Bounds(executors=0, orchestrators=2, crashes=1, failures=1, reverts=1),
    Bounds(executors=2, orchestrators=0, crashes=1, overrides=1),
    Bounds(executors=3, orchestrators=2, crashes=1),
]


def explore(tmp_path, bounds, capsys, limit=10_000_000):
    explorer = Explorer(tmp_path, SHAPES, {"r": 1}, bounds)
    count = explorer.explore(limit)
    with capsys.disabled():
        print(f"\n{bounds}: {count:,} states, {len(explorer.views):,} ledgers, {len(explorer.memory):,} decisions")
    assert explorer.stuck() == []
    return count


@pytest.mark.parametrize("bounds", QUICK, ids=str)
def test_nobody_is_robbed_nothing_is_lost_and_every_state_can_still_end(tmp_path, capsys, bounds):
    assert explore(tmp_path, bounds, capsys) > 300


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bounds", LONG, ids=str)
def test_the_same_holds_with_more_actors_and_more_that_happens(tmp_path, capsys, bounds):
    assert explore(tmp_path, bounds, capsys) > 10_000


def test_the_checker_sees_a_resource_that_is_not_given_back(tmp_path, capsys, monkeypatch):
    """A checker that finds nothing must be able to find something."""
    from planloom.runtime import completing

    monkeypatch.setattr(completing, "draft_releases", lambda view, claims: [])
    with pytest.raises(AssertionError, match="held without a claim"):
        explore(tmp_path, QUICK[0], capsys)


def test_the_checker_sees_a_completion_on_inputs_that_no_longer_count(tmp_path, capsys, monkeypatch):
    from planloom.runtime import invalidating

    monkeypatch.setattr(invalidating, "downstream", lambda steps, order, key: ())
    with pytest.raises(AssertionError, match="no longer count"):
        explore(tmp_path, QUICK[2], capsys)


def test_the_checker_sees_a_live_holder_that_is_robbed(tmp_path, capsys, monkeypatch):
    from planloom.runtime import abandoning

    monkeypatch.setattr(abandoning, "find_evidence", lambda session, state, runs: "run-over" if state.claim else "")
    with pytest.raises(AssertionError, match="robbed"):
        explore(tmp_path, QUICK[1], capsys)
