"""The waves of a plan as if every step succeeded: what each orchestrator run would hand out."""

from __future__ import annotations

import heapq
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from planloom.core import canonical
from planloom.records.matrix import JOB_MARGIN_MINUTES, WAVE_LIMIT, group_by_profile, plan_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.records.compiled import CompiledPlan, CompiledStep

MATRIX_SCHEMA = "planloom/matrix/v1"


class Wave(NamedTuple):
    """Steps that run at the same time, in launch order: those of machines, and those of people."""

    steps: tuple[CompiledStep, ...]
    manual: tuple[CompiledStep, ...]


def build_waves(plan: CompiledPlan, steps: Iterable[CompiledStep], *, limit: int = WAVE_LIMIT) -> tuple[Wave, ...]:
    """Return the waves in order; at most `limit` steps each, and no more than the shared resources allow.

    Guarantee: every step of the plan is in exactly one wave, after all that it waits for. Linear in steps and edges, times the
    logarithm of how many different demands there are.
    """
    by_key = {step.key: step for step in steps}
    waiting: dict[str, int] = {}
    followers: dict[str, list[str]] = {key: [] for key in by_key}
    for key in plan.order:
        predecessors = by_key[key].predecessors
        waiting[key] = len(predecessors)
        for before in predecessors:
            followers[before].append(key)
    queue = _Queue(plan.settings.get("resources", {}))
    queue.add(by_key[key] for key in plan.order if not waiting[key])
    waves = []
    while queue:
        wave = queue.take(limit)
        waves.append(wave)
        freed = []
        for done in (*wave.steps, *wave.manual):
            for key in followers[done.key]:
                waiting[key] -= 1
                if not waiting[key]:
                    freed.append(by_key[key])
        queue.add(sorted(freed, key=lambda step: step.position))
    return tuple(waves)


class _Queue:
    """Ready steps, grouped by what they demand, so that a busy resource is looked at once a wave."""

    def __init__(self, capacities: Mapping[str, int]) -> None:
        self._capacities = capacities
        self._groups: dict[tuple[tuple[str, int], ...], list[tuple[int, CompiledStep]]] = {}
        self._manual: list[CompiledStep] = []

    def __bool__(self) -> bool:
        return bool(self._groups or self._manual)

    def add(self, steps: Iterable[CompiledStep]) -> None:
        """Add steps, given in launch order."""
        for step in steps:
            if step.is_manual:
                self._manual.append(step)
            else:
                # A heap: a step that was freed later may come earlier in launch order than one that still waits.
                demand = tuple(sorted(step.resources.items())) if "resources" in step.definition else ()
                group = self._groups.setdefault(demand, [])
                heapq.heappush(group, (step.position, step))

    def take(self, limit: int) -> Wave:
        """Return the next wave and forget its steps."""
        free = dict(self._capacities)
        heads = [(group[0][0], demand) for demand, group in self._groups.items()]
        heapq.heapify(heads)
        taken: list[CompiledStep] = []
        while heads and len(taken) < limit:
            _, demand = heapq.heappop(heads)
            # A demand above the whole capacity is a mistake that the checks report; here it must not stop the waves.
            if demand and taken and any(free.get(name, 0) < amount for name, amount in demand):
                continue
            for name, amount in demand:
                free[name] = free.get(name, 0) - amount
            group = self._groups[demand]
            taken.append(heapq.heappop(group)[1])
            if group:
                heapq.heappush(heads, (group[0][0], demand))
            else:
                del self._groups[demand]
        manual, self._manual = tuple(self._manual), []
        return Wave(tuple(taken), manual)


def encode_waves(plan: CompiledPlan, waves: Iterable[Wave]) -> bytes:
    """Return `matrix.json`: one line an entry, so that a change reads well in a diff."""
    head = canonical.encode({"name": plan.id, "version": plan.version, "digest": plan.digest}).decode()
    shown = ",\n".join(_encode_wave(number, wave) for number, wave in enumerate(waves, start=1))
    return (f'{{\n"schema": "{MATRIX_SCHEMA}",\n"schemaVersion": 1,\n"plan": {head},\n"waves": [\n{shown}\n]\n}}\n').encode()


def _encode_wave(number: int, wave: Wave) -> str:
    matrices = group_by_profile((step.profile, _encode_entry(step)) for step in wave.steps)
    profiles = [f'"{name}": [\n' + ",\n".join(entries) + "\n]" for name, entries in matrices.items()]
    manual = canonical.encode([step.key for step in wave.manual]).decode()
    return f'{{"wave": {number}, "manual": {manual}, "matrices": {{{", ".join(profiles)}}}}}'


def _encode_entry(step: CompiledStep) -> str:
    """Return an entry in canonical JSON; the usual one, without metadata of its own, is written without an encoder."""
    runs_on = step.definition.get("runsOn")
    if "matrix" in step.definition or not isinstance(runs_on, str):
        return canonical.encode(plan_entry(step)).decode()
    environment, minutes = step.definition.get("environment", ""), step.timeout_minutes
    return (
        f'{{"environment":{_quote(environment)},"jobTimeoutMinutes":{minutes + JOB_MARGIN_MINUTES},"order":{step.order},'
        f'"parallelizable":{"true" if step.parallelizable else "false"},"runsOn":{_quote(runs_on)},'
        f'"stepKey":"{step.key}","timeoutMinutes":{minutes}}}'
    )


@lru_cache(maxsize=256)
def _quote(text: str) -> str:
    return canonical.encode(text).decode()
