"""What the file ledger costs beside the disk itself, and whether exclusivity holds under load.

make bench PYTEST_ARGS="-k ledger_files"
"""

from __future__ import annotations

import os
import statistics
import time

import pytest

import ledgerworker
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry, Won

COUNT = 300
CONTENT = b"x" * 2500


def side_by_side(*actions, count=COUNT):
    """Return the median time of a call of each action in microseconds; they take turns, so that the disk's moods hit all alike."""
    times = [[] for _ in actions]
    for number in range(count):
        for action, kept in zip(actions, times, strict=True):
            begin = time.perf_counter_ns()
            action(number)
            kept.append(time.perf_counter_ns() - begin)
    return [statistics.median(kept) / 1000 for kept in times]


def bare(folder):
    """Return what creates one file, and only that, as durably."""

    def create(number):
        handle = os.open(folder / f"{number:06d}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(handle, CONTENT)
        os.fsync(handle)
        os.close(handle)
        above = os.open(folder, os.O_RDONLY)
        os.fsync(above)
        os.close(above)

    return create


@pytest.mark.timeout(600)
def test_ledger_files_claims_a_thousand_a_second_or_within_twice_the_disk(tmp_path):
    ledger = FileLedger(tmp_path / "artifacts")
    (tmp_path / "bare").mkdir()
    heads = [EMPTY]

    def append(number):
        del number
        outcome = ledger.append({"_resource/r": Append(heads[-1], Entry("claims", CONTENT))})
        heads.append(outcome.heads["_resource/r"])

    disk, ours = side_by_side(bare(tmp_path / "bare"), append)
    print(
        f"\none append {ours:.0f} us, create-exclusive and fsync {disk:.0f} us: {ours / disk:.2f}x, {1e6 / ours:.0f} appends a second"
    )
    assert ours <= max(2 * disk, 1000)


@pytest.mark.timeout(600)
def test_ledger_files_new_chains_against_new_folders(tmp_path):
    ledger = FileLedger(tmp_path / "artifacts")

    def theirs(number):
        folder = tmp_path / "bare" / f"step-{number}"
        folder.mkdir(parents=True)
        above = os.open(folder.parent, os.O_RDONLY)
        os.fsync(above)
        os.close(above)
        bare(folder)(1)

    disk, ours = side_by_side(theirs, lambda n: ledger.append({f"item/step-{n}": Append(EMPTY, Entry("claims", CONTENT))}))
    print(f"\nthe first claim of a step {ours:.0f} us, a new folder and file {disk:.0f} us: {ours / disk:.2f}x")
    assert ours <= max(2 * disk, 1000)


@pytest.mark.timeout(900)
def test_ledger_files_one_chain_costs_the_same_in_a_ledger_of_any_size(tmp_path):
    readers = []
    for items in (10, 100, 1000):
        ledger = FileLedger(tmp_path / f"artifacts-{items}")
        for number in range(items):
            folder = tmp_path / f"artifacts-{items}/claims/item-{number}/build"
            folder.mkdir(parents=True)
            for index in range(1, 11):
                (folder / f"{index:06d}.json").write_bytes(CONTENT)
        readers.append(lambda _, ledger=ledger: ledger.read(["item-5/build"]))
    times = side_by_side(*readers)
    print("\nreading a chain of 10 records in a ledger of 100, 1,000, 10,000: " + ", ".join(f"{t:.0f} us" for t in times))
    assert times[2] <= 2 * times[0]


@pytest.mark.timeout(900)
def test_ledger_files_of_64_processes_one_wins_each_of_100_rounds(tmp_path):
    rounds = [{f"race/step-{r}": "x"} for r in range(100)]
    workers = [ledgerworker.start(ledger=str(tmp_path / "artifacts"), rounds=rounds) for _ in range(64)]
    begin = time.perf_counter()
    answers = ledgerworker.go(*workers)
    winners = [sum(round_) for round_ in zip(*answers, strict=True)]
    print(f"\n64 processes, 100 rounds: winners a round {min(winners)} to {max(winners)}, {time.perf_counter() - begin:.1f} s")
    assert winners == [1] * 100


@pytest.mark.timeout(600)
def test_ledger_files_a_wave_of_256_is_one_append(tmp_path):
    ledger = FileLedger(tmp_path / "artifacts")
    begin = time.perf_counter()
    claimed = ledger.append({f"item/s-{n}": Append(EMPTY, Entry("claims", CONTENT)) for n in range(256)})
    middle = time.perf_counter()
    done = ledger.append({chain: Append(head, Entry("handoff", CONTENT)) for chain, head in claimed.heads.items()})
    print(f"\n256 claims as one append {middle - begin:.2f} s, 256 handoffs {time.perf_counter() - middle:.2f} s")
    assert isinstance(done, Won)
