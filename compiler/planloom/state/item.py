"""A work item as its records tell it: the item itself, its steps, its gates, and the resources it shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core.errors import TrustError
from planloom.records.record import Acquired, Closed, Migrated, Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.records.compiled import CompiledPlan, CompiledStep
    from planloom.records.record import PlanRef
    from planloom.records.signed import Signed
    from planloom.state.machine import StepState


@dataclass(frozen=True, slots=True)
class ItemState:
    """What a work item's own chain says.

    Shape: `plan` is the plan it is bound to now (the last migration's, else the one it was opened with), `plan_index` the entry of the chain beside
    which that compiled plan lies; `closed` the record that ended it.
    """

    id: str
    opened: Signed
    body: Opened
    plan: PlanRef
    plan_index: int
    commit: str
    closed: Signed | None

    @property
    def is_open(self) -> bool:
        """Whether anything may still be appended."""
        return self.closed is None


def fold_item(item: str, records: Iterable[Signed]) -> ItemState:
    """Return the state of a work item. Raises: TrustError (`E_STATE`) when its chain does not read opened, migrated…, closed."""
    state: ItemState | None = None
    for signed in records:
        record = signed.record
        match record.body:
            case Opened() if state is None:
                state = ItemState(item, signed, record.body, record.plan, record.index, record.body.commit, None)
            case Migrated() if state is not None and state.is_open:
                commit = record.body.commit or state.commit
                state = ItemState(item, state.opened, state.body, record.plan, record.index, commit, None)
            case Closed() if state is not None and state.is_open:
                state = ItemState(item, state.opened, state.body, state.plan, state.plan_index, state.commit, signed)
            case _:
                message = f"{record.chain} #{record.index}: '{record.event}' can't stand here"
                raise TrustError(message, code="E_STATE")
    if state is None:
        message = f"work item {item} was never opened"
        raise TrustError(message, code="E_STATE")
    return state


def fold_resource(records: Iterable[Signed]) -> dict[str, int]:
    """Return who holds how many units: holder (`<chain>#<attempt>`) → amount, in the order of taking.

    Raises: TrustError (`E_STATE`) when something is given back that was not held, or taken twice.
    """
    held: dict[str, int] = {}
    for signed in records:
        record = signed.record
        body = record.body
        if not isinstance(body, Acquired) or (record.event == "acquired") == (body.holder in held):
            message = f"{record.chain} #{record.index}: '{record.event}' can't stand here"
            raise TrustError(message, code="E_STATE")
        if record.event == "acquired":
            held[body.holder] = body.amount
        else:
            del held[body.holder]
    return held


@dataclass(frozen=True, slots=True)
class ItemView:
    """All that decisions about a work item look at, as of one moment.

    Shape: `steps`, `states` and `gates` hold what was loaded: every step for a schedule, a step and its predecessors for a claim; `held` is resource
    name → holder → units; `now` the operation's time.
    """

    item: ItemState
    header: CompiledPlan
    steps: Mapping[str, CompiledStep]
    states: Mapping[str, StepState]
    gates: Mapping[str, tuple[Signed, ...]]
    held: Mapping[str, Mapping[str, int]]
    now: str
