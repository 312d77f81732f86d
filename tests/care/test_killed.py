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


def test_records_that_are_gone_are_counted_among_those_that_there_should_be(done):
    records = sorted(done.root.glob("artifacts/*/*/*/??????.json"))
    for path in records[1:]:
        path.unlink()
    last = done.run("verify").out.splitlines()[-1]
    broken, of, known = last.split()[:3]
    assert of == "of", last
    assert int(broken) <= int(known) == len(records), last
