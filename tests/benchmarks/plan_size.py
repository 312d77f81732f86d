"""What claiming and completing one step costs in plans of 10, 1,000 and 10,000 steps: ratios of CPU time, measured in one run."""

from __future__ import annotations

import resource
import statistics

from planloom.records.compiled import encode_steps
from shops import Shop
from worlds import Shape, compile_shapes

SIZES = (10, 1_000, 10_000)
ROUNDS = 5
MOST = 1.5
"""How many times what it costs in a plan of 10 steps."""


def large_plan(folder, count):
    """Lay down a compiled plan of chains of ten steps; nobody has to write it by hand."""
    shop = Shop(folder)
    shapes = [Shape(f"s{n:05d}", needs=(f"s{n - 1:05d}",) if n % 10 else ()) for n in range(count)]
    header, steps = compile_shapes(shapes)
    generated = shop.folder / "generated/demo"
    generated.mkdir(parents=True)
    (generated / "plan.json").write_bytes(header.to_bytes())
    (generated / "steps.jsonl").write_bytes(encode_steps(steps))
    shop.check("open", "demo-1")
    return shop


def cpu_seconds(shop, *arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shop.check(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(shop):
    claims, completions = [], []
    for n in range(ROUNDS):
        step = f"s{n:05d}"
        claims.append(cpu_seconds(shop, "claim", "demo-1", step))
        end = ("--attempt", f"{step}-local", "--outcome", "x", "--next-action", "y")
        completions.append(cpu_seconds(shop, "complete", "demo-1", step, *end))
    return statistics.median(claims), statistics.median(completions)


def test_claim_and_complete_cost_what_their_step_costs(tmp_path):
    found = {size: measure(large_plan(tmp_path / str(size), size)) for size in SIZES}
    for size, (claim, complete) in found.items():
        print(f"\n{size:>6} steps: claim {claim * 1000:.0f} ms, complete {complete * 1000:.0f} ms of CPU time")
    for place in (0, 1):
        assert found[SIZES[-1]][place] <= MOST * found[SIZES[0]][place]
