"""Every order of events, for a plan of three steps: a baseline step, and two that share a resource; and for a gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.explorer import GONE, IDLE, PEOPLE, Actor, Bounds, Explorer
from planloom.runtime import abandoning, claiming, completing, invalidating
from planloom.state import machine
from planloom.state.machine import Status
from worlds import Shape

SHAPES = (
    Shape("a", baseline=True, attempts=1),
    Shape("b", ("a",), attempts=1, resources={"r": 1}),
    Shape("c", ("a",), attempts=1, resources={"r": 1}),
)
TWICE = tuple(replace(shape, attempts=2) for shape in SHAPES)
PLAIN = tuple(replace(shape, baseline=False) for shape in SHAPES)
GATED = (Shape("x", attempts=1), Shape("y", ("x",), attempts=1, gate=("approver", 1)))

QUICK = [
    (SHAPES, Bounds(executors=3, orchestrators=2, crashes=1, reverts=1)),
    (SHAPES, Bounds(executors=1, orchestrators=1, failures=1, overrides=1)),
    (GATED, Bounds(executors=2, orchestrators=1, crashes=1, approvals=2, rejections=1)),
    (PLAIN, Bounds(executors=2, orchestrators=1, redos=1)),
]

LONG = [
    (SHAPES, Bounds(executors=3, orchestrators=2, crashes=5, reverts=1)),
    (SHAPES, Bounds(executors=3, orchestrators=2, crashes=1, failures=1, reverts=1, overrides=1)),
    (TWICE, Bounds(executors=3, orchestrators=2, crashes=2, failures=2, reverts=1)),
    (GATED, Bounds(executors=3, orchestrators=2, crashes=3, failures=1, approvals=3, rejections=2)),
    (PLAIN, Bounds(executors=3, orchestrators=2, crashes=1, failures=1, redos=1)),
]

SMALL = [
    (SHAPES, Bounds(executors=2, orchestrators=0, failures=1)),
    (SHAPES, Bounds(executors=0, orchestrators=2, crashes=1)),
    (SHAPES, Bounds(executors=1, orchestrators=0, reverts=1)),
    (GATED, Bounds(executors=1, orchestrators=0, approvals=2, rejections=1)),
    (GATED, Bounds(executors=1, orchestrators=0, approvals=2, redos=1)),
]


class Plain(Explorer):
    """The same without any reduction: whatever an actor decided it keeps in its hands, and all names count."""

    def key(self, state):
        return state

    def steps(self, state):
        for place, actor in enumerate(state.actors):
            if actor.doing == GONE:
                continue
            if state.left.crashes and self.names[place] not in PEOPLE:
                yield self._put(state, place, Actor(GONE), left=replace(state.left, crashes=state.left.crashes - 1))
            if actor.old is None:
                for asked in self.decisions(state, place):
                    yield self._put(state, place, Actor(IDLE) if asked.is_over else replace(actor, old=asked))
            elif self._is_possible(state, actor.old):
                yield self._append(state, place, actor.old)
            else:
                yield self._put(state, place, replace(actor, old=None))


def explore(tmp_path, shapes, bounds, capsys, kind=Explorer):
    explorer = kind(tmp_path, shapes, {"r": 1}, bounds)
    count = explorer.explore()
    with capsys.disabled():
        decisions, ledgers = len(explorer.desk.memory), len(explorer.desk.views)
        print(f"\n{[s.key for s in shapes]} {bounds}: {count:,} states, {ledgers:,} ledgers, {decisions:,} decisions")
    assert explorer.stuck() == []
    return explorer


@pytest.mark.parametrize(("shapes", "bounds"), QUICK, ids=str)
def test_nobody_is_robbed_nothing_is_lost_and_every_state_can_still_end(tmp_path, capsys, shapes, bounds):
    assert len(explore(tmp_path, shapes, bounds, capsys).known) > 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("shapes", "bounds"), LONG, ids=str)
def test_the_same_holds_when_more_happens(tmp_path, capsys, shapes, bounds):
    assert len(explore(tmp_path, shapes, bounds, capsys).known) > 500


@pytest.mark.parametrize(("shapes", "bounds"), SMALL, ids=str)
def test_what_the_checker_leaves_out_leads_to_no_other_history(tmp_path, capsys, shapes, bounds):
    found = []
    for kind in (Plain, Explorer):
        explorer = explore(tmp_path / kind.__name__, shapes, bounds, capsys, kind)
        found.append({explorer.desk.describe(state.ledger)[0] for state in explorer.known.values()})
    assert found[0] == found[1]


def test_the_checker_sees_a_resource_that_is_not_given_back(tmp_path, capsys, monkeypatch):
    """A checker that finds nothing must be able to find something."""
    monkeypatch.setattr(completing, "draft_releases", lambda view, claims: [])
    with pytest.raises(AssertionError, match="held without a claim"):
        explore(tmp_path, SHAPES, Bounds(executors=2, orchestrators=0), capsys)


def test_the_checker_sees_a_revert_that_forgets_what_was_built_on_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(invalidating, "downstream", lambda steps, order, key: ())
    with pytest.raises(AssertionError, match=r"claimed although needs a|no longer count"):
        explore(tmp_path, SHAPES, Bounds(executors=1, orchestrators=0, reverts=1), capsys)


def test_the_checker_sees_a_claim_that_was_decided_before_its_input_was_taken_back(tmp_path, capsys, monkeypatch):
    """Only the invalidation of a step that is still pending stops a claim that was decided on the old state."""
    drafts = invalidating.draft_invalidations
    begun = {"running", "done", "integrated"}

    def without_pending(view, *names, **more):
        return [d for d in drafts(view, *names, **more) if view.states[d.step.key].status.value in begun]

    monkeypatch.setattr(invalidating, "draft_invalidations", without_pending)
    with pytest.raises(AssertionError, match="claimed although needs a"):
        explore(tmp_path, SHAPES, Bounds(executors=1, orchestrators=0, reverts=1), capsys)


def test_the_checker_sees_a_claim_that_does_not_rest_on_its_gate(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(claiming, "gates_of", lambda view, claims: [])
    with pytest.raises(AssertionError, match="claimed although rejected"):
        explore(tmp_path, GATED, Bounds(executors=1, orchestrators=0, approvals=2, rejections=1), capsys)


def test_the_checker_sees_a_live_holder_that_is_robbed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(abandoning, "find_evidence", lambda session, state, runs: "run-over" if state.claim else "")
    with pytest.raises(AssertionError, match="robbed"):
        explore(tmp_path, SHAPES, Bounds(executors=0, orchestrators=2, crashes=1), capsys)


def test_the_checker_sees_a_transition_that_lets_a_stale_attempt_count(tmp_path, capsys, monkeypatch):
    unmoved = {(Status.RUNNING, "invalidated"): machine.TRANSITIONS[Status.RUNNING, "refused"]}
    monkeypatch.setattr(machine, "TRANSITIONS", machine.TRANSITIONS | unmoved)
    monkeypatch.setattr(completing, "depends_on", lambda view, step: completing.claim_body(view.states[step.key]).depends_on)
    with pytest.raises(AssertionError, match="no longer count"):
        explore(tmp_path, SHAPES, Bounds(executors=1, orchestrators=0, reverts=1), capsys)
