"""A race proves that a ledger is exclusive, says so when it is not, and leaves nothing behind."""

from __future__ import annotations

import json

import pytest

from gitserver import WRITE_TOKEN, GitServer, run_git
from planloom.care import race as racing
from planloom.care.doctor import examine
from planloom.care.gitcare import git_version
from planloom.care.race import Race, Round, run_race
from planloom.care.scratch import Scratch
from planloom.core.errors import StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry

NONCE = "0123456789abcdef0123456789abcdef"


def ignore(one):
    del one


def test_files_are_exclusive_between_processes_and_nothing_is_left(fresh):
    race = run_race(fresh.ground("files"), 5, 3, NONCE, ignore)
    assert race.is_exclusive
    assert (race.won, race.tried) == (5, 15)
    assert [path.name for path in (fresh.root / "artifacts/.ledger").iterdir()] == []
    assert fresh.examine() == []


def test_a_git_remote_is_exclusive_and_its_refs_are_removed(fresh, remote):
    race = run_race(fresh.ground("git"), 3, 3, NONCE, ignore)
    assert race.is_exclusive
    assert race.where == "git origin"
    assert fresh.git("ls-remote", str(remote)) == ""


@pytest.mark.slow
def test_a_git_server_is_exclusive_and_pushes_are_counted(fresh, tmp_path):
    with GitServer(tmp_path / "served.git") as server:
        fresh.git("remote", "add", "origin", server.url)
        fresh.environment["PLANLOOM_LEDGER_TOKEN"] = WRITE_TOKEN
        done = fresh.run("doctor", "--race", "2", "--contenders", "2", "--ledger", "git", "--format", "json")
        assert done.code == 0, done.err
        value = json.loads(done.out)
        assert value["exclusive"] is True
        assert (value["won"], value["tried"]) == (2, 4)
        assert server.refs() == {}


def test_the_table_names_rounds_winners_pushes_and_latency(fresh, remote):
    done = fresh.run("doctor", "--race", "2", "--contenders", "2", "--ledger", "git")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["ledger", "rounds", "winners", "pushes", "latency"]
    assert "1 in 2 rounds; exactly one, and its entry is there, in 2 of 2" in done.out


def test_a_ledger_that_each_contender_has_for_itself_is_found_out(tmp_path):
    # What a folder that only seems to be shared does: everybody wins, nobody sees the others.
    starts = tuple(
        {"kind": "files", "folder": str(tmp_path / f"machine-{i}"), "chain": "planloom-doctor-x/race", "name": f"contender-{i}"}
        for i in (1, 2)
    )
    track = racing._Track("files", starts, FileLedger(tmp_path / "machine-1"), "planloom-doctor-x/race")
    with racing._contender(starts[0]) as one, racing._contender(starts[1]) as other:
        racing._hear(one)
        racing._hear(other)
        found, _ = racing._hold(track, [one, other], 1, EMPTY)
    assert found.winners == ("contender-1", "contender-2")
    assert not found.is_exclusive
    assert not Race("files", 2, (found,)).is_exclusive


@pytest.mark.parametrize(
    ("winners", "holds", "expected"),
    [(("a",), "a", True), (("a",), "b", False), ((), "", False), (("a", "b"), "a", False), (("a",), "", False)],
)
def test_a_round_counts_only_with_one_winner_whose_entry_is_there(winners, holds, expected):
    assert Round(1, winners, holds, ()).is_exclusive is expected


def test_a_remote_that_is_not_there_is_an_error_and_not_a_verdict(fresh):
    with pytest.raises(StoreError):
        run_race(fresh.ground("git"), 1, 2, NONCE, ignore)
    assert fresh.run("doctor", "--race", "1", "--ledger", "git").code == 5


def test_refs_of_a_race_that_was_killed_are_found_and_removed(fresh, remote):
    scratch = Scratch.find(fresh.ground("git"))
    ledger = scratch.ledger()
    for number in range(7):
        ledger.append({f"planloom-doctor-dead/race-{number}": Append(EMPTY, Entry("claims", b"x"))})
    assert fresh.examine("git") == [("left-over", "refs/planloom/planloom-doctor-*")]
    assert fresh.fix("git") == []
    assert fresh.git("ls-remote", str(remote)) == ""


def test_the_folder_of_a_race_that_was_killed_is_removed(fresh):
    folder = fresh.root / "artifacts/.ledger/race-dead"
    folder.mkdir(parents=True)
    assert fresh.examine() == []
    fresh.age("artifacts/.ledger/race-dead")
    assert fresh.examine() == [("left-over", "artifacts/.ledger/race-dead")]
    assert fresh.fix() == []


UNCOLLECTED = [("checkpoint", "artifacts/exports/checkpoint")]
"""All there is to find when a work item was opened and nothing collected yet."""


@pytest.mark.parametrize("kind", ["blob", "commit"])
def test_a_damaged_copy_of_a_ledger_is_made_anew(fresh, remote, kind):
    assert fresh.run("open", "release-1", "--plan", "release", "--ledger", "git").code == 0
    assert fresh.examine("git") == UNCOLLECTED
    (cache,) = (fresh.root / ".planloom/cache").glob("*.git")
    for path in sorted((cache / "objects").glob("??/*")):
        if run_git("--git-dir", str(cache), "cat-file", "-t", path.parent.name + path.name).strip() == kind:
            path.chmod(0o644)
            path.write_bytes(b"")
    assert "cache" in [code for code, _ in fresh.examine("git")]
    assert fresh.fix("git") == UNCOLLECTED
    assert fresh.run("status", "release-1", "--ledger", "git").code == 0


def test_a_lock_that_a_killed_git_left_is_found(fresh, remote):
    assert fresh.run("open", "release-1", "--plan", "release", "--ledger", "git").code == 0
    (cache,) = (fresh.root / ".planloom/cache").glob("*.git")
    (cache / "packed-refs.lock").touch()
    assert fresh.examine("git") == UNCOLLECTED
    fresh.age((cache / "packed-refs.lock").relative_to(fresh.root).as_posix())
    assert [code for code, _ in fresh.examine("git")] == ["cache", "checkpoint"]
    assert fresh.fix("git") == UNCOLLECTED


def test_a_race_goes_alone(fresh):
    assert fresh.run("doctor", "--race", "1", "--fix").code == 2


def test_the_version_of_git_is_read_from_what_it_says(fresh, tmp_path):
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho git version 2.20.1\n")
    fake.chmod(0o755)
    fresh.environment["PATH"] = str(fake.parent)
    assert git_version(fresh.ground()) == (2, 20)


def test_a_closed_work_item_that_was_never_collected_points_to_the_collector(fresh, remote):
    for words in (["open", "release-1", "--plan", "release"], ["close", "release-1", "--reason", "given up"]):
        done = fresh.run(*words, "--ledger", "git")
        assert done.code == 0, done.err
    (found,) = [one for one in examine(fresh.ground("git")) if one.code == "uncollected"]
    assert found.what == "release-1 is closed, but 2 of its 2 records are not on the ledger branch yet"
    assert found.repair.startswith("gh workflow run release-collector.yml -f work-item=release-1  # or here: planloom collect")
    for words in (["collect"], ["export"], ["collect", "--push"]):
        done = fresh.run(*words, "--ledger", "git")
        assert done.code == 0, done.err
    assert fresh.examine("git") == []
