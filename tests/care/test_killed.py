"""A run that was killed: the doctor sees whose claim is left, the next run goes on, and nothing is left to care for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from care.conftest import project_in
from planloom.care.doctor import examine
from planloom.scaffold.project import lay_down

PLAN = """\
schema: planloom/plan/v1
id: slow
name: Slow
version: 1.0.0
steps:
  - key: first
    run: echo here > ../pipe
"""


@pytest.mark.slow
def test_a_run_that_was_killed_leaves_one_claim_that_the_next_run_gives_up(tmp_path):
    root = tmp_path / "demo"
    (root / "specs").mkdir(parents=True)
    (root / "specs/slow.yaml").write_text(PLAN)
    lay_down(root, "none")
    os.mkfifo(tmp_path / "pipe")
    project = project_in(root)
    command = [sys.executable, "-m", "planloom", "run"]
    killed = subprocess.Popen(
        command, cwd=root, env=project.environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # Opening the pipe waits for the step: from here on it runs, and it is claimed.
    with (tmp_path / "pipe").open() as pipe:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        pipe.read()
    (found,) = [one for one in examine(project.ground()) if one.code == "claim"]
    assert (found.where, found.repair.split(",")[0]) == ("slow-1/first", "planloom run slow-1")
    again = subprocess.Popen(command, cwd=root, env=project.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with (tmp_path / "pipe").open() as pipe:
        assert pipe.read() == "here\n"
    assert again.wait(timeout=60) == 0
    assert project.examine() == []


KILLED = """\
import os, signal, sys

seen = []


def hook(event, words):
    if event == {event!r} and "artifacts/" in str(words):
        seen.append(event)
        if len(seen) == {number}:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(hook)
from planloom.cli.entry import main
main()
"""
"""A planloom that is killed at the n-th call of its kind that changes a file of records."""


@pytest.fixture
def collected(fresh, remote):
    """A project whose records lie in git and, up to the last run, on the ledger branch."""
    for words in (["open", "release-1"], ["collect"], ["export"], ["collect", "--push"], ["run", "--jobs", "4"], ["collect"]):
        done = fresh.run(*words, "--ledger", "git")
        assert done.code == 0, done.err
    return fresh


@pytest.mark.slow
@pytest.mark.parametrize(("event", "number"), [("shutil.rmtree", 4), ("os.rename", 1), ("os.rename", 9)])
@pytest.mark.parametrize("heal", [("doctor", "--fix"), ("collect", "--ledger", "git")], ids=" ".join)
def test_a_collect_that_was_cut_off_is_named_by_all_who_read_the_copy_and_healed(collected, event, number, heal):
    kept = {path: path.read_bytes() for path in collected.root.glob("artifacts/*/*/*/*.json")}
    command = [sys.executable, "-c", KILLED.format(event=event, number=number), "collect", "--ledger", "git"]
    killed = subprocess.run(command, cwd=collected.root, env=collected.environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {path: path.read_bytes() for path in collected.root.glob("artifacts/*/*/*/*.json")} != kept
    for words in (["verify"], ["status"], ["run", "release-1"], ["export", "--ledger", "files"]):
        done = collected.run(*words)
        assert done.code == 5, (words, done.out, done.err)
        assert "half a copy" in done.err
        assert "planloom collect --ledger git" in done.err
    assert collected.run("verify", "--ledger", "git").code == 0
    for words in (["doctor"], ["doctor", "--ledger", "git"]):
        done = collected.run(*words)
        assert done.code == 1
        assert done.out.count("repair:") == 1, done.out
        assert "repair: planloom collect --ledger git" in done.out
    collected.run(*heal)
    assert {path: path.read_bytes() for path in collected.root.glob("artifacts/*/*/*/*.json")} == kept
    assert collected.run("verify").code == 0
    assert "half a copy" not in collected.run("doctor").out


def test_records_that_are_gone_are_counted_among_those_that_there_should_be(done):
    records = sorted(done.root.glob("artifacts/*/*/*/??????.json"))
    for path in records[1:]:
        path.unlink()
    last = done.run("verify").out.splitlines()[-1]
    broken, of, known = last.split()[:3]
    assert of == "of", last
    assert int(broken) <= int(known) == len(records), last
