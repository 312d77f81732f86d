"""Entries of the matrices that GitHub runs: one place that knows their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.records.compiled import CompiledStep

Entry = TypeVar("Entry")

JOB_MARGIN_MINUTES: Final = 10
"""A job may last this much longer than its step, so that the result is still uploaded."""

WAVE_LIMIT: Final = 256
"""Jobs that the matrices of one workflow run may have. Source: https://docs.github.com/actions/reference/limits."""

RESERVED: Final = frozenset(
    {
        "workItemId",
        "stepKey",
        "order",
        "parallelizable",
        "attempt",
        "runsOn",
        "environment",
        "source",
        "timeoutMinutes",
        "jobTimeoutMinutes",
    }
)
"""Keys that free matrix metadata of a plan can't take."""


def plan_entry(step: CompiledStep) -> dict[str, Any]:
    """Return the part of an entry that is known when compiling."""
    return {
        "stepKey": step.key,
        "order": step.order,
        "parallelizable": step.parallelizable,
        "runsOn": step.definition.get("runsOn", "ubuntu-latest"),
        "environment": step.definition.get("environment", ""),
        "timeoutMinutes": step.timeout_minutes,
        "jobTimeoutMinutes": step.timeout_minutes + JOB_MARGIN_MINUTES,
        **step.definition.get("matrix", {}),
    }


def matrix_entry(step: CompiledStep, *, work_item: str, attempt: str, source: str) -> dict[str, Any]:
    """Return the whole entry for one claimed attempt; `source` is the commit that it is carried out on."""
    return {"workItemId": work_item, **plan_entry(step), "attempt": attempt, "source": source}


def group_by_profile(entries: Iterable[tuple[str, Entry]]) -> dict[str, list[Entry]]:
    """Return profile → its entries, from (profile, entry) pairs; profiles without an entry are absent."""
    matrices: dict[str, list[Entry]] = {}
    for profile, entry in entries:
        matrices.setdefault(profile, []).append(entry)
    return matrices
