"""diff: what a change of the plans does to work items that are open, in every format."""

from __future__ import annotations

import json
import shutil

import pytest

from shops import Shop, write_plan

STEPS = (
    {"key": "lint", "run": "true", "needs": []},
    {"key": "build", "run": "true", "needs": ["lint"]},
    {"key": "notes", "needs": ["lint"]},
    {"key": "test", "run": "true", "needs": ["build"]},
    {"key": "publish", "run": "true", "needs": ["test"], "gate": {"role": "approver", "approvals": 1}},
)


def changed(**fields):
    """Return the steps with other fields of one of them: {key: {field: value}}."""
    return [step | fields.get(step["key"], {}) for step in STEPS]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project with one work item of which lint, build and test are done; its plans as they were lie in `old`."""
    made = Shop(tmp_path_factory.mktemp("diff") / "shop", *STEPS)
    made.run("run", "demo-1")
    assert made.states() == {"lint": "ok", "build": "ok", "notes": "manual", "test": "ok", "publish": "waits"}
    old = made.folder.parent / "old" / "specs"
    shutil.copytree(made.folder / "specs", old)
    return made


def diff(shop, steps, *words):
    (shop.folder / "specs/demo.yaml").write_text(write_plan(steps))
    return shop.check("diff", str(shop.folder.parent / "old"), *words).stdout


def test_a_changed_command_takes_its_step_and_all_that_follow_back_to_work(shop):
    text = diff(shop, changed(build={"run": "make"}))
    assert "work item demo-1, when it is migrated:\n" in text
    assert "  done and to be done again: build, test\n" in text
    assert "  ready: none → build\n" in text
    found = json.loads(diff(shop, changed(build={"run": "make"}), "--format", "json"))
    assert found["workItems"] == [
        {"workItem": "demo-1", "plan": "demo", "invalidated": ["build", "test"], "readyBefore": [], "readyAfter": ["build"]}
    ]
    markdown = diff(shop, changed(build={"run": "make"}), "--format", "markdown")
    assert "- done and to be done again: build, test\n" in markdown
    assert "- ready: none → build" in markdown


def test_what_migrating_then_does_is_what_diff_said(shop, tmp_path_factory):
    other = tmp_path_factory.mktemp("migrated") / "shop"
    shutil.copytree(shop.folder, other, symlinks=True)
    copy = Shop.__new__(Shop)
    copy.folder, copy.environment = other, shop.environment
    copy.plan(*changed(build={"run": "make"}))
    copy.check("migrate", "demo-1", "--yes")
    assert copy.states() == {"lint": "ok", "build": "ready", "notes": "manual", "test": "waits", "publish": "waits"}


def test_a_step_that_comes_last_keeps_all_work(shop):
    steps = [*STEPS, {"key": "tell", "run": "true", "needs": ["publish"]}]
    text = diff(shop, steps)
    assert "work item demo-1 keeps all its work when it is migrated\n" in text
    assert "longest path: 4 → 5 steps (lint → build → test → publish → tell)" in text


def test_a_step_that_is_ready_at_once_is_told(shop):
    steps = [*STEPS, {"key": "scan", "run": "true", "needs": ["lint"]}]
    assert "  ready: none → scan\n" in diff(shop, steps)


def test_a_plan_that_goes_takes_all_work_along(shop):
    (shop.folder / "specs/demo.yaml").unlink()
    (shop.folder / "specs/other.yaml").write_text(
        (shop.folder.parent / "old/specs/demo.yaml").read_text().replace("demo", "other")
    )
    try:
        text = shop.check("diff", str(shop.folder.parent / "old")).stdout
    finally:
        (shop.folder / "specs/other.yaml").unlink()
    assert "  done and to be done again: lint, build, test\n" in text


def test_equal_plans_say_nothing_of_work_items(shop):
    assert diff(shop, list(STEPS)) == "The plans mean the same.\n"


def test_two_revisions_are_compared_without_the_work_items_of_today(shop):
    old = str(shop.folder.parent / "old")
    (shop.folder / "specs/demo.yaml").write_text(
        (shop.folder.parent / "old/specs/demo.yaml").read_text().replace('"true"', '"make"')
    )
    assert "demo-1" not in shop.check("diff", old, str(shop.folder)).stdout
    assert "demo-1" in shop.check("diff", old).stdout
