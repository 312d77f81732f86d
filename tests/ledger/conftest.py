"""Every ledger, empty, one after the other; and what it takes to make one by hand."""

from __future__ import annotations

import itertools

import pytest

from gitledgers import git_ledger
from gitserver import WRITE_TOKEN, GitServer, make_bare
from planloom.ledger.files import FileLedger
from planloom.ledger.memory import MemoryLedger


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
