"""The schedule: what is ready, running, blocked and why, in launch order. A pure function of plan and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from planloom.state.machine import Status
from planloom.state.readiness import Blocker, find_blockers

if TYPE_CHECKING:
    from planloom.records.compiled import CompiledStep
    from planloom.state.item import ItemView
    from planloom.state.machine import StepState

SCHEDULE_SCHEMA: Final = "planloom/schedule/v1"


class Row(NamedTuple):
    """One step in the schedule: where it is and what is in its way."""

    step: CompiledStep
    state: StepState
    blockers: tuple[Blocker, ...]

    @property
    def word(self) -> str:
        """The state in one word, as tables show it: ready, manual, running, ok, failed, waits."""
        match self.state.status:
            case Status.RUNNING:
                return "running"
            case Status.DONE | Status.INTEGRATED:
                return "ok"
            case Status.FAILED:
                return "failed"
            case Status.PENDING:
                if self.blockers:
                    return "waits"
                return "manual" if self.step.is_manual else "ready"


class Schedule(NamedTuple):
    """Every step of a work item in launch order."""

    rows: tuple[Row, ...]

    @property
    def ready(self) -> tuple[Row, ...]:
        """Steps that may be claimed now, manual ones included."""
        return tuple(row for row in self.rows if row.word in {"ready", "manual"})

    @property
    def dispatchable(self) -> tuple[Row, ...]:
        """Ready steps that a machine carries out."""
        return tuple(row for row in self.rows if row.word == "ready")

    @property
    def running(self) -> tuple[Row, ...]:
        """Steps with an open claim."""
        return tuple(row for row in self.rows if row.word == "running")

    @property
    def done(self) -> tuple[Row, ...]:
        """Steps whose work counts."""
        return tuple(row for row in self.rows if row.state.is_valid)

    @property
    def failed(self) -> tuple[Row, ...]:
        """Steps that failed for good."""
        return tuple(row for row in self.rows if row.word == "failed")

    @property
    def is_finished(self) -> bool:
        """Whether every step has ended well."""
        return len(self.done) == len(self.rows)


def build_schedule(view: ItemView, *, claimant: str = "") -> Schedule:
    """Return the schedule of a work item whose view holds every step, in the plan's linear extension.

    `claimant` is the key id that would claim: what only its own approvals let through waits, as far as that key goes.
    """
    rows = (Row(view.steps[key], view.states[key], find_blockers(view, key, claimant=claimant)) for key in view.header.order)
    return Schedule(tuple(rows))


def choose_wave(view: ItemView, schedule: Schedule, limit: int) -> tuple[Row, ...]:
    """Return the ready steps to hand out together, at most `limit`, so that the shared resources suffice for all of them."""
    capacities = view.header.settings.get("resources", {})
    free = {name: int(capacity) - sum(view.held.get(name, {}).values()) for name, capacity in capacities.items()}
    wave: list[Row] = []
    for row in schedule.dispatchable:
        wanted = row.step.resources
        if len(wave) < limit and all(free.get(name, 0) >= amount for name, amount in wanted.items()):
            for name, amount in wanted.items():
                free[name] -= amount
            wave.append(row)
    return tuple(wave)


def describe_step(step: CompiledStep) -> dict[str, Any]:
    """Return the facts of a step that schedules, briefs and reports carry; empty ones are left out."""
    shown: dict[str, Any] = {
        "key": step.key,
        "name": step.name,
        "order": step.order,
        "parallelizable": step.parallelizable,
        "manual": step.is_manual,
    }
    for key in ("role", "tasks", "entryCriteria", "exitCriteria"):
        if step.definition.get(key):
            shown[key] = step.definition[key]
    return shown


def schedule_document(view: ItemView, schedule: Schedule, *, prompt: str, actor: str) -> dict[str, Any]:
    """Return the schedule as JSON (`artifacts/schedule/<item>.json`, schema planloom/schedule/v1)."""
    blocked = [row for row in schedule.rows if row.blockers and row.state.status in {Status.PENDING, Status.FAILED}]
    return {
        "schema": SCHEDULE_SCHEMA,
        "schemaVersion": 1,
        "workItemId": view.item.id,
        "plan": {"name": view.item.plan.name, "version": view.item.plan.version, "digest": view.item.plan.digest},
        "readySteps": [describe_step(row.step) | {"attempt": row.state.attempt + 1} for row in schedule.ready],
        "runningSteps": [
            {
                "key": row.step.key,
                "attempt": row.state.attempt,
                "blockedBy": list(row.blockers[0].by),
                "reason": row.blockers[0].text,
            }
            for row in schedule.running
        ],
        "blockedSteps": [
            {
                "key": row.step.key,
                "blockedBy": [name for blocker in row.blockers for name in blocker.by],
                "reason": "; ".join(blocker.text for blocker in row.blockers),
            }
            for row in blocked
        ],
        "doneSteps": [{"key": row.step.key, "attempt": row.state.attempt} for row in schedule.done],
        "launchOrder": list(view.header.order),
        "closed": not view.item.is_open,
        "audit": {"at": view.now, "actor": actor, "reason": prompt},
    }
