"""The verifier on honest histories: it says what happened, and finds nothing to complain about."""

import importlib.util
import inspect
import re

import pytest

from planloom.report import verification as text
from planloom.runtime import invalidating
from planloom.trust.verify import Request, verify
from trust.histories import ANN, RELEASE, YOU, Shape, World, finished


def findings(history, **asked):
    return verify(history, Request(**asked)).findings


def test_a_finished_history_is_self_consistent(tmp_path):
    found = verify(finished(tmp_path).history(), Request())
    assert found.findings == ()
    assert found.verdict == "self-consistent"


def test_a_pinned_root_makes_it_verified(tmp_path):
    world = finished(tmp_path)
    for pin in (world.policy.root_digest, YOU.key_id):
        assert verify(world.history(), Request(roots=(pin,))).verdict == "verified"


def test_another_root_than_the_pinned_one_is_broken(tmp_path):
    found = verify(finished(tmp_path).history(), Request(roots=("0" * 64,)))
    assert [f.code for f in found.findings] == ["E_ROOT"]


def test_the_summary_counts_and_says_who_approved_what(tmp_path):
    shown = text.render_text(verify(finished(tmp_path).history(), Request()))
    assert "release-1   13 records: 1 opened, 5 claims, 5 results (4 ok, 1 failed), 1 approval, 1 closed" in shown
    assert "13 of 13 by keys that the policy lets sign them" in shown
    assert "publish used the dist/build.txt that build made and that you approved" in shown
    assert "13 records, root " in shown


def test_without_a_checkpoint_the_summary_says_what_that_means(tmp_path):
    found = verify(finished(tmp_path).history(signed=False), Request(roots=(YOU.key_id,)))
    assert found.verdict == "self-consistent"
    assert "records cut off at the end of a chain would not be missed" in text.render_text(found)


def test_records_after_the_checkpoint_are_counted_as_newer(tmp_path):
    world = World(tmp_path)
    world.open()
    world.do("lint")
    old = world.history().files
    world.do("test")
    files = dict(world.history(signed=False).files)
    files |= {p: c for p, c in old.items() if p.startswith("artifacts/exports/")}
    found = verify(type(world.history())(files), Request())
    assert (found.findings, found.newer) == ((), 2)


def test_an_older_checkpoint_is_found_contained(tmp_path):
    world = World(tmp_path)
    world.open()
    old = world.history().files["artifacts/exports/checkpoint"]
    world.do("lint", "test")
    found = verify(world.history(), Request(since=old, roots=(YOU.key_id,)))
    assert found.verdict == "verified"
    assert "the checkpoint contains the one you had" in text.render_text(found)


def test_rejection_rework_revert_retry_and_override_verify(tmp_path):
    world = World(tmp_path, (*RELEASE, Shape("announce", ("publish",))))
    world.open()
    world.do("lint", "test", "build")
    world.approve("publish", reject=True, reentry="build")
    world.do("build")
    world.approve("publish", by=ANN)
    world.claim("publish")
    world.abandon("publish")
    world.do("publish", result="failure")
    world.do("publish", result="failure")
    world.retry("publish")
    won = world.claim("publish")
    world.finish(won, integrated=True)
    world.do("announce")
    world.revert("publish")
    assert not world.can_claim("publish")
    world.approve("publish", by=ANN)
    world.do("publish", "announce")
    assert findings(world.history()) == ()


def test_n_of_m_approvals_verify(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",), gate=2)))
    world.open()
    world.do("build")
    world.approve("publish")
    assert not world.can_claim("publish")
    world.approve("publish", by=ANN)
    world.do("publish")
    found = verify(world.history(), Request())
    assert found.findings == ()
    assert found.items[0].gated[0].approvers == ("you", "ann")


def test_a_migrated_work_item_verifies(tmp_path):
    before = (Shape("lint"), Shape("test"), Shape("old"), Shape("build", ("lint", "test")), Shape("publish", ("build",), gate=1))
    after = (
        Shape("test", version=2),
        Shape("lint"),
        Shape("scan"),
        Shape("build", ("lint", "test")),
        Shape("publish", ("build",)),
    )
    world = World(tmp_path, before)
    world.open()
    world.do("lint", "test", "old", "build")
    world.approve("publish")
    running = world.claim("publish")
    world.migrate(after)
    world.finish(running)
    world.do("test", "scan", "build", "publish")
    found = verify(world.history(), Request())
    assert found.findings == ()
    assert found.items[0].events["migrated"] == 1


def test_a_step_that_is_done_again_because_its_outputs_are_lost_verifies(tmp_path):
    world = World(tmp_path)
    world.open()
    world.do("lint", "test", "build")
    world.redo("test")
    world.do("test", "build")
    world.approve("publish")
    world.do("publish")
    found = verify(world.history(), Request())
    assert found.findings == ()
    assert found.items[0].events["retried"] == 1


def test_a_step_that_is_done_again_without_those_that_build_on_it_is_found(tmp_path, monkeypatch):
    world = World(tmp_path)
    world.open()
    world.do("lint", "test", "build")
    monkeypatch.setattr(invalidating, "draft_invalidations", lambda *names, **more: [])
    world.redo("test")
    assert ("E_STATE", "it takes back test, but build, which builds on it, was not invalidated") in {
        (f.code, f.message) for f in verify(world.history(), Request()).findings
    }


def test_a_step_that_runs_while_its_place_changes_verifies(tmp_path):
    world = World(tmp_path, (Shape("lint"), Shape("test")))
    world.open()
    running = world.claim("test")
    world.migrate((Shape("test"), Shape("lint")))
    world.finish(running)
    assert findings(world.history()) == ()


def test_shared_resources_verify(tmp_path):
    shapes = (Shape("a", resources={"staging": 1}), Shape("b", resources={"staging": 1}))
    world = World(tmp_path, shapes, capacity={"staging": 1})
    world.open("release-1")
    world.open("release-2")
    won = world.claim("a", "release-1")
    assert not world.can_claim("b", "release-2")
    world.finish(won)
    world.do("b", item="release-2")
    history = world.history()
    assert findings(history) == ()
    for item in ("release-1", "release-2"):
        assert findings(history, item=item) == ()


def test_a_late_result_is_kept_and_verifies(tmp_path):
    world = World(tmp_path)
    world.open()
    won = world.claim("lint")
    world.abandon("lint")
    world.finish(won)
    world.do("lint")
    assert findings(world.history()) == ()


def test_a_claim_that_was_overtaken_by_a_revert_verifies_as_superseded(tmp_path):
    world = World(tmp_path)
    world.open()
    world.do("lint", "test")
    world.finish(world.claim("build"), integrated=True)
    world.approve("publish")
    won = world.claim("publish")
    world.revert("build")
    world.finish(won)
    world.do("build")
    found = verify(world.history(), Request())
    assert found.findings == ()
    assert found.items[0].events["superseded"] == 1


def test_a_stopped_work_item_verifies(tmp_path):
    world = World(tmp_path)
    world.open()
    world.do("lint")
    world.close()
    assert findings(world.history()) == ()


def test_an_empty_project_verifies(tmp_path):
    found = verify(World(tmp_path).history(signed=False), Request())
    assert found.findings == ()
    assert text.render_text(found).startswith("no records\n")


@pytest.mark.parametrize("workers", [1, 4])
def test_threads_change_nothing(tmp_path, workers):
    world = World(tmp_path, tuple(Shape(f"s{i}") for i in range(100)))
    world.open()
    world.do(*(f"s{i}" for i in range(100)))
    history = world.history()
    assert verify(history, Request(workers=workers)) == verify(history, Request())


def test_outputs_on_disk_are_compared_with_their_handoffs(tmp_path):
    world = finished(tmp_path)
    state = dict(_subjects(world))
    assert findings(world.history(), digest_of=state.get) == ()
    wrong = verify(world.history(), Request(digest_of=lambda name: "" if "lint" in name else state[name]))
    assert [(f.code, f.path) for f in wrong.findings] == [("E_ARTIFACT", "artifacts/handoff/release-1/lint/000002.json")]


def _subjects(world):
    for state in verify(world.history(), Request()).evidence.states.values():
        yield from state.handoff.record.subjects


def test_the_numbers_in_the_code_are_those_of_the_steps_that_it_documents():
    module = inspect.getmodule(verify)
    steps = [int(number) for number in re.findall(r"^(\d+)\. ", module.__doc__, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 15
    code = inspect.getsource(module).partition('"""\n\nfrom __future__')[2]
    named = set()
    for first, last in re.findall(r"# (\d+)(?: to (\d+))?\b", code):
        named |= set(range(int(first), int(last or first) + 1))
    for several in re.findall(r"# (\d+(?:, \d+)+)", code):
        named |= {int(number) for number in several.split(", ")}
    assert named == set(steps)
    for name in re.findall(r"`(audit\.\w+)`", module.__doc__):
        assert importlib.util.find_spec(f"planloom.trust.{name}"), name
