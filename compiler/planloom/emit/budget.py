"""What carrying out a plan costs on GitHub: headroom of each limit, pushes, API calls, and what waves cost in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.emit.limits import measure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.emit.limits import Use
    from planloom.emit.project import Emitted
    from planloom.records.compiled import CompiledStep

JOBS_A_PAGE: Final = 100
"""Jobs in one answer of the platform's API. Source: REST, "List jobs for a workflow run attempt", per_page."""

PUSHES_A_MINUTE: Final = 6
"""What GitHub recommends as the most. Source: https://docs.github.com/repositories/creating-and-managing-repositories/repository-limits."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The costs of one plan.

    Shape: `pushes` and `calls` are for its biggest wave; `waves_minutes` is the sum of each wave's longest timeout, `path_minutes` the longest
    chain of timeouts: what the plan could take at most with and without waves.
    """

    plan: str
    execution: str
    uses: tuple[Use, ...]
    waves: int
    biggest_wave: int
    pushes: int
    calls: int
    waves_minutes: int
    path_minutes: int


def build_budget(emitted: Emitted) -> Budget:
    """Return the costs of a plan."""
    biggest = max((len(wave.steps) for wave in emitted.waves), default=0)
    is_direct = emitted.plan.workflow.execution == "direct"
    return Budget(
        plan=emitted.plan.id,
        execution=emitted.plan.workflow.execution,
        uses=measure(emitted),
        waves=len(emitted.waves),
        biggest_wave=biggest,
        pushes=2 * biggest if is_direct else 2,
        # Isolated: the run's jobs page by page, then a dispatch. Direct: the dispatch alone.
        calls=1 if is_direct else 1 + -(-(biggest + 2) // JOBS_A_PAGE),
        waves_minutes=sum(max((step.timeout_minutes for step in wave.steps), default=0) for wave in emitted.waves),
        path_minutes=_longest_path(emitted.compiled.order, emitted.steps),
    )


def _longest_path(order: Iterable[str], steps: Iterable[CompiledStep]) -> int:
    by_key = {step.key: step for step in steps}
    ends: dict[str, int] = {}
    for key in order:
        step = by_key[key]
        own = 0 if step.is_manual else step.timeout_minutes
        ends[key] = own + max((ends[before] for before in step.predecessors), default=0)
    return max(ends.values(), default=0)


def render_budget(budget: Budget) -> str:
    """Return the costs as text: a table of limits, then pushes, calls and time."""
    rows = [
        (use.limit.what, f"{use.used:,}", f"{use.limit.most:,} {use.limit.unit}", f"{use.percent} %", use.where)
        for use in budget.uses
    ]
    head = ("limit", "used", "of", "share", "where")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(4)]
    lines = [f"{budget.plan} ({budget.execution})"]
    for row in (head, *rows):
        cells = (row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].rjust(widths[3]), row[4])
        lines.append("  " + "  ".join(cells).rstrip())
    lines.append(f"  waves {budget.waves}, the biggest with {budget.biggest_wave} jobs")
    lines.append(
        f"  pushes a wave {budget.pushes} (GitHub recommends at most {PUSHES_A_MINUTE} a minute), API calls a wave {budget.calls}"
    )
    lines.append(
        f"  at most {budget.waves_minutes} minutes in waves, {budget.path_minutes} along the longest chain of steps: "
        "a wave ends with its slowest job"
    )
    return "\n".join(lines) + "\n"


def describe_budget(budget: Budget) -> dict[str, Any]:
    """Return the costs as JSON."""
    return {
        "plan": budget.plan,
        "execution": budget.execution,
        "limits": [
            {
                "limit": use.limit.rule,
                "what": use.limit.what,
                "used": use.used,
                "most": use.limit.most,
                "unit": use.limit.unit,
                "where": use.where,
            }
            for use in budget.uses
        ],
        "waves": budget.waves,
        "biggestWave": budget.biggest_wave,
        "pushesPerWave": budget.pushes,
        "callsPerWave": budget.calls,
        "wavesMinutes": budget.waves_minutes,
        "pathMinutes": budget.path_minutes,
    }
