"""A gate that somebody rejected says who did, when and why, and every command that lets it go on does."""

import re

import pytest

from shops import Shop

MERGE = {"key": "merge", "run": "true", "baseline": True}
BUILD = {"key": "build", "run": "true"}
PUBLISH = {"key": "publish", "run": "true", "needs": ["build"], "gate": {"role": "approver", "approvals": 1}}


@pytest.fixture
def rejected(tmp_path):
    shop = Shop(tmp_path / "shop", BUILD, PUBLISH)
    shop.run("run", "demo-1")
    shop.check("approve", "demo-1", "publish", "--reject", "--yes", "--reason", "the notes are missing")
    return shop


def test_why_shows_who_rejected_when_and_why_and_the_next_command_is_no_circle(rejected):
    said = rejected.check("why", "demo-1", "publish")
    assert "rejected by you" in said.stdout
    assert re.search(r"\d{4}-\d\d-\d\dT\S+Z you \(key [0-9a-f]{8}\): the notes are missing", said.stdout)
    assert "planloom approve demo-1 publish --reject --reentry-step build" in said.stdout
    assert "Next: planloom approve demo-1 publish  # takes the rejection back" in said.stderr
    assert "Next: planloom approve demo-1 publish" in rejected.check("status", "demo-1").stderr


def test_the_rejecter_takes_the_rejection_back_by_approving(rejected):
    rejected.check("approve", "demo-1", "publish", "--yes")
    assert rejected.states()["publish"] == "ready"
    rejected.check("run", "demo-1")
    assert set(rejected.states().values()) == {"ok"}


def test_the_work_is_done_again_from_the_step_that_why_names(rejected):
    rejected.check("approve", "demo-1", "publish", "--reject", "--reentry-step", "build", "--yes")
    assert rejected.states()["build"] == "ready"


def test_status_names_the_rejecter_and_nobody_whose_approval_changes_nothing(tmp_path):
    shop = Shop(tmp_path / "shop", BUILD, PUBLISH)
    shop.check("keys", "new", "ann")
    shop.check("keys", "trust", "ann", "--role", "approver", "--yes")
    shop.run("run", "demo-1")
    shop.check("approve", "demo-1", "publish", "--reject", "--yes", PLANLOOM_SIGNING_KEY_FILE=".planloom/ann.pem")
    said = shop.check("status", "demo-1").stdout
    assert "rejected by ann" in said
    assert "you" not in said


def test_before_an_integrated_step_a_revert_is_what_lets_the_work_be_done_again(tmp_path):
    shop = Shop(tmp_path / "shop", MERGE, {**PUBLISH, "needs": ["merge"]})
    shop.run("run", "demo-1")
    shop.check("approve", "demo-1", "publish", "--reject", "--yes")
    said = shop.check("why", "demo-1", "publish").stdout
    (revert,) = re.findall(r"planloom (revert demo-1 merge --handoff [0-9a-f]{12} --reason) TEXT", said)
    refused = shop.run("delegate", "--structured-work-item", "demo-1", "--retry", "merge", "--take-back")
    assert (refused.returncode, f"planloom {revert}" in refused.stderr) == (3, True)
    shop.check(*revert.split(), "again", "--yes")
    assert shop.states()["merge"] == "ready"
