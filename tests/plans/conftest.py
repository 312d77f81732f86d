"""Run the command line in this process: what it prints, and its exit status."""

import sys
from dataclasses import dataclass

import pytest

from planloom.cli.entry import main

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def planloom(monkeypatch, capsys, tmp_path):
    """Return a function that runs `planloom WORDS` in an empty folder."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PLANLOOM_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["planloom", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Done(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of the project; a plan gets its head."""

    def put(path, text, *, head=HEAD):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + text if path.endswith(".yaml") else text, encoding="utf-8", newline="")
        return file

    return put
