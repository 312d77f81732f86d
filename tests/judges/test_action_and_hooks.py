"""The composite action and the pre-commit hooks of this repository."""

from __future__ import annotations

import os
import re
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


def test_each_hook_passes_what_is_right_and_stops_what_is_wrong(project):
    plan = project / "specs/phases.yaml"
    assert run(BIN / "planloom", "fmt", cwd=project).returncode == 0
    assert run(BIN / "planloom", "compile", cwd=project).returncode == 0
    entries = {hook["id"]: hook["entry"].split()[1:] for hook in read(".pre-commit-hooks.yaml")}
    good = plan.read_text()

    def outcome(hook):
        done = run(BIN / "planloom", *entries[hook], cwd=project)
        # A hook that changed a file has failed too: that is how pre-commit judges.
        return done.returncode != 0 or plan.read_text() != good

    assert {hook: outcome(hook) for hook in entries} == dict.fromkeys(entries, False)
    for hook, wrong in (
        ("planloom-validate", good.replace("steps:", "stepps:", 1)),
        ("planloom-fmt", good.replace("steps:\n", "steps:   # here\n", 1)),
        ("planloom-compile", good.replace("name: ", "name: Another ", 1)),
    ):
        assert wrong != good
        plan.write_text(wrong)
        assert outcome(hook), hook
        plan.write_text(good)


@pytest.mark.parametrize(
    ("path", "hooks"),
    [
        ("specs/release.yaml", {"planloom-validate", "planloom-fmt", "planloom-compile"}),
        ("specs/trust/policy.json", {"planloom-validate", "planloom-compile"}),
        ("generated/release/plan.json", {"planloom-compile"}),
        (".github/workflows/release-execute.yml", {"planloom-compile"}),
        ("src/specs.yaml", set()),
    ],
)
def test_hooks_run_when_a_file_that_concerns_them_changes(path, hooks):
    assert {hook["id"] for hook in read(".pre-commit-hooks.yaml") if re.search(hook["files"], path)} == hooks


def test_the_actions_comparison_goes_into_the_summary(project):
    script = read("action.yml")["runs"]["steps"][2]["run"]
    old = project.parent / "old"
    shutil.copytree(project / "specs", old / "specs")
    plan = project / "specs/phases.yaml"
    plan.write_text(plan.read_text().replace("steps:\n", "steps:\n  - {key: another, run: make another}\n", 1))
    summary = project.parent / "summary.md"
    environment = {
        "RUNNER_TEMP": str(project.parent),
        "ROOT": str(project),
        "BASE": str(old),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = run("bash", "-eo", "pipefail", "-c", script, cwd=project, **environment)
    assert done.returncode == 0, done.stderr
    assert "- step another added" in summary.read_text()
