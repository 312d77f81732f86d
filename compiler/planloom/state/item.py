"""A work item as its records tell it: the item itself, its steps, its gates, and the resources it shares."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from planloom.core.errors import Difference, TrustError
from planloom.records.bodies import Acquired, Closed, Migrated, Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.records.compiled import CompiledPlan, CompiledStep
    from planloom.records.references import PlanRef
    from planloom.records.signed import Signed
    from planloom.state.machine import StepState


class ItemState(NamedTuple):
    """What a work item's own chain says.

    Shape: `bound` is the record that binds it to its plan now (the last migration, else the opening): the compiled plan lies beside
    that record; `commit` is the source commit that goes with it; `closed` the record that ended it.
    """

    id: str
    opened: Signed
    body: Opened
    bound: Signed
    commit: str
    closed: Signed | None

    @property
    def plan(self) -> PlanRef:
        """The plan that the work item is bound to."""
        return self.bound.record.plan

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
                state = ItemState(item, signed, record.body, signed, record.body.commit, None)
            case Migrated() if state is not None and state.is_open:
                state = state._replace(bound=signed, commit=record.body.commit or state.commit)
            case Closed() if state is not None and state.is_open:
                state = state._replace(closed=signed)
            case _:
                message = f"{record.chain} #{record.index}: '{record.event}' can't stand here"
                raise TrustError(message, code="E_STATE", difference=Difference("event", _allowed(state), record.event))
    if state is None:
        message = f"work item {item} was never opened"
        raise TrustError(message, code="E_STATE")
    return state


def _allowed(state: ItemState | None) -> str:
    """Return what may come next in the chain of a work item."""
    if state is None:
        return "opened"
    return "migrated or closed" if state.is_open else "nothing after the closing"


def fold_resource(records: Iterable[Signed]) -> dict[str, int]:
    """Return who holds how many units: holder (`<chain>#<attempt>`) → amount, in the order of taking.

    Raises: TrustError (`E_STATE`) when something is given back that was not held, or taken twice.
    """
    held: dict[str, int] = {}
    for signed in records:
        record = signed.record
        body = record.body
        taken = record.event == "acquired"
        if not isinstance(body, Acquired) or any((holder in held) is taken for holder in body.holders):
            message = f"{record.chain} #{record.index}: '{record.event}' can't stand here"
            raise TrustError(message, code="E_STATE")
        if taken:
            held.update(body.holders)
        else:
            held = {holder: amount for holder, amount in held.items() if holder not in body.holders}
    return held


class GateRules(NamedTuple):
    """What the trust policy says about gates: role → ids of the keys that hold it, role → how many must approve at least; `names` of these keys by id."""

    holders: Mapping[str, frozenset[str]]
    thresholds: Mapping[str, int]
    allow_self_approval: bool
    names: Mapping[str, str] = MappingProxyType({})


class ItemView(NamedTuple):
    """All that decisions about a work item look at, as of one moment.

    Shape: `steps`, `states` and `gates` hold what was loaded: every step for a schedule, a step and its predecessors for a claim; `held` is resource
    name → holder → units; `rules` what the trust policy says about gates; `now` the operation's time; `changed`: steps whose workflow has moved on, with the reason.
    """

    item: ItemState
    header: CompiledPlan
    steps: Mapping[str, CompiledStep]
    states: Mapping[str, StepState]
    gates: Mapping[str, tuple[Signed, ...]]
    held: Mapping[str, Mapping[str, int]]
    rules: GateRules
    now: str
    changed: Mapping[str, str] = MappingProxyType({})
