"""What status and why name moves a work item on, and does not lead back to themselves."""

from __future__ import annotations

import os
import signal

import pytest

from shops import Shop


def test_after_a_run_was_killed_its_work_item_goes_on_with_run(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    shop = Shop(tmp_path / "shop", {"key": "build", "run": f"if [ ! -e ../seen ]; then : > ../seen; cat {tmp_path}/pipe; fi"})
    # Opening the pipe waits for the step: from here on it runs, and it is claimed.
    with shop.start("run", "demo-1") as killed, (tmp_path / "pipe").open("w"):
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    for words in (["status", "demo-1"], ["why", "demo-1", "build"], ["status", "demo-1", "build"]):
        assert shop.check(*words).stderr.endswith("Next: planloom run demo-1\n"), words
    assert shop.run("run", "demo-1").returncode == 0


@pytest.mark.parametrize("words", [["status", "demo-1"], ["why", "demo-1", "notes"]], ids=" ".join)
def test_a_claim_by_hand_names_how_it_is_completed_and_how_it_is_given_up(tmp_path, words):
    shop = Shop(tmp_path / "shop", {"key": "notes"})
    shop.check("open", "demo-1")
    shop.check("claim", "demo-1", "notes")
    said = shop.check(*words)
    assert said.stderr.endswith(
        "Next: planloom complete demo-1 notes --attempt notes-local --outcome TEXT --next-action TEXT\n"
    ), said.stderr
    if words[0] == "why":
        assert "planloom abandon demo-1 notes --reason TEXT --override" in said.stdout
    shop.check("abandon", "demo-1", "notes", "--reason", "forgotten", "--override")
    assert shop.check(*words).stderr.endswith("Next: planloom claim demo-1 notes\n")


def test_what_waits_for_a_resource_leads_to_the_work_item_that_holds_it(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "a", "resources": ["lab"]}, resources={"lab": {"capacity": 1}})
    for item in ("demo-1", "demo-2"):
        shop.check("open", item)
    shop.check("claim", "demo-1", "a")
    assert shop.check("why", "demo-2", "a").stderr.endswith("Next: planloom status demo-1\n")
    assert "Next: planloom complete demo-1 a" in shop.check("status", "demo-1").stderr


def test_run_names_close_where_an_integrated_step_keeps_the_work_item_open(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "merge", "run": "true", "baseline": True})
    for _ in range(2):
        assert "demo-1 stays open" in shop.check("run", "demo-1").stderr
    assert "planloom close demo-1 --reason TEXT ends it" in shop.check("run", "demo-1").stderr
    shop.check("close", "demo-1", "--reason", "released")
    assert "stays open" not in shop.run("run", "demo-1").stderr
    shop.plan({"key": "plain", "run": "true"}, plan="plain")
    assert "stays open" not in shop.check("run", "plain-1").stderr


def test_after_ones_own_of_two_approvals_the_others_are_named_and_nothing_that_would_be_refused(tmp_path):
    shop = Shop(tmp_path / "shop")
    for name in ("ann", "bob"):
        shop.check("keys", "new", name)
        shop.check("keys", "trust", name, "--role", "approver", "--yes")
    shop.plan({"key": "ship", "run": "true", "gate": {"role": "approver", "approvals": 2}})
    assert "Next: planloom approve demo-1 ship\n" in shop.run("run", "demo-1").stderr
    said = "Next: planloom status demo-1  # ship waits for 1 approval by approver from ann, bob\n"
    for words in (
        ["approve", "demo-1", "ship", "--yes"],
        ["status", "demo-1"],
        ["why", "demo-1"],
        ["why", "demo-1", "ship"],
        ["run", "demo-1"],
    ):
        assert shop.run(*words).stderr.endswith(said), words
    assert shop.json("status", "demo-1")["workItems"][0]["next"] == "planloom status demo-1"
    assert shop.run("approve", "demo-1", "ship", "--yes").returncode == 3
    # Bob is asked, and after him nobody.
    bob = {"PLANLOOM_SIGNING_KEY_FILE": str(shop.folder / ".planloom/bob.pem")}
    assert shop.check("status", "demo-1", **bob).stderr.endswith("Next: planloom approve demo-1 ship\n")
    assert "Next: planloom run" in shop.check("approve", "demo-1", "ship", "--yes", **bob).stderr


def test_who_may_not_approve_is_told_who_may_and_other_work_comes_first(tmp_path):
    shop = Shop(tmp_path / "shop")
    shop.check("keys", "new", "guest")
    shop.check("keys", "trust", "guest", "--role", "executor", "--yes")
    guest = {"PLANLOOM_SIGNING_KEY_FILE": str(shop.folder / ".planloom/guest.pem")}
    shop.plan({"key": "ship", "run": "true", "gate": {"role": "approver"}}, {"key": "notes", "needs": []})
    shop.check("open", "demo-1")
    assert shop.check("status", "demo-1", **guest).stderr.endswith("Next: planloom claim demo-1 notes\n")
    shop.check("claim", "demo-1", "notes")
    shop.check("complete", "demo-1", "notes", "--outcome", "done", "--next-action", "none")
    assert shop.check("status", "demo-1", **guest).stderr.endswith("# ship waits for 1 approval by approver from you\n")
    assert shop.check("status", "demo-1").stderr.endswith("Next: planloom approve demo-1 ship\n")


@pytest.mark.parametrize(
    ("broken", "state"),
    [
        ({"key": "ship", "run": "exit 1"}, "failed"),
        ({"key": "ship", "run": "true", "gate": {"role": "approver"}}, "waits"),
        ({"key": "ship"}, "manual"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_moved_on_while_its_work_item_stands_still_names_migrate(tmp_path, broken, state):
    shop = Shop(tmp_path / "shop", broken)
    shop.run("run", "demo-1")
    assert shop.states() == {"ship": state}
    assert "migrate" not in shop.check("status", "demo-1").stderr
    shop.plan({"key": "ship", "run": "true"})
    for words in (["run", "demo-1"], ["status", "demo-1"], ["status"], ["why", "demo-1"], ["why", "demo-1", "ship"]):
        said = shop.run(*words).stderr
        assert "plan demo has changed since demo-1 was bound to it: planloom migrate demo-1\n" in said, words
        assert said.endswith("Next: planloom migrate demo-1\n") == (state == "failed"), (words, said)
    if state == "failed":
        assert shop.json("status", "demo-1")["workItems"][0]["next"] == "planloom migrate demo-1"
    shop.check("migrate", "demo-1", "--yes")
    shop.check("run", "demo-1")
    assert shop.states() == {"ship": "ok"}


def test_a_plan_that_was_edited_and_not_compiled_is_compiled_before_its_work_item_migrates(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "ship", "run": "exit 1"})
    shop.run("run", "demo-1")
    source = shop.folder / "specs/demo.yaml"
    source.write_text(source.read_text().replace("exit 1", "true"))
    assert shop.check("status", "demo-1").stderr.endswith("Next: planloom compile && planloom migrate demo-1\n")
    shop.check("compile")
    shop.check("migrate", "demo-1", "--yes")
    assert shop.check("run", "demo-1").stderr.endswith("Next: planloom verify\n")


def test_a_scratch_run_whose_plan_moved_on_names_no_migration(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "ship", "run": "exit 1"})
    for command in ("exit 1", "exit 2"):
        shop.plan({"key": "ship", "run": command})
        said = shop.run("run", "demo-1", "--scratch", str(tmp_path / "a scratch")).stderr
        assert "migrate" not in said
        assert said.endswith(
            f"Next: planloom delegate --structured-work-item demo-1 --retry ship --root '{tmp_path}/a scratch'\n"
        )


def test_a_work_item_that_goes_on_with_the_old_plan_says_so(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "ship", "run": "true"})
    shop.check("open", "demo-1")
    shop.plan({"key": "ship", "run": "true # new"})
    said = shop.check("status", "demo-1").stderr
    assert "plan demo has changed since demo-1 was bound to it: planloom migrate demo-1\n" in said
    assert said.endswith("Next: planloom run\n")


def test_a_work_item_that_a_migration_left_with_nothing_to_do_is_closed_by_what_comes_next(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true"}, {"key": "ship", "run": "exit 1"})
    shop.run("run", "demo-1")
    shop.plan({"key": "build", "run": "true"})
    assert shop.check("migrate", "demo-1", "--yes").stderr.endswith("Next: planloom run demo-1\n")
    assert shop.check("run", "demo-1").stderr.endswith("Next: planloom verify\n")
    assert "closed" in shop.check("status", "demo-1").stdout
