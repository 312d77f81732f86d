"""What is integrated stays so until it is reverted: in every ledger, for every process and every machine."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from gitserver import make_bare
from race.test_processes_share_a_plan import finish
from shops import Shop

STEPS = (
    {"key": "build", "run": "true", "needs": []},
    {"key": "merge", "run": "true", "needs": ["build"]},
    {"key": "deploy", "run": "true", "needs": ["merge"]},
    {"key": "announce", "run": "true", "needs": ["deploy"]},
    {"key": "docs", "run": "true", "needs": ["build"]},
)
ITEM = "demo-1"


class Machine(Shop):
    """A shop that was copied from another one, with its keys; all its commands use one ledger."""

    def __init__(self, folder, ledger):
        self.folder = folder
        self.ledger = ledger

    def start(self, command, *arguments, **more):
        return super().start(command, *arguments, "--ledger", self.ledger, **more)

    def ask(self, code, *words):
        done = self.run(*words)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture(params=["files", "files elsewhere", "git"])
def machines(request, tmp_path):
    """Two places to type commands in: one folder, two folders that share one for records, two machines with a remote."""
    first = Shop(tmp_path / "first", *STEPS)
    make_bare(tmp_path / "origin.git")
    ledger = {"files": "files", "files elsewhere": f"files:{tmp_path / 'records'}", "git": f"git:{tmp_path / 'origin.git'}"}
    second = first.folder
    if request.param != "files":
        second = tmp_path / "second"
        shutil.copytree(first.folder, second)
    made = []
    for folder in (first.folder, second):
        machine = Machine(folder, ledger[request.param])
        machine.environment = first.environment
        made.append(machine)
    made[0].ask(0, "open", ITEM)
    for step, more in (("build", ()), ("merge", ("--integrated",))):
        made[0].ask(0, "claim", ITEM, step)
        made[0].ask(0, "complete", ITEM, step, "--outcome", "done", "--next-action", "go on", *more)
    return made


def handoff(machine, step):
    return machine.ask(0, "why", ITEM, step).partition("sha256:")[2][:12]


def revert(machine, *words):
    return ("revert", ITEM, "merge", "--handoff", handoff(machine, "merge"), "--reason", "broke", *words)


def test_an_integrated_step_refuses_claims_and_results_of_every_process_until_it_is_reverted(machines):
    here, there = machines
    for machine in machines:
        assert re.search("planloom revert .*demo-1 merge", machine.ask(3, "claim", ITEM, "merge"))
        assert "integrated" in machine.ask(3, "complete", ITEM, "merge", "--outcome", "again", "--next-action", "x")
        said = machine.ask(3, "complete", ITEM, "merge", "--integrated", "--outcome", "again", "--next-action", "x")
        assert "integrated" in said
        assert "there is nothing to revert" in machine.ask(
            3, "revert", ITEM, "build", "--handoff", "0" * 64, "--reason", "x", "--yes"
        )
    racers = [machine.start("claim", ITEM, "merge") for machine in machines * 2]
    assert [finish(racer)[0] for racer in racers] == [3, 3, 3, 3]
    here.ask(0, *revert(here, "--yes"))
    there.ask(0, "claim", ITEM, "merge")
    here.ask(3, "claim", ITEM, "merge")
    there.ask(0, "complete", ITEM, "merge", "--outcome", "done", "--next-action", "x")
    assert "is done" in here.ask(3, "claim", ITEM, "merge")
    assert "Self-consistent" in here.ask(0, "verify")


def test_a_revert_shows_all_that_it_takes_back_and_signs_nothing_before_it_is_told_to(machines):
    here, there = machines
    there.ask(0, "claim", ITEM, "deploy")
    said = here.run(*revert(here)).stderr
    assert "starts again   merge, deploy, announce" in said
    assert "running now    deploy: their results will be kept, but not count" in said
    assert "docs" not in said
    assert "integrated" in there.ask(3, "claim", ITEM, "merge")
    said = there.ask(0, *revert(there, "--yes"))
    assert "starts again   merge, deploy, announce" in said
    assert "2 steps downstream start again" in said


def test_a_claim_on_one_machine_that_a_revert_on_another_overtakes_is_superseded_and_not_lost(machines):
    here, there = machines
    there.ask(0, "claim", ITEM, "deploy")
    here.ask(0, *revert(here, "--yes"))
    shown = json.loads(
        there.run("complete", ITEM, "deploy", "--outcome", "done", "--next-action", "x", "--format", "json").stdout
    )
    assert shown["event"] == "superseded"
    assert "needs merge" in there.ask(3, "claim", ITEM, "deploy")
    report = json.loads(here.run("verify", "--format", "json").stdout)
    assert report["verdict"] == "self-consistent"
    events = next(item for item in report["workItems"] if item["id"] == ITEM)["events"]
    assert (events["reverted"], events["invalidated"], events["superseded"]) == (1, 2, 1)


def test_of_a_revert_and_a_claim_downstream_at_the_same_moment_nothing_is_lost(machines):
    here, there = machines
    taking_back = revert(here, "--yes")
    racers = [here.start(*taking_back), *(there.start("claim", ITEM, step) for step in ("deploy", "docs"))]
    codes = [finish(racer)[0] for racer in racers]
    assert (codes[0], codes[2]) == (0, 0)
    assert codes[1] in (0, 3)
    if codes[1] == 0:
        done = there.run("complete", ITEM, "deploy", "--outcome", "done", "--next-action", "x", "--format", "json")
        assert json.loads(done.stdout)["event"] == "superseded"
    shown = json.loads(here.run("status", ITEM, "--format", "json").stdout)
    states = {step["key"]: step["state"] for step in shown["workItems"][0]["steps"]}
    assert (states["merge"], states["deploy"], states["docs"]) == ("ready", "waits", "running")
    assert "Self-consistent" in there.ask(0, "verify")
