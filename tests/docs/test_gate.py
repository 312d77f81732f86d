"""What the gate itself rests on: the lock, its scripts, the CI workflow, the decision records."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CI = ROOT / ".github" / "workflows" / "ci.yml"
NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[A-Za-z0-9._,-]+\])?==", re.MULTILINE)


def canonical(name: str) -> str:
    """Return a distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def judged(*command: str) -> str:
    """Return what a program says about a file, or the empty string when it finds nothing."""
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_lock_names_hashes_and_no_place_to_install_from():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"^--|https?:|file://", text, re.MULTILINE) == []
    assert text.count("--hash=sha256:") >= len(NAME.findall(text)) > 20


def test_the_lock_holds_every_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    names = {canonical(re.match(r"[A-Za-z0-9._-]+", requirement)[0]) for requirement in declared}
    locked = {canonical(name) for name in NAME.findall((ROOT / "requirements.lock").read_text(encoding="utf-8"))}
    assert names - locked == set()


def test_shell_scripts_of_the_gate_pass_shellcheck():
    scripts = sorted(str(path) for path in (ROOT / ".ci").iterdir())
    assert len(scripts) >= 5
    assert judged("shellcheck", *scripts) == ""


@pytest.mark.parametrize(
    "command",
    [
        ("actionlint", "-oneline", "-no-color", "-shellcheck", str(BIN / "shellcheck"), "-pyflakes", "", str(CI)),
        ("zizmor", "--offline", "--no-config", "--persona=auditor", "--no-progress", "-q", str(CI)),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(CI)),
    ],
    ids=lambda command: command[0],
)
def test_the_ci_workflow_passes_its_judges(command):
    assert judged(*command) == ""


def test_the_ci_workflow_pins_the_commits_that_compiled_workflows_pin():
    pins = json.loads((ROOT / "compiler" / "planloom" / "emit" / "action-pins.json").read_text(encoding="utf-8"))
    used = re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40}) # (\S+)", CI.read_text(encoding="utf-8"))
    assert len(used) == CI.read_text(encoding="utf-8").count("uses:")
    assert [(pins[name]["commit"], pins[name]["version"]) for name, _, _ in used] == [
        (commit, version) for _, commit, version in used
    ]


@pytest.mark.slow
def test_the_smoke_test_passes_word_for_word(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = ["bash", ".ci/smoke", str(BIN / "planloom"), "work-item-001-create-a-structured"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smoke test passed" in done.stdout


def test_every_decision_record_has_its_headings():
    pages = sorted((ROOT / ".github" / "adr").glob("*.md"))
    assert len(pages) >= 6
    for number, page in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), page.name
        for heading in ("Context", "Decision", "Rejected", "Consequences"):
            assert f"\n## {heading}\n" in text, page.name
