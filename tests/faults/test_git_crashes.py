"""The git ledger when a machine dies, an answer is lost, or a delivery comes twice."""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ledgerworker
from gitledgers import git_ledger
from gitserver import FETCH, PUSH, WRITE_TOKEN, GitServer, run_git
from planloom.ledger.ledger import EMPTY, Append, Entry, Lost, Won
from planloom.ledger.points import GIT_POINTS

SEVERAL = {"a/_item": "item", "a/build": "one", "_resource/r": "three"}
WHOLE = {chain: [text] for chain, text in sorted(SEVERAL.items())}


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path / "origin.git") as running:
        yield running


@pytest.fixture
def machine(tmp_path, server):
    return git_ledger(tmp_path, server.url, WRITE_TOKEN, "machine")


def worker(tmp_path, server, name="worker", **job):
    return ledgerworker.start(ledger=server.url, token=WRITE_TOKEN, cache=str(tmp_path / name), **job)


def contents(ledger):
    return {n: [e.content.decode() for e in c.entries] for n, c in ledger.read(["a/", "_resource/"]).items()}


def append(ledger, round_):
    heads = {chain: found.head for chain, found in ledger.read(list(round_)).items()}
    return ledger.append({c: Append(heads[c], ledgerworker.entry_of(c, text)) for c, text in round_.items()})


@pytest.mark.parametrize("point", GIT_POINTS)
def test_several_records_are_all_there_or_none_wherever_the_machine_dies(tmp_path, server, machine, point):
    assert ledgerworker.go(worker(tmp_path, server, rounds=[SEVERAL], crash=point)) == [None]
    counts = point == "git: after push"
    assert contents(machine) == (WHOLE if counts else {})
    # The same machine comes back with the same cache and goes on.
    (answer,) = ledgerworker.go(worker(tmp_path, server, rounds=[SEVERAL], after=True))
    assert answer == [True]
    assert {len(texts) for texts in contents(machine).values()} == ({2} if counts else {1})


def test_killed_at_any_moment_of_a_push_the_remote_has_all_or_nothing(tmp_path, server, machine):
    dice = random.Random(20261122)
    server.delay = 0.05
    for number in range(4):
        chains = {f"a/x{number}": "x", f"a/y{number}": "y"}
        process = worker(tmp_path, server, f"worker-{number}", rounds=[chains])
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        try:
            process.wait(timeout=dice.uniform(0.02, 0.5))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        found = {name for name in contents(machine) if name in chains}
        assert found in (set(), set(chains))
        # Whoever comes next either finds the claim taken or takes it; a push that lands late changes nothing of that.
        outcome = machine.append({c: Append(EMPTY, Entry("claims", b"mine")) for c in chains})
        texts = {text for name, entries in contents(machine).items() if name in chains for text in entries}
        assert texts == ({"mine"} if isinstance(outcome, Won) else texts & {"x", "y"})
        assert len(contents(machine)[f"a/x{number}"]) == 1
    assert server.git("fsck", "--strict", "--no-dangling", "--no-progress") == ""


@pytest.mark.parametrize("lost", [1, 3])
def test_answers_that_never_arrive_are_found_out(tmp_path, server, machine, lost):
    server.fail_next(PUSH, drop=True, times=lost)
    server.fail_next(FETCH, 502, times=1)
    assert isinstance(append(machine, SEVERAL), Won)
    assert contents(git_ledger(tmp_path, server.url, WRITE_TOKEN, "other")) == WHOLE


def test_the_ledger_branch_and_pruning_survive_lost_answers(tmp_path, server, machine):
    outcome = machine.append({"a/_item": Append(EMPTY, Entry("work-items", b"closed"))})
    server.fail_next(PUSH, drop=True)
    machine.commit_branch({"work-items/a/_item/000001.json": b"closed"}, "", "collect")
    server.fail_next(PUSH, drop=True)
    assert machine.prune("a").removed == ("a/_item",)
    assert list(server.refs()) == ["refs/heads/planloom"]
    assert isinstance(outcome, Won)


def test_a_push_that_is_delivered_again_later_changes_nothing(tmp_path, server, machine):
    first = append(machine, {"a/build": "one"}).heads["a/build"]
    second = append(machine, {"a/build": "two"}).heads["a/build"]
    for commit, lease in ((first.token, ""), (second.token, first.token)):
        replay = [
            "push",
            "--atomic",
            f"--force-with-lease=refs/planloom/a/build:{lease}",
            str(server.bare),
            f"{commit}:refs/planloom/a/build",
        ]
        done = subprocess.run(
            ["git", "--git-dir", str(tmp_path / "machine.git"), *replay],
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"},
        )
        assert done.returncode in {0, 1}
        assert server.refs()["refs/planloom/a/build"] == second.token


def moves(push):
    """Return the refs that a push asks to move; git asks with an empty push first whether it may."""
    return set(re.findall(rb"refs/[a-z0-9/_.-]+", push[1]))


@pytest.mark.slow
def test_deliveries_in_any_order_and_twice_leave_a_beginning_of_the_history(tmp_path, server, machine):
    append(machine, {"a/_item": "item", "a/build": "one"})
    append(git_ledger(tmp_path, server.url, WRITE_TOKEN, "other"), {"a/build": "two", "_resource/r": "r"})
    append(machine, {"a/build": "three"})
    pushes = [push for push in server.delivered if moves(push)]
    assert len(pushes) == 3
    final = contents(machine)
    assert final == {"a/_item": ["item"], "a/build": ["one", "two", "three"], "_resource/r": ["r"]}
    for number, order in enumerate(itertools.product(range(3), repeat=3)):
        with GitServer(tmp_path / f"origin-{number}.git") as late:
            reader = git_ledger(tmp_path, late.url, WRITE_TOKEN, f"reader-{number}")
            for which in order:
                late.deliver(pushes[which])
                found = contents(reader)
                assert all(texts == final[name][: len(texts)] for name, texts in found.items())
                # What one push moves is there together.
                assert len(found.get("a/build", [])) + len(found.get("_resource/r", [])) in {0, 1, 3, 4}
            for push in pushes:
                late.deliver(push)
            assert contents(reader) == final


def test_a_push_that_arrives_again_after_its_work_item_was_pruned_is_void(tmp_path, server, machine):
    append(machine, {"a/build": "one"})
    machine.append({"a/_item": Append(EMPTY, Entry("work-items", b"closed"))})
    copies = {"work-items/a/_item/000001.json": b"closed", "claims/a/build/000001.json": b"one"}
    pushes = [push for push in server.delivered if moves(push)]
    machine.commit_branch(copies, "", "collect")
    assert machine.prune("a").removed == ("a/_item", "a/build")
    for push in pushes:
        server.deliver(push)
    assert "refs/planloom/a/build" in server.refs()
    fresh = git_ledger(tmp_path, server.url, WRITE_TOKEN, "fresh")
    found = fresh.read(["a/"])
    assert {name: len(chain.entries) for name, chain in found.items()} == {"a/_item": 1, "a/build": 1}
    late = Append(found["a/build"].head, Entry("claims", b"late"))
    assert isinstance(fresh.append({"a/build": late}), Lost)
    # The next collector finds what came back, and removes it again.
    assert fresh.prunable() == ("a",)
    fresh.prune("a")
    assert list(server.refs()) == ["refs/heads/planloom"]


FULL = """
import os, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gitledgers import git_ledger
from planloom.core.errors import StoreError
from planloom.ledger.ledger import EMPTY, Append, Entry

folder, origin = Path(sys.argv[2]), sys.argv[3]
mount = lambda *words: subprocess.run(["mount", "-t", "tmpfs", *words, "tmpfs", str(folder)], check=True)
mount("-o", "size=300k")
ledger = git_ledger(folder, origin)
big = {"a/big": Append(EMPTY, Entry("claims", os.urandom(600_000)))}
for attempt in (lambda: ledger.read(["a/"]), lambda: ledger.append(big)):
    try:
        attempt()
    except StoreError as error:
        print(error.code, "|", error.message, "|", error.hint)
mount("-o", "remount,size=50m")
again = git_ledger(folder, origin)
print(len(again.read(["a/"])["a/build"].entries[0].content))
print(type(again.append(big)).__name__)
"""


@pytest.fixture(scope="session")
def own_mounts():
    """Return the command that gives a process mounts of its own; skips where nobody may have any."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        tried = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if shutil.which("unshare") and subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("no mounts of one's own here")


def test_a_full_disk_is_named_at_once_and_costs_nothing_once_there_is_room(tmp_path, server, machine, own_mounts):
    machine.append({"a/build": Append(EMPTY, Entry("claims", os.urandom(600_000)))})
    (tmp_path / "small").mkdir()
    words = [sys.executable, "-c", FULL, str(Path(__file__).parents[1]), str(tmp_path / "small"), str(server.bare)]
    done = subprocess.run([*own_mounts, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    reading, writing, size, outcome = done.stdout.splitlines()
    for refusal in (reading, writing):
        assert "No space left on device" in refusal
    assert "doctor --fix" in reading
    assert (size, outcome) == ("600000", "Won")


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, server):
    class Clock:
        times = iter(["2026-11-22T20:05:52.120Z", "1999-12-31T23:59:59.000Z", "1970-01-01T00:00:00.000Z"])

        def now(self):
            return next(self.times)

    machine = git_ledger(tmp_path, server.url, WRITE_TOKEN, "clock")
    machine._clock = Clock()
    for text in ("one", "two", "three"):
        assert isinstance(append(machine, {"a/build": text}), Won)
    assert contents(git_ledger(tmp_path, server.url, WRITE_TOKEN, "other")) == {"a/build": ["one", "two", "three"]}


def test_a_machine_that_dies_holding_the_caches_lock_keeps_nobody_waiting(tmp_path, server, machine):
    server.delay = 1.0
    process = worker(tmp_path, server, "machine", rounds=[SEVERAL], after=True)
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    while not server.requests:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.delay = 0.0
    assert isinstance(append(machine, {"a/later": "x"}), Won)


def test_a_server_that_lost_everything_after_a_restore_is_seen_as_rewound(tmp_path, server, machine):
    from planloom.core.errors import TrustError

    append(machine, {"a/build": "one"})
    machine.commit_branch({"claims/a/build/000001.json": b"one"}, "", "collect")
    for ref in server.refs():
        if ref.startswith("refs/planloom/"):
            server.git("update-ref", "-d", ref)
    with pytest.raises(TrustError, match="rewound"):
        machine.read(["a/"])
    run_git("--git-dir", str(server.bare), "fsck")


def test_two_collectors_at_once_never_lose_what_the_other_committed(tmp_path, server, machine):
    other = git_ledger(tmp_path, server.url, WRITE_TOKEN, "other")
    tip = ""
    for number in range(3):
        won = machine.commit_branch({f"claims/a/m{number}/000001.json": b"m"}, tip, "one")
        assert isinstance(won, Won)
        assert other.commit_branch({f"claims/a/o{number}/000001.json": b"o"}, tip, "two") == Lost(("planloom",))
        tip = other.branch_files().tip
        tip = other.commit_branch({f"claims/a/o{number}/000001.json": b"o"}, tip, "again").heads["planloom"].token
    assert len(machine.branch_files()) == 6
