"""Contenders in processes of their own: every time exactly one of them wins."""

from __future__ import annotations

import ledgerworker
from gitserver import WRITE_TOKEN
from planloom.ledger.files import FileLedger


def test_of_many_processes_exactly_one_gets_each_claim_on_files(tmp_path):
    folder = str(tmp_path / "artifacts")
    rounds = 30
    workers = [ledgerworker.start(ledger=folder, rounds=[{f"a/step-{r}": f"{w}"} for r in range(rounds)]) for w in range(12)]
    answers = ledgerworker.go(*workers)
    assert [sum(round_) for round_ in zip(*answers, strict=True)] == [1] * rounds
    found = FileLedger(tmp_path / "artifacts").read(["a/"])
    for number in range(rounds):
        (entry,) = found[f"a/step-{number}"].entries
        assert answers[int(entry.content)][number]


def test_of_appends_that_overlap_in_one_chain_exactly_one_wins_on_files(tmp_path):
    folder = str(tmp_path / "artifacts")
    rounds = 10
    workers = [
        ledgerworker.start(ledger=folder, rounds=[{f"a/own-{w}-{r}": "x", f"_resource/r-{r}": f"{w}"} for r in range(rounds)])
        for w in range(8)
    ]
    answers = ledgerworker.go(*workers)
    assert [sum(round_) for round_ in zip(*answers, strict=True)] == [1] * rounds
    assert len(FileLedger(tmp_path / "artifacts").read(["a/"])) == rounds


def test_of_many_machines_exactly_one_gets_each_claim_on_git(tmp_path, server, make_git):
    rounds = 3
    workers = [
        ledgerworker.start(
            ledger=server.url,
            token=WRITE_TOKEN,
            cache=str(tmp_path / f"cache-{w}"),
            rounds=[{f"a/step-{r}": f"{w}"} for r in range(rounds)],
        )
        for w in range(8)
    ]
    answers = ledgerworker.go(*workers)
    assert [sum(round_) for round_ in zip(*answers, strict=True)] == [1] * rounds
    found = make_git(server).read(["a/"])
    for number in range(rounds):
        (entry,) = found[f"a/step-{number}"].entries
        assert answers[int(entry.content)][number]


def test_processes_that_share_a_cache_each_get_what_they_claim(tmp_path, server, make_git):
    workers = [
        ledgerworker.start(
            ledger=server.url,
            token=WRITE_TOKEN,
            cache=str(tmp_path / "shared"),
            after=True,
            rounds=[{f"a/s-{w}": "x"}, {"a/all": f"{w}"}],
        )
        for w in range(5)
    ]
    answers = ledgerworker.go(*workers)
    assert all(first for first, _ in answers)
    found = make_git(server).read(["a/"])
    assert len(found) == 6
    assert len(found["a/all"].entries) == sum(second for _, second in answers)
