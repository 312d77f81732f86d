"""The portfolio: a pure function of the records that the checkpoint covers, worked out again by whoever verifies."""

import json

import pytest

from planloom.core import canonical
from planloom.ledger.files import FileLedger
from planloom.ledger.layout import record_path
from planloom.runtime.exporting import build_portfolio, export, find_origin, read_records
from planloom.trust import checkpoint, policyfiles
from planloom.trust.audit.history import History
from planloom.trust.gather import read_folder
from planloom.trust.verify import Request, verify
from trust.histories import ANN, RELEASE, YOU, Shape, World
from trust.random_histories import random_world

PORTFOLIO = checkpoint.PORTFOLIO_PATH


def in_files(folder, **how):
    """A world whose records are files below its folder, as `planloom run` leaves them."""
    world = World(folder, **how)
    world.ledger = FileLedger(folder / "artifacts")
    for path, content in policyfiles.policy_files(world.policy, [YOU]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return world


def exported(world):
    session = world.session()
    export(session, find_origin(session))
    return read_folder(world.folder)


@pytest.fixture
def world(tmp_path):
    found = in_files(tmp_path)
    found.open()
    found.do("lint", "test")
    found.finish(found.claim("build"), integrated=True)
    found.approve("publish")
    found.open("release-2")
    found.do("lint", item="release-2", result="failure")
    return found


def findings(history, **asked):
    return [(f.code, f.path, f.field) for f in verify(history, Request(**asked)).findings]


def edited(history, change):
    value = json.loads(history.files[PORTFOLIO])
    change(value)
    return History(dict(history.files) | {PORTFOLIO: canonical.encode(value) + b"\n"})


def test_an_honest_portfolio_verifies_and_says_where_every_step_is(world):
    history = exported(world)
    assert findings(history) == []
    first, second = json.loads(history.files[PORTFOLIO])["workItems"]
    assert [(s["key"], s["state"], s["attempt"]) for s in first["steps"]] == [
        ("lint", "done", 1),
        ("test", "done", 1),
        ("build", "integrated", 1),
        ("publish", "pending", 0),
    ]
    assert (first["done"], second["done"], second["total"]) == (3, 0, 4)


CHANGES = {
    "workItems[0].steps[2].outputs": lambda v: v["workItems"][0]["steps"][2]["outputs"].update({"dist/build.txt": "a" * 64}),
    "steps[2].state": lambda v: v["workItems"][0]["steps"][2].update(state="done"),
    "steps[3].handoff": lambda v: v["workItems"][0]["steps"][3].update(handoff="a" * 64),
    "steps[0].attempt": lambda v: v["workItems"][0]["steps"][0].update(attempt=2),
    "steps[0].attempt as true": lambda v: v["workItems"][0]["steps"][0].update(attempt=True),
    "steps[0].reworks": lambda v: v["workItems"][0]["steps"][0].update(reworks=1),
    "steps[0].waitsFor": lambda v: v["workItems"][0]["steps"][0].update(waitsFor={"a": 1}),
    "plan.version": lambda v: v["workItems"][0]["plan"].update(version="9.9.9"),
    "closedAt": lambda v: v["workItems"][0].update(closedAt="2026-01-01T00:00:00.000Z"),
    "done": lambda v: v["workItems"][1].update(done=4),
    "one more key": lambda v: v["workItems"][1].update(note="all is well"),
    "one work item less": lambda v: v["workItems"].pop(),
    "one work item more": lambda v: v["workItems"].append(v["workItems"][0] | {"workItemId": "release-9"}),
    "one step less": lambda v: v["workItems"][0]["steps"].pop(),
    "another order": lambda v: v["workItems"].reverse(),
    "a work item twice": lambda v: v["workItems"].append(v["workItems"][1]),
    "another schema": lambda v: v.update(schema="planloom/portfolio/v2"),
    "no work items": lambda v: v.pop("workItems"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_portfolio_that_says_something_else_is_found(world, change):
    history = exported(world)
    assert {(code, path) for code, path, _ in findings(edited(history, change))} == {("E_PORTFOLIO", PORTFOLIO)}


@pytest.mark.parametrize("content", [b"", b"{}\n", b"null\n", b"[" * 100_000, b'{"workItems":[1]}\n', b"\xff\n"])
def test_what_is_no_portfolio_is_found(world, content):
    history = exported(world)
    changed = History(dict(history.files) | {PORTFOLIO: content})
    assert findings(changed) == [("E_PORTFOLIO", PORTFOLIO, "the file")]


def test_the_place_of_the_difference_is_told_with_both_values(world):
    history = edited(exported(world), CHANGES["steps[2].state"])
    (finding,) = verify(history, Request()).findings
    assert (finding.field, finding.expected, finding.found) == ("steps[2].state", "integrated", "done")
    assert "release-1" in finding.message


def test_another_spelling_of_an_honest_portfolio_is_found(world):
    history = exported(world)
    spelt = json.dumps(json.loads(history.files[PORTFOLIO]), indent=1).encode()
    assert findings(History(dict(history.files) | {PORTFOLIO: spelt})) == [("E_PORTFOLIO", PORTFOLIO, "the file")]


def test_records_that_came_after_the_checkpoint_are_not_held_against_the_portfolio(world):
    old = exported(world)
    world.revert("build")
    world.do("build")
    world.do("lint", "test", item="release-2")
    world.open("release-3")
    world.migrate((*RELEASE[:3], Shape("publish", ("build",))), "release-2")
    history = read_folder(world.folder)
    assert history.files[PORTFOLIO] == old.files[PORTFOLIO]
    assert len(history.records()) > len(old.records())
    assert findings(history) == []
    assert findings(exported(world)) == []


def test_one_work_item_is_compared_alone_when_one_is_asked_for(world):
    history = edited(exported(world), CHANGES["done"])
    assert findings(history, item="release-1") == []
    assert [code for code, _, _ in findings(history, item="release-2")] == ["E_PORTFOLIO"]


def test_a_broken_record_is_told_once_and_not_by_the_portfolio_again(world):
    history = exported(world)
    path = f"artifacts/{record_path('handoff', 'release-1/build', 2)}"
    assert {code for code, _, _ in findings(History({p: c for p, c in history.files.items() if p != path}))} == {"E_TRUNCATED"}


def test_exporting_again_without_new_records_changes_no_byte_although_an_approval_has_expired(tmp_path):
    world = in_files(tmp_path)
    world.open()
    world.do("lint", "test", "build")
    world.approve("publish", by=ANN, expires="2025-06-15T15:10:00.000Z")
    before = exported(world)
    world.clock.seconds += 1_000_000
    assert world.clock.now() > "2025-06-15T15:10:00.000Z"
    assert exported(world) == before


def test_the_portfolio_has_exactly_the_records_that_it_is_made_from_although_others_are_at_work(world):
    paths = read_records(world.folder / "artifacts").keys()
    before = build_portfolio(world.session(), paths)
    world.do("lint", "test", item="release-2")
    world.open("release-3")
    assert build_portfolio(world.session(), paths) == before
    assert build_portfolio(world.session(), read_records(world.folder / "artifacts").keys()) != before


@pytest.mark.parametrize("seed", range(20))
def test_portfolios_of_random_honest_histories_verify(tmp_path, seed):
    world = random_world(tmp_path, seed)
    for path, content in world.history().files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    world.ledger = FileLedger(tmp_path / "artifacts")
    assert findings(exported(world)) == []
