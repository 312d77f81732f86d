"""What compiling costs: whole processes, CPU time, ratios measured side by side in one run.

make bench PYTEST_ARGS="-k compil"
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
from pathlib import Path

PLANLOOM = str(Path(sys.executable).with_name("planloom"))
ROUNDS = 3


def make_plan(steps: int) -> str:
    """A plan whose steps need two earlier ones each; the same for the same size."""
    chosen = random.Random(steps)
    lines = ["schema: planloom/plan/v1", "id: big", "name: Big", "version: 1.0.0", "steps:"]
    for number in range(steps):
        needs = sorted({chosen.randrange(max(0, number - 200), number) for _ in range(2)}) if number else []
        lines += [
            f"  - key: step-{number}",
            f"    name: Step number {number}",
            f"    needs: [{', '.join(f'step-{need}' for need in needs)}]",
            "    run: |",
            f"      echo building {number}",
            f"      make target-{number}",
            f'    env: {{LEVEL: "{number % 7}", MODE: fast}}',
            "    timeout-minutes: 20",
            f"    outputs: [out/{number}.txt]",
            "    role: engineer",
        ]
    return "\n".join(lines) + "\n"


def make_project(folder: Path, steps: int) -> Path:
    (folder / "specs").mkdir(parents=True)
    (folder / "specs/big.yaml").write_text(make_plan(steps))
    (folder / "specs/requirements.lock").write_text("# pinned\n")
    return folder


def cpu_seconds(*command: str, cwd: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, env={"PATH": os.environ["PATH"], "HOME": str(cwd)}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(*command: str, cwd: Path, rounds: int = ROUNDS) -> float:
    return statistics.median(cpu_seconds(*command, cwd=cwd) for _ in range(rounds))


COMPOSE = "import sys\nfrom ruamel.yaml import YAML\nYAML(typ='safe').compose(open(sys.argv[1], 'rb'))\n"
JSON = "import sys, json\njson.dump(json.load(open(sys.argv[1])), open(sys.argv[2], 'w'))\n"


def test_compiling_ten_thousand_steps_against_reading_them(tmp_path):
    project = make_project(tmp_path / "big", 10_000)
    from planloom.syntax.nodes import to_plain
    from planloom.syntax.reader import read

    node, _ = read("specs/big.yaml", (project / "specs/big.yaml").read_bytes())
    (tmp_path / "big.json").write_text(json.dumps(to_plain(node)))
    compiling = median(PLANLOOM, "compile", cwd=project)
    composing = median(sys.executable, "-c", COMPOSE, "specs/big.yaml", cwd=project)
    copying = median(sys.executable, "-c", JSON, str(tmp_path / "big.json"), str(tmp_path / "copy.json"), cwd=project)
    print(f"\n10,000 steps: compile {compiling:.2f} s of CPU; ruamel's C compose {composing:.2f} s: {compiling / composing:.2f}x")
    print(f"json.load and json.dump of the same plan {copying:.2f} s: {compiling / copying:.1f}x")
    assert compiling / composing <= 1.0


def test_compiling_grows_with_the_plan_and_not_faster(tmp_path):
    times = {
        size: median(PLANLOOM, "compile", cwd=make_project(tmp_path / str(size), size), rounds=1) for size in (3_000, 30_000)
    }
    exponent = math.log(times[30_000] / times[3_000]) / math.log(10)
    print(f"\n3,000 steps {times[3_000]:.2f} s, 30,000 steps {times[30_000]:.2f} s: exponent {exponent:.2f}")
    assert exponent <= 1.10


def test_compiling_again_without_a_change_costs_little_more_than_starting_python(tmp_path):
    subprocess.run([PLANLOOM, "init", str(tmp_path / "demo")], check=True, capture_output=True)
    demo = tmp_path / "demo"
    subprocess.run([PLANLOOM, "compile"], cwd=demo, check=True, capture_output=True)
    again = median(PLANLOOM, "compile", cwd=demo, rounds=9)
    bare = median(sys.executable, "-c", "pass", cwd=demo, rounds=9)
    print(f"\nnothing changed: {again * 1000:.0f} ms against {bare * 1000:.0f} ms of python -c pass: {again / bare:.1f}x")
    assert again / bare <= 8
