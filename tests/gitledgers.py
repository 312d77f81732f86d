"""Git ledgers for tests: a fixed clock, ids that count, a short budget for attempts."""

from __future__ import annotations

import itertools
import os

from planloom.ledger.git import GitLedger, GitOptions
from planloom.ledger.gitport import Remote
from planloom.ledger.retry import Pace


class FixedClock:
    """It is always the same moment."""

    def now(self):
        return "2026-11-22T20:05:52.120Z"


class CountingIds:
    """1, 2, 3 … beginning where nobody else does."""

    def __init__(self, start=0):
        self._next = itertools.count(start * 1_000_000 + 1)

    def nonce(self):
        return f"{next(self._next):032x}"


_starts = itertools.count()


def git_ledger(folder, url, token="", name="cache", **options):
    remote = Remote(url, "origin", token)
    chosen = GitOptions(**{"pace": Pace(budget=60), "closes": lambda content: content.startswith(b"closed"), **options})
    ids = CountingIds(os.getpid() * 1000 + next(_starts))
    return GitLedger(remote, folder / f"{name}.git", dict(os.environ), FixedClock(), ids, chosen)
