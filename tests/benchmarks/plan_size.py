"""What claiming, completing and asking for one step cost in plans of 100, 1,000 and 10,000 steps: ratios of CPU time."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.measuring import PLANLOOM, cost_of
from shops import Shop

SIZES = (100, 1_000, 10_000)
ROUNDS = 7
MOST = 1.2
"""How many times what it costs in a plan of 100 steps."""


def large_plan(folder, count):
    """Lay down a plan of chains of ten steps, compiled, with a work item."""
    shop = Shop(folder)
    shop.plan(*({"key": f"s{n:05d}", "run": "true", "needs": [f"s{n - 1:05d}"] if n % 10 else []} for n in range(count)))
    shop.check("open", "demo-1")
    return shop


def measure(shop, step):
    """One step claimed, completed and looked at, by verb."""
    ended = ("--attempt", f"{step}-local", "--outcome", "x", "--next-action", "y")
    commands = {
        "claim": ("claim", "demo-1", step),
        "complete": ("complete", "demo-1", step, *ended),
        "status": ("status", "demo-1", step),
    }
    return {verb: cost_of(PLANLOOM, *words, cwd=shop.folder).seconds for verb, words in commands.items()}


@pytest.mark.timeout(600)
def test_one_step_costs_what_it_costs_however_large_its_plan_is(tmp_path):
    shops = {size: large_plan(tmp_path / str(size), size) for size in SIZES}
    rounds = [{size: measure(shop, f"s{number:05d}") for size, shop in shops.items()} for number in range(ROUNDS)]
    grown = {}
    for verb in rounds[0][SIZES[0]]:
        median = {size: statistics.median(found[size][verb] for found in rounds) for size in SIZES}
        shown = ", ".join(f"{seconds * 1000:.0f}" for seconds in median.values())
        grown[verb] = median[SIZES[-1]] / median[SIZES[0]]
        print(f"\n{verb}: {shown} ms of CPU in plans of {', '.join(map(str, SIZES))} steps: {grown[verb]:.2f}x", end="")
    assert max(grown.values()) <= MOST
