"""What a runner loads: commands that run on every claim import neither the compiler nor what draws progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ITEM = "work-item-001-create-a-structured"
HEAVY = frozenset({"ruamel", "networkx", "jsonschema", "rich", "_ruamel_yaml"})
COMPILER = frozenset(
    {"planloom.syntax", "planloom.graph", "planloom.checks", "planloom.ir", "planloom.emit", "planloom.pipeline"}
)

REPORT = """
import json, sys
from planloom.cli.entry import main
path, sys.argv = sys.argv[1], ["planloom", *sys.argv[2:]]
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code
with open(path, "w") as out:
    json.dump({"code": code, "modules": sorted(sys.modules)}, out)
"""


def run(folder: Path, report: Path, *words: str) -> set[str]:
    """Run a command that must succeed and return the modules that it loaded."""
    command = [sys.executable, "-c", REPORT, str(report), *words]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    found = json.loads(report.read_text())
    assert not found["code"], done.stdout + done.stderr
    return set(found["modules"])


def unwanted(modules: set[str]) -> set[str]:
    """Return the modules that a runner should not have loaded."""
    return {name for name in modules if name.partition(".")[0] in HEAVY or ".".join(name.split(".")[:2]) in COMPILER}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("startup") / "project"
    words = ["init", "--example", "structured", str(folder)]
    subprocess.run([sys.executable, "-m", "planloom", *words], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return folder


def test_claim_complete_and_status_load_no_compiler_and_no_drawing(project, tmp_path):
    step = ("--work-item", ITEM, "--step", "phase-tests")
    found = {
        "claim": run(project, tmp_path / "claim.json", "claim", *step),
        "complete": run(
            project,
            tmp_path / "complete.json",
            *("complete", *step, "--attempt", "phase-tests-local"),
            *("--outcome", "Tests authored", "--next-action", "Run services"),
        ),
        "status": run(project, tmp_path / "status.json", "status", ITEM),
    }
    for name in ("claim", "complete"):
        assert {"click", "subprocess"} & found[name] == set(), name
    assert {name: sorted(unwanted(modules)) for name, modules in found.items() if unwanted(modules)} == {}


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("claim", "--help"), ("complete", "--help"), ("status", "--help")]
)
def test_asking_for_help_loads_no_library_but_click(words, tmp_path):
    modules = run(tmp_path, tmp_path / "report.json", *words)
    assert set() == unwanted(modules)
    assert "cryptography" not in modules
