"""The composite action and the pre-commit hooks of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from golden.compiling import CASES
from judges.tools import BIN
from planloom.cli.main import COMMANDS

REPOSITORY = Path(__file__).parents[2]


def read(name):
    return YAML(typ="safe", pure=True).load((REPOSITORY / name).read_bytes())


def run(*command, cwd, **environment):
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | environment,
    )


def test_the_judges_find_nothing_in_the_action(tmp_path):
    shutil.copy(REPOSITORY / "action.yml", tmp_path)
    zizmor = run(
        BIN / "zizmor", "--offline", "--no-config", "--persona=auditor", "--no-progress", "-q", "action.yml", cwd=tmp_path
    )
    assert zizmor.returncode == 0, zizmor.stdout
    schema = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml", cwd=tmp_path)
    assert schema.returncode == 0, schema.stdout
    for step in read("action.yml")["runs"]["steps"]:
        assert "${{" not in step["run"]
        (tmp_path / "step.sh").write_text("#!/bin/bash\n" + step["run"])
        assert run(BIN / "shellcheck", "step.sh", cwd=tmp_path).stdout == ""


@pytest.fixture
def project(tmp_path):
    shutil.copytree(CASES / "direct/expected", tmp_path / "project")
    shutil.copytree(CASES / "direct/specs", tmp_path / "project/specs")
    (tmp_path / "planloom-action/bin").mkdir(parents=True)
    (tmp_path / "planloom-action/bin/planloom").symlink_to(BIN / "planloom")
    return tmp_path / "project"


def test_the_actions_check_annotates_what_is_not_current(project):
    script = read("action.yml")["runs"]["steps"][1]["run"]
    environment = {"RUNNER_TEMP": str(project.parent), "ROOT": str(project)}
    assert run(BIN / "planloom", "compile", cwd=project).returncode == 0
    assert run("bash", "-eo", "pipefail", "-c", script, cwd=project, **environment).returncode == 0
    (project / ".github/workflows/execute.yml").unlink()
    done = run("bash", "-eo", "pipefail", "-c", script, cwd=project, **environment)
    assert done.returncode == 1
    assert "::error file=.github/workflows/execute.yml,title=planloom::missing" in done.stdout


def test_every_hook_calls_a_command_that_exists():
    hooks = read(".pre-commit-hooks.yaml")
    assert {hook["id"] for hook in hooks} == {"planloom-validate", "planloom-fmt", "planloom-compile"}
    for hook in hooks:
        program, command, *_ = hook["entry"].split()
        assert program == "planloom"
        assert command in COMMANDS
        assert hook["language"] == "python"
        assert hook["pass_filenames"] is False
