"""What compiling costs: whole processes, CPU time, ratios measured side by side in one run.

make bench PYTEST_ARGS="-k compil"
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measuring import PASS, PLANLOOM, compare, cost_of

ROUNDS = 5
MEBI = 1024


def needs_of(number, chosen):
    """Two earlier steps, the same for the same random numbers."""
    return sorted({chosen.randrange(max(0, number - 200), number) for _ in range(2)}) if number else []


def make_plan(steps: int) -> str:
    """A plan whose steps need two earlier ones each; the same for the same size."""
    chosen = random.Random(steps)
    lines = ["schema: planloom/plan/v1", "id: big", "name: Big", "version: 1.0.0", "steps:"]
    for number in range(steps):
        lines += [
            f"  - key: step-{number}",
            f"    name: Step number {number}",
            f"    needs: [{', '.join(f'step-{need}' for need in needs_of(number, chosen))}]",
            "    run: |",
            f"      echo building {number}",
            f"      make target-{number}",
            f'    env: {{LEVEL: "{number % 7}", MODE: fast}}',
            "    timeout-minutes: 20",
            f"    outputs: [out/{number}.txt]",
            "    role: engineer",
        ]
    return "\n".join(lines) + "\n"


def make_snakefile(steps: int) -> str:
    """The same graph for snakemake: a rule a step, a file an output."""
    chosen = random.Random(steps)
    rules = [f"rule all:\n    input: {', '.join(repr(f'out/{number}.txt') for number in range(steps))}\n"]
    for number in range(steps):
        inputs = ", ".join(repr(f"out/{need}.txt") for need in needs_of(number, chosen))
        rules.append(
            f"rule step_{number}:\n"
            + (f"    input: {inputs}\n" if inputs else "")
            + f"    output: 'out/{number}.txt'\n    shell: 'echo building {number}; make target-{number}'\n"
        )
    return "\n".join(rules)


def make_project(folder: Path, steps: int) -> Path:
    (folder / "specs").mkdir(parents=True)
    (folder / "specs/big.yaml").write_text(make_plan(steps))
    (folder / "specs/requirements.lock").write_text("# pinned\n")
    return folder


def compiling(project: Path, *options: str):
    """A compilation that finds nothing of an earlier one."""

    def fresh():
        shutil.rmtree(project / "generated", ignore_errors=True)
        shutil.rmtree(project / ".github", ignore_errors=True)
        return (PLANLOOM, "compile", "--root", str(project), *options)

    return fresh


COMPOSE = "import sys\nfrom ruamel.yaml import YAML\nYAML(typ='safe').compose(open(sys.argv[1], 'rb'))\n"
JSON = "import sys, json\njson.dump(json.load(open(sys.argv[1])), open(sys.argv[2], 'w'))\n"


@pytest.mark.timeout(600)
def test_compiling_ten_thousand_steps_against_reading_them(tmp_path):
    project = make_project(tmp_path / "big", 10_000)
    from planloom.syntax.nodes import to_plain
    from planloom.syntax.reader import read

    plan = str(project / "specs/big.yaml")
    node, _ = read(plan, (project / "specs/big.yaml").read_bytes())
    (tmp_path / "big.json").write_text(json.dumps(to_plain(node)))
    found = compare(
        tmp_path,
        ROUNDS,
        compile=compiling(project),
        compose=(sys.executable, "-c", COMPOSE, plan),
        copy=(sys.executable, "-c", JSON, "big.json", "copy.json"),
    )
    ours, composing, copying = found["compile"], found["compose"].seconds, found["copy"].seconds
    against_compose, against_copy = ours.seconds / composing, ours.seconds / copying
    print(f"\n10,000 steps: compile {ours.seconds:.2f} s of CPU, {ours.megabytes:.0f} MB")
    print(
        f"ruamel's C compose {composing:.2f} s: {against_compose:.2f}x; json.load and json.dump {copying:.2f} s: {against_copy:.1f}x"
    )
    assert against_compose <= 1.0
    assert against_copy <= 8
    assert ours.megabytes < 160


@pytest.mark.timeout(600)
def test_compiling_a_thousand_steps_against_the_obvious_way(tmp_path):
    project = make_project(tmp_path / "big", 1_000)
    cost_of(*compiling(project)(), cwd=tmp_path)
    shutil.copy(project / "generated/schema/plan.schema.json", tmp_path / "schema.json")
    naive = (
        sys.executable,
        str(Path(__file__).with_name("naive.py")),
        str(project / "specs/big.yaml"),
        "schema.json",
        "naive.yml",
    )
    found = compare(tmp_path, 9, compile=compiling(project), naive=naive)
    times = found["naive"].seconds / found["compile"].seconds
    print(f"\n1,000 steps: compile {found['compile'].seconds:.2f} s, naive {found['naive'].seconds:.2f} s of CPU: 1/{times:.1f}")
    assert times >= 15


@pytest.mark.timeout(900)
def test_compiling_a_thousand_steps_against_a_dry_run_of_snakemake(tmp_path):
    snakemake = os.environ.get("SNAKEMAKE") or shutil.which("snakemake")
    if not snakemake:
        pytest.skip("no snakemake: SNAKEMAKE=PROGRAM or one on PATH")
    project = make_project(tmp_path / "big", 1_000)
    (tmp_path / "Snakefile").write_text(make_snakefile(1_000))
    found = compare(tmp_path, 9, compile=compiling(project), snakemake=(snakemake, "-n", "-q", "all", "--cores", "1"))
    times = found["snakemake"].seconds / found["compile"].seconds
    print(
        f"\n1,000 steps: compile {found['compile'].seconds:.2f} s, snakemake -n {found['snakemake'].seconds:.2f} s: 1/{times:.1f}"
    )
    assert times >= 20


@pytest.mark.timeout(600)
def test_compiling_finds_two_errors_in_ten_thousand_steps_nearly_as_fast_as_none(tmp_path):
    good, bad = make_project(tmp_path / "good", 10_000), make_project(tmp_path / "bad", 10_000)
    text = make_plan(10_000)
    for right, wrong in (
        ("name: Step number 3000\n", "nmae: Step number 3000\n"),
        ("echo building 7000", "echo building 7000\n    tasks: 7"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    (bad / "specs/big.yaml").write_text(text)
    spent = {"good": [], "bad": [], "jsonschema": [], "pass": []}
    for _ in range(ROUNDS):
        spent["good"].append(cost_of(PLANLOOM, "validate", "--root", str(good), cwd=tmp_path).seconds)
        spent["bad"].append(cost_of(PLANLOOM, "validate", "--root", str(bad), cwd=tmp_path, expected=1).seconds)
        spent["jsonschema"].append(cost_of(sys.executable, "-c", "import jsonschema", cwd=tmp_path).seconds)
        spent["pass"].append(cost_of(*PASS, cwd=tmp_path).seconds)
    median = {name: sorted(values)[ROUNDS // 2] for name, values in spent.items()}
    importing = median["jsonschema"] - median["pass"]
    ratio = (median["bad"] - importing) / median["good"]
    print(
        f"\n10,000 steps: good {median['good']:.2f} s, two errors {median['bad']:.2f} s, jsonschema {importing:.2f} s: {ratio:.2f}x"
    )
    assert ratio <= 1.5


@pytest.mark.timeout(1800)
def test_compiling_grows_with_the_plan_and_not_faster(tmp_path):
    sizes = {1: 5, 1_000: 5, 10_000: 3, 100_000: 1}
    costs = {
        size: compare(tmp_path, rounds, it=compiling(make_project(tmp_path / str(size), size)))["it"]
        for size, rounds in sizes.items()
    }
    start = costs.pop(1).seconds
    for size, cost in costs.items():
        print(f"\n{size:>7} steps: {cost.seconds:.2f} s of CPU, {cost.megabytes:.0f} MB", end="")
    own = {size: cost.seconds - start for size, cost in costs.items()}
    exponents = [math.log10(own[size * 10] / own[size]) for size in (1_000, 10_000)]
    print(f"\nexponents without what one step costs: {exponents[0]:.2f} and {exponents[1]:.2f}")
    assert max(exponents) <= 1.10
    assert costs[100_000].megabytes < MEBI


def test_compiling_again_without_a_change_costs_little_more_than_starting_python(tmp_path):
    demo = tmp_path / "demo"
    subprocess.run([PLANLOOM, "init", str(demo)], check=True, capture_output=True)
    subprocess.run([PLANLOOM, "compile"], cwd=demo, check=True, capture_output=True)
    found = compare(demo, 9, again=(PLANLOOM, "compile"), bare=PASS)
    again, bare = found["again"].seconds, found["bare"].seconds
    print(f"\nnothing changed: {again * 1000:.0f} ms against {bare * 1000:.0f} ms of python -c pass: {again / bare:.1f}x")
    assert again / bare <= 8
