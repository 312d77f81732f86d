"""The portfolio: every work item with its steps on one page, for other programs. Pure: the records decide every value of it.

Whoever verifies a history works it out again and compares; only `waitsFor` is left out of that, since it follows the policy of the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planloom.records.bodies import Finished
from planloom.records.signed import output_subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.records.compiled import CompiledStep
    from planloom.state.item import ItemState
    from planloom.state.machine import StepState

PORTFOLIO_SCHEMA: Final = "planloom/portfolio/v1"
WAITS: Final = "waitsFor"


def portfolio_document(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the portfolio of these work items, each as `portfolio_item` gives it."""
    return {"schema": PORTFOLIO_SCHEMA, "schemaVersion": 1, "workItems": [*items]}


def portfolio_item(
    item: ItemState, steps: Iterable[CompiledStep], states: Mapping[str, StepState], waits: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return one work item. `steps` come in the plan's order; `waits` says what a step waits for, nothing when it is not in it."""
    rows = [_step(step, states[step.key], waits.get(step.key, [])) for step in steps]
    return {
        "workItemId": item.id,
        "plan": {"name": item.plan.name, "version": item.plan.version, "digest": item.plan.digest},
        "params": dict(item.body.params),
        "commit": item.commit,
        "openedAt": item.opened.record.at,
        "closedAt": item.closed.record.at if item.closed else "",
        "done": sum(1 for row in rows if "handoff" in row),
        "total": len(rows),
        "steps": rows,
    }


def _step(step: CompiledStep, state: StepState, waits: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": step.key,
        "order": step.order,
        "state": state.status.value,
        "attempt": state.attempt,
        "reworks": state.reworks,
        WAITS: waits,
    }
    handoff = state.handoff
    if handoff is not None and isinstance(handoff.record.body, Finished):
        body = handoff.record.body
        shown["handoff"] = handoff.digest
        shown["outcome"] = body.outcome
        shown["nextAction"] = body.next_action
        shown["finishedAt"] = body.finished
        shown["outputs"] = {s.name: s.digest for s in output_subjects(handoff)}
    return shown
