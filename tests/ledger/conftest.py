"""Every ledger, empty, one after the other; and what it takes to make one by hand."""

from __future__ import annotations

import itertools
import os

import pytest

from gitserver import WRITE_TOKEN, GitServer, make_bare
from planloom.ledger.files import FileLedger
from planloom.ledger.git import GitLedger, GitOptions
from planloom.ledger.gitport import Remote
from planloom.ledger.memory import MemoryLedger
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
    chosen = GitOptions(**{"pace": Pace(budget=5), "closes": lambda content: content.startswith(b"closed"), **options})
    ids = CountingIds(os.getpid() * 1000 + next(_starts))
    return GitLedger(remote, folder / f"{name}.git", dict(os.environ), FixedClock(), ids, chosen)


@pytest.fixture
def server(tmp_path):
    with GitServer(tmp_path / "origin.git") as running:
        yield running


@pytest.fixture
def make_git(tmp_path):
    """Make a git ledger with a cache of its own on a server, as another machine would."""
    names = (f"machine-{number}" for number in itertools.count())

    def make(server, token=WRITE_TOKEN, **options):
        return git_ledger(tmp_path, server.url, token, next(names), **options)

    return make


@pytest.fixture(params=["memory", "files", "git-path", "git-http"])
def ledger(request, tmp_path):
    match request.param:
        case "memory":
            return MemoryLedger()
        case "files":
            return FileLedger(tmp_path / "artifacts")
        case "git-path":
            make_bare(tmp_path / "origin.git")
            return git_ledger(tmp_path, str(tmp_path / "origin.git"))
        case _:
            return git_ledger(tmp_path, request.getfixturevalue("server").url, WRITE_TOKEN)
