"""How long a command takes to begin: ratios of CPU time of whole processes, measured side by side in one run.

make bench PYTEST_ARGS="-k startup"
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
ITEM = "work-item-001-create-a-structured"
BARE = [sys.executable, "-c", "pass"]
PLANLOOM = [str(Path(sys.executable).with_name("planloom"))]


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Return user and system time of one run of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(name: str, ours: Callable[[int], list[str]], theirs: list[str], folder: Path) -> float:
    """Return the ratio of the medians over interleaved rounds; the first of each warms the caches and is left out."""
    mine, other = [], []
    for number in range(ROUNDS + 1):
        other.append(cpu_seconds(theirs, folder))
        mine.append(cpu_seconds(ours(number), folder))
    a, b = statistics.median(mine[1:]), statistics.median(other[1:])
    print(f"\n{name}: {a * 1000:.0f} ms against {b * 1000:.0f} ms: {a / b:.2f}x")
    return a / b


def lay_down(folder: Path) -> Path:
    """Make a project whose step `phase-tests` may be claimed."""
    subprocess.run([*PLANLOOM, "init", "--example", "structured", str(folder)], check=True, capture_output=True)
    return folder


def test_startup_of_version_costs_little_more_than_importing_click(tmp_path):
    measured = ratio(
        "planloom --version / import click", lambda _: [*PLANLOOM, "--version"], [sys.executable, "-c", "import click"], tmp_path
    )
    assert measured <= 1.5


@pytest.fixture
def projects(tmp_path: Path) -> list[Path]:
    return [lay_down(tmp_path / f"project-{number}") for number in range(ROUNDS + 1)]


def test_startup_of_claim_and_complete_is_a_small_multiple_of_an_empty_program(projects, tmp_path):
    def command(verb: str, *words: str) -> Callable[[int], list[str]]:
        return lambda number: [
            *(*PLANLOOM, verb, "--root", str(projects[number]), "--work-item", ITEM, "--step", "phase-tests"),
            *words,
        ]

    assert ratio("claim / pass", command("claim"), BARE, tmp_path) <= 8
    words = ("--attempt", "phase-tests-local", "--outcome", "Tests authored", "--next-action", "Run services")
    assert ratio("complete / pass", command("complete", *words), BARE, tmp_path) <= 8
