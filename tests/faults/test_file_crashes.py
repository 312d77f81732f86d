"""The file ledger when its writer dies, or the disk gives up, at each point that has a name."""

from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys

import pytest

import ledgerworker
from planloom.core.errors import StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry, Lost, Won
from planloom.ledger.points import FILE_POINTS, JOURNAL_POINTS

SINGLE = {"a/build": "one"}
SEVERAL = {"a/_item": "item", "a/build": "one", "a/test": "two", "_resource/r": "three"}
NAMES = ["a/", "_resource/"]


def contents(ledger):
    return {name: [e.content.decode() for e in chain.entries] for name, chain in ledger.read(NAMES).items()}


def append(ledger, round_):
    heads = {chain: found.head for chain, found in ledger.read(list(round_)).items()}
    return ledger.append({c: Append(heads[c], ledgerworker.entry_of(c, text)) for c, text in round_.items()})


def counts_from(points, first):
    """Return each point, and whether an append that dies there counts."""
    return [(point, points.index(point) >= points.index(first)) for point in points]


@pytest.mark.parametrize(("point", "counts"), counts_from(FILE_POINTS, "files: linked"))
def test_one_record_is_there_whole_or_not_at_all_wherever_its_writer_is_killed(tmp_path, point, counts):
    ledger = FileLedger(tmp_path / "artifacts")
    assert ledgerworker.go(ledgerworker.start(ledger=str(tmp_path / "artifacts"), rounds=[SINGLE], crash=point)) == [None]
    assert contents(ledger) == ({"a/build": ["one"]} if counts else {})
    assert isinstance(append(ledger, {"a/build": "next"}), Won)
    assert contents(ledger) == {"a/build": ["one", "next"] if counts else ["next"]}
    assert ledger.leftovers() == ()


@pytest.mark.parametrize(("point", "counts"), counts_from(JOURNAL_POINTS, "files: journal renamed"))
def test_several_records_are_all_there_or_none_wherever_their_writer_is_killed(tmp_path, point, counts):
    ledger = FileLedger(tmp_path / "artifacts")
    assert ledgerworker.go(ledgerworker.start(ledger=str(tmp_path / "artifacts"), rounds=[SEVERAL], crash=point)) == [None]
    whole = {chain: [text] for chain, text in sorted(SEVERAL.items())}
    assert contents(ledger) == (whole if counts else {})
    assert ledger.items() == (("a",) if counts else ())
    if counts:
        assert ledger.attachment("a/_item", 1, "plan.json") == b"item" * 100
    # The next writer carries on from there, whatever it writes.
    assert isinstance(append(ledger, {"a/build": "next"}), Won)
    assert contents(ledger) == ({**whole, "a/build": ["one", "next"]} if counts else {"a/build": ["next"]})
    assert ledger.leftovers() == ()


@pytest.mark.parametrize("point", JOURNAL_POINTS[5:])
@pytest.mark.parametrize("passing", [1, 4])
def test_a_writer_killed_while_it_finishes_for_another_loses_nothing(tmp_path, point, passing):
    folder = str(tmp_path / "artifacts")
    ledger = FileLedger(tmp_path / "artifacts")
    ledgerworker.go(ledgerworker.start(ledger=folder, rounds=[SEVERAL], crash="files: journal durable"))
    ledgerworker.go(ledgerworker.start(ledger=folder, rounds=[{"a/other": "x"}], crash=point, crash_at=passing))
    found = contents(ledger)
    found.pop("a/other", None)
    assert found == {chain: [text] for chain, text in sorted(SEVERAL.items())}
    assert isinstance(append(ledger, {"a/build": "next"}), Won)
    assert contents(ledger)["a/build"] == ["one", "next"]
    assert not (tmp_path / "artifacts/.ledger/journal").exists()


def test_what_a_dead_writer_left_is_named_and_repaired(tmp_path):
    ledger = FileLedger(tmp_path / "artifacts")
    ledgerworker.go(ledgerworker.start(ledger=str(tmp_path / "artifacts"), rounds=[SEVERAL], crash="files: linked"))
    assert ledger.leftovers() == (".ledger/journal", *(f".ledger/new.{n}" for n in range(5)))
    before = contents(ledger)
    ledger.repair()
    assert ledger.leftovers() == ()
    assert contents(ledger) == before
    assert (tmp_path / "artifacts/claims/a/build/000001.json").read_bytes() == b"one"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("round_", [SINGLE, SEVERAL])
@pytest.mark.parametrize("point", sorted({*FILE_POINTS, *JOURNAL_POINTS}))
def test_a_disk_that_gives_up_leaves_all_or_nothing_and_says_which(tmp_path, point, round_, number):
    def give_up(reached):
        if reached == point:
            raise OSError(number, os.strerror(number))

    failing = FileLedger(tmp_path / "artifacts", at=give_up)
    ledger = FileLedger(tmp_path / "artifacts")
    refusal = None
    try:
        append(failing, round_)
    except StoreError as error:
        refusal = error
    found = contents(ledger)
    if refusal is None:
        assert found == {chain: [text] for chain, text in sorted(round_.items())}
    else:
        assert refusal.hint
        assert found in ({}, {chain: [text] for chain, text in sorted(round_.items())})
    assert isinstance(append(ledger, {"a/later": "x"}), Won)
    assert {c: t for c, t in contents(ledger).items() if c != "a/later"} == found


FULL = """
import resource, sys
from pathlib import Path
from planloom.core.errors import StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry
ledger = FileLedger(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
big = Entry("claims", b"x" * 5000)
for chains in (["a/x"], ["a/x", "a/y"]):
    try:
        ledger.append({chain: Append(EMPTY, big) for chain in chains})
    except StoreError as error:
        print(error.message)
print(sorted(ledger.read(["a/"])))
"""


def test_a_record_that_does_not_fit_on_the_disk_is_not_there(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", FULL, str(tmp_path / "artifacts")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, second, chains = done.stdout.splitlines()
    assert "File too large" in first
    assert "File too large" in second
    assert chains == "[]"
    assert isinstance(append(FileLedger(tmp_path / "artifacts"), SEVERAL), Won)


def test_killed_at_any_moment_no_record_is_lost_doubled_or_half_there(tmp_path):
    folder = str(tmp_path / "artifacts")
    ledger = FileLedger(tmp_path / "artifacts")
    dice = random.Random(20261122)
    rounds = [{"a/_item": f"i{n}", "a/build": f"b{n}", "_resource/r": f"r{n}"} for n in range(2000)]
    for _ in range(8):
        worker = ledgerworker.start(ledger=folder, rounds=rounds, after=True)
        assert worker.stdout.readline() == "ready\n"
        worker.stdin.write("go\n")
        worker.stdin.flush()
        try:
            worker.wait(timeout=dice.uniform(0.02, 0.3))
        except subprocess.TimeoutExpired:
            worker.kill()
        worker.communicate()
        found = contents(ledger)
        # The three chains grow together, in the order of the rounds of each worker.
        assert len({len(texts) for texts in found.values()}) <= 1
        assert len(found) in {0, 3}
        for texts in zip(*found.values(), strict=True):
            assert len({text[1:] for text in texts}) == 1
    assert isinstance(append(ledger, {"a/build": "last"}), Won)
    assert ledger.leftovers() == ()


def test_a_killed_holder_of_the_lock_keeps_nobody_waiting(tmp_path):
    folder = str(tmp_path / "artifacts")
    for _ in range(3):
        ledgerworker.go(ledgerworker.start(ledger=folder, rounds=[SINGLE], crash="files: locked"))
    assert isinstance(append(FileLedger(tmp_path / "artifacts"), SINGLE), Won)


def test_a_record_that_was_delivered_before_is_refused_the_second_time(tmp_path):
    ledger = FileLedger(tmp_path / "artifacts")
    entries = {"a/build": Append(EMPTY, Entry("claims", b"one"))}
    assert isinstance(ledger.append(entries), Won)
    assert ledger.append(entries) == Lost(("a/build",))
