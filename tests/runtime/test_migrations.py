"""A work item moves to a new version of its plan: equal steps keep their work, the mapping is shown and signed, nothing integrated starts again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planloom.core.errors import Conflict, TrustError
from planloom.runtime import executing, migrating
from planloom.runtime.reading import open_chain, read_compiled, read_item
from worlds import ITEM, Shape, World

LINT, BUILD, TEST, SHIP = Shape("lint"), Shape("build"), Shape("test", ("build",)), Shape("ship", ("lint", "test"))


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, LINT, BUILD, TEST, SHIP)
    made.do("lint", "build", "test")
    return made


def migrate(world, *shapes, confirm=lambda _: True, **more):
    world.compile(*shapes, **more)
    return migrating.migrate_item(world.session(), ITEM, "d" * 40, "the plan moved on", confirm)


def handoff(world, step):
    found = world.state(step).handoff
    return found.digest if found else ""


def test_steps_with_equal_digests_keep_their_work_and_the_others_start_again(world):
    kept = {step: handoff(world, step) for step in ("lint", "build")}
    migrate(world, LINT, BUILD, replace(TEST, run="true # twice"), SHIP)
    assert world.status("lint", "build", "test", "ship") == ["done", "done", "pending", "pending"]
    assert {step: handoff(world, step) for step in kept} == kept
    # The fence goes on rising: the next attempt is the second.
    world.do("test", "ship")
    assert world.events(f"{ITEM}/test") == ["claimed", "completed", "invalidated", "claimed", "completed"]
    assert world.state("test").attempt == 2
    assert not world.view().item.is_open


def test_what_builds_on_a_step_that_starts_again_starts_again_too(world):
    migrate(world, LINT, replace(BUILD, run="true # other"), TEST, SHIP)
    assert world.status("lint", "build", "test") == ["done", "pending", "pending"]


def test_the_mapping_is_shown_before_it_is_signed_and_is_what_is_signed(world):
    shown = []
    record = migrate(world, BUILD, replace(LINT, run="true # new"), TEST, Shape("scan"), confirm=lambda m: not shown.append(m))
    mapping = {"build": "kept", "lint": "invalidated", "test": "kept", "scan": "added", "ship": "removed"}
    assert [dict(one.steps) for one in shown] == [mapping]
    (_, signed) = open_chain(world.session(), world.ledger.read([f"{ITEM}/_item"])[f"{ITEM}/_item"])
    assert signed == record
    assert dict(signed.record.body.mapping) == mapping
    assert signed.key_id == world.keys["you"].key_id
    assert (signed.record.body.commit, signed.record.body.reason) == ("d" * 40, "the plan moved on")


def test_a_work_item_reads_its_own_copy_of_the_plan_until_it_is_migrated(world):
    world.compile(LINT, BUILD, TEST, SHIP, Shape("more"))
    assert read_compiled(world.session(), read_item(world.session(), ITEM))[0].order == ("lint", "build", "test", "ship")
    migrate(world, LINT, BUILD, TEST, SHIP, Shape("more"))
    assert read_compiled(world.session(), read_item(world.session(), ITEM))[0].order[-1] == "more"


def test_nothing_is_signed_without_a_yes(world):
    assert migrate(world, LINT, replace(BUILD, run="false"), TEST, SHIP, confirm=lambda _: False) is None
    assert world.events(f"{ITEM}/_item") == ["opened"]
    assert world.status("build") == "done"


def test_what_changed_while_the_mapping_was_shown_is_shown_again(world):
    shown = []

    def confirm(mapping):
        shown.append(dict(mapping.steps))
        if len(shown) == 1:
            # The branch moves on, and so does the work.
            world.compile(LINT, replace(BUILD, run="true # other"), TEST, SHIP, Shape("scan"))
            world.claim("ship")
        return True

    record = migrate(world, LINT, replace(BUILD, run="true # other"), TEST, SHIP, confirm=confirm)
    mapping = {"lint": "kept", "build": "invalidated", "test": "invalidated", "ship": "invalidated"}
    assert shown == [mapping, mapping | {"scan": "added"}]
    assert dict(record.record.body.mapping) == shown[-1]
    assert world.events(f"{ITEM}/ship") == ["claimed", "invalidated"]


def test_a_work_item_that_was_closed_while_the_mapping_was_shown_is_not_migrated(world):
    def confirm(mapping):
        del mapping
        world.do("ship")
        return True

    with pytest.raises(Conflict, match="closed"):
        migrate(world, LINT, replace(BUILD, run="true # other"), TEST, SHIP, confirm=confirm)
    assert world.events(f"{ITEM}/_item") == ["opened", "closed"]
    assert world.events(f"{ITEM}/build") == ["claimed", "completed"]


def test_an_integrated_step_stays_or_must_be_reverted_first(tmp_path):
    merge = Shape("merge", baseline=True)
    world = World(tmp_path, merge, Shape("tell", ("merge",)))
    world.do("merge")
    for changed in ((replace(merge, run="true # other"), Shape("tell", ("merge",))), (Shape("tell"),)):
        with pytest.raises(Conflict, match="merge is integrated and would start again") as refused:
            migrate(world, *changed)
        assert refused.value.hint.startswith(f"planloom revert {ITEM} merge --handoff")
    migrate(world, merge, Shape("tell", ("merge",), run="true # other"))
    assert world.status("merge", "tell") == ["integrated", "pending"]


def test_a_running_attempt_of_a_step_that_is_kept_counts_and_one_of_a_step_that_changed_does_not(tmp_path):
    kept, changed = Shape("kept"), Shape("changed")
    world = World(tmp_path, kept, changed)
    running = [world.claim("kept"), world.claim("changed")]
    migrate(world, kept, replace(changed, run="true # other"))
    for won in running:
        world.finish(won)
    assert world.events(f"{ITEM}/kept") == ["claimed", "completed"]
    assert world.events(f"{ITEM}/changed") == ["claimed", "invalidated", "superseded"]
    assert world.status("kept", "changed") == ["done", "pending"]


def test_a_job_does_not_run_a_step_that_is_not_the_one_that_was_claimed(tmp_path):
    changed = Shape("changed")
    world = World(tmp_path, changed)
    won = world.claim("changed")
    migrate(world, replace(changed, run="touch harm"))
    with pytest.raises(TrustError, match="is not the one that was claimed") as refused:
        executing.check_claim(world.session(), ITEM, "changed", won.attempt.id)
    assert refused.value.code == "E_PLAN"


def test_there_is_nothing_to_migrate_to_the_same_plan_or_of_a_closed_work_item(world):
    with pytest.raises(Conflict, match="newest version"):
        migrate(world, LINT, BUILD, TEST, SHIP)
    world.close()
    with pytest.raises(Conflict, match="closed"):
        migrate(world, LINT, BUILD, TEST)
