"""planloom lives beside a job's own tools: without a `python`, and with a `python` of the user's that is not ours to call.

act's machine has its programs in one folder; there `python` is replaced, and only `setup-python`, which control jobs use, brings ours back.
"""

from __future__ import annotations

import shutil

import pytest

from act.hub import Hub
from act.projects import make_project

pytestmark = [pytest.mark.act, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("loop-tools")]

PLAN = """\
schema: planloom/plan/v1
id: demo
name: With tools of its own
version: 1.0.0
workflow: {loop: manual, collect: never}
defaults: {shell: bash, timeout-minutes: 5, attempts: 1}
steps:
  - key: look
    run: |
      python --version >seen.txt || echo "there is no python" >seen.txt
      # Nothing of planloom's is on the PATH, nor a key or a token in the environment.
      case ":$PATH:" in *"$RUNNER_TEMP"*) exit 9 ;; esac
      if env | grep -E '^(PLANLOOM_SIGNING_KEY|GITHUB_TOKEN|GH_TOKEN|ACTIONS_)[A-Z_]*TOKEN'; then exit 8; fi
      cat seen.txt
    outputs: [seen.txt]
"""

PYTHONS = {
    "none": ("exit 127", "there is no python"),
    "own": ("echo 'Python of my own'", "Python of my own"),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("tools") / "project", PLAN)
    made = Hub(tmp_path_factory.mktemp("hub"), project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    control = made.folder / "control"
    control.mkdir()
    shutil.copy(made.machine.bin / "python", control / "python")
    made.variables["ACT_CONTROL_PYTHON"] = str(control)
    yield made
    made.close()


@pytest.mark.parametrize("kind", PYTHONS)
def test_a_job_runs_with_the_python_that_it_has(hub, kind):
    does, seen = PYTHONS[kind]
    calls = hub.folder / f"calls-{kind}"
    python = hub.machine.bin / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >>"{calls}"\n{does}\n')
    run = hub.dispatch("demo-orchestrator.yml", {"work-item": f"demo-{kind}"})
    assert run.conclusion == "success", run.story()
    (job,) = [job for job in run.jobs if job.caller == "execute"]
    assert seen in job.text, run.story()
    # The step's own call, and nobody else's: planloom's environment is made by python3 and has a python of its own.
    assert calls.read_text().splitlines() == ["--version"]
