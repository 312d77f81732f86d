"""What the git ledger costs beside git itself, over HTTP on loopback, and whether exclusivity holds under load.

make bench PYTEST_ARGS="-k ledger_git"
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time

import pytest

import ledgerworker
from gitledgers import git_ledger
from gitserver import WRITE_TOKEN, GitServer, run_git
from planloom.ledger.gitport import Remote, build_environment
from planloom.ledger.ledger import EMPTY, Append, Entry, Won

CONTENT = b"x" * 2500
ROUNDS = 9


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path / "origin.git") as running:
        yield running


def timed(action):
    """Return how long an action took, in milliseconds."""
    begin = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - begin) / 1e6


class Bare:
    """Git by hand: fetch one ref pattern, push one new ref whose commit is already made."""

    def __init__(self, server, folder):
        self.folder, self.server = folder, server
        run_git("init", "--quiet", "--bare", str(folder))
        self.environment = build_environment(os.environ, Remote(server.url, "bare", WRITE_TOKEN))
        tree = run_git("--git-dir", str(folder), "mktree", "--missing")
        self.tree = tree
        self.number = 0

    def git(self, *words):
        command = ["git", "--git-dir", str(self.folder), *words]
        subprocess.run(command, check=True, capture_output=True, env=self.environment)

    def prepare(self):
        self.number += 1
        self.commit = run_git("--git-dir", str(self.folder), "commit-tree", self.tree, "-m", f"{self.number}")

    def fetch(self):
        self.git("fetch", "--quiet", "--no-tags", "ledger", f"+refs/bare/s-{self.number}*:refs/bare/s-{self.number}*")

    def push(self):
        ref = f"refs/bare/s-{self.number}"
        self.git("push", "--porcelain", f"--force-with-lease={ref}:", "ledger", f"{self.commit}:{ref}")


def claim(ledger, number):
    """Read and claim, as a command does: returns the outcome."""
    chain = f"item/s-{number}"
    head = ledger.read([chain])[chain].head
    return ledger.append({chain: Append(head, Entry("claims", CONTENT))})


@pytest.mark.timeout(600)
def test_ledger_git_a_claim_within_half_more_of_a_bare_fetch_and_push(tmp_path, server):
    bare = Bare(server, tmp_path / "bare.git")
    ours, theirs = [], []
    for number in range(ROUNDS + 1):
        bare.prepare()
        theirs.append(timed(bare.fetch) + timed(bare.push))
        # A new object each time, as a new command would be; the cache is there, as after the first command of a job.
        ledger = git_ledger(tmp_path, server.url, WRITE_TOKEN, "ours")
        ours.append(timed(lambda ledger=ledger, number=number: claim(ledger, number)))
    a, b = statistics.median(ours[1:]), statistics.median(theirs[1:])
    print(f"\none claim {a:.0f} ms, a bare fetch and push {b:.0f} ms: {a / b:.2f}x")
    assert a <= 1.5 * b


@pytest.mark.timeout(1200)
def test_ledger_git_a_claim_beside_many_live_refs(tmp_path, server):
    bare = Bare(server, tmp_path / "bare.git")
    ledger = git_ledger(tmp_path, server.url, WRITE_TOKEN, "ours")
    seed = claim(ledger, 0).heads["item/s-0"].token
    live = 1
    for wanted in (10, 1000, 10_000):
        lines = "".join(f"create refs/planloom/other-{n % 1000}/s-{n} {seed}\n" for n in range(live, wanted))
        live = wanted
        subprocess.run(
            ["git", "--git-dir", str(server.bare), "update-ref", "--stdin"],
            input=lines.encode(),
            check=True,
            env={"PATH": os.environ["PATH"]},
        )
        server.git("pack-refs", "--all")
        ours, fetches, pushes = [], [], []
        for _ in range(5):
            bare.prepare()
            fetches.append(timed(bare.fetch))
            pushes.append(timed(bare.push))
            number = bare.number
            ours.append(timed(lambda number=number: claim(ledger, 100_000 + number)))
        a, f, p = (statistics.median(times) for times in (ours, fetches, pushes))
        print(f"\n{wanted} live refs: one claim {a:.0f} ms; bare fetch {f:.0f} ms, bare push {p:.0f} ms: {a / (f + p):.2f}x")
        assert a <= 2 * (f + p)


@pytest.mark.timeout(600)
def test_ledger_git_a_wave_of_256_is_two_pushes(tmp_path, server):
    ledger = git_ledger(tmp_path, server.url, WRITE_TOKEN, "ours")
    begin = time.perf_counter()
    claimed = ledger.append({f"item/s-{n}": Append(EMPTY, Entry("claims", CONTENT)) for n in range(256)})
    middle = time.perf_counter()
    done = ledger.append({chain: Append(head, Entry("handoff", CONTENT)) for chain, head in claimed.heads.items()})
    print(f"\n256 claims {middle - begin:.2f} s, 256 handoffs {time.perf_counter() - middle:.2f} s, {server.pushes()} pushes")
    assert isinstance(done, Won)
    assert server.pushes() == 2


def race(tmp_path, server, workers, rounds):
    """Let processes with a cache each go through rounds; return who won, by worker."""
    started = [
        ledgerworker.start(ledger=server.url, token=WRITE_TOKEN, cache=str(tmp_path / f"cache-{w}"), rounds=rounds(w))
        for w in range(workers)
    ]
    return ledgerworker.go(*started)


@pytest.mark.timeout(3600)
def test_ledger_git_of_64_processes_one_wins_each_of_100_rounds(tmp_path, server):
    begin = time.perf_counter()
    answers = race(tmp_path, server, 64, lambda _: [{f"race/step-{r}": "x"} for r in range(100)])
    winners = [sum(round_) for round_ in zip(*answers, strict=True)]
    took = time.perf_counter() - begin
    print(f"\n64 processes, 100 rounds: winners a round {min(winners)} to {max(winners)}, {server.pushes()} pushes, {took:.0f} s")
    assert winners == [1] * 100


@pytest.mark.timeout(900)
def test_ledger_git_64_different_claims_are_at_most_64_pushes(tmp_path, server):
    begin = time.perf_counter()
    answers = race(tmp_path, server, 64, lambda worker: [{f"item/step-{worker}": "x"}])
    took = time.perf_counter() - begin
    print(f"\n64 processes claim 64 steps: {server.pushes()} pushes, {took:.1f} s")
    assert answers == [[True]] * 64
    assert len(server.refs()) == 64
    single = git_ledger(tmp_path, server.url, WRITE_TOKEN, "wave")
    before = server.pushes()
    single.append({f"wave/step-{n}": Append(EMPTY, Entry("claims", b"x")) for n in range(64)})
    assert server.pushes() == before + 1
    assert before <= 64
