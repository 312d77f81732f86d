"""Carrying out a work item on this machine: claim what is ready, run it, complete it, until nothing is left to do.

Several of these may work on one ledger at once: what a run believes about the plan is only a hint, and the claim
decides. What others do becomes visible when the ledger is read again, at most every half second.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from planloom.core.errors import InputError, StoreError
from planloom.runtime.abandoning import abandon_dead, find_evidence
from planloom.runtime.claiming import Won, claim_step
from planloom.runtime.command import KILL_AFTER_SECONDS, check_program, command_environment
from planloom.runtime.completing import Completed, Late, Result, complete_attempt
from planloom.runtime.executing import Task, carry_out, missing_inputs
from planloom.runtime.opening import close_when_complete
from planloom.runtime.reading import read_view
from planloom.state.machine import Status, StepState, apply
from planloom.state.readiness import find_blockers
from planloom.state.schedule import Schedule, build_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from planloom.records.compiled import CompiledStep
    from planloom.runtime.outputs import DirectoryStore
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView

REFRESH_SECONDS: Final = 0.5
"""How often the ledger is read again while commands run or others work; a ledger that asks a server is asked less often (`pace`)."""

SHORT_SECONDS: Final = 0.05

CANCELLED: Final = Result("cancellation", reason="stopped by hand")

READING_SHARE: Final = 10
"""Reading the whole ledger again may take a tenth of the time."""


class Observer(Protocol):
    """Is told what happens during a run; called from one thread at a time."""

    def begins(self, view: ItemView, schedule: Schedule) -> None:
        """The run begins with this schedule."""
        ...

    def starts(self, step: CompiledStep, attempt: int, remaining: int) -> None:
        """An attempt starts; `remaining` steps are on the longest path from it to the end."""
        ...

    def prints(self, step: CompiledStep, piece: bytes) -> None:
        """A command has written something."""
        ...

    def ends(self, step: CompiledStep, attempt: int, result: Result, outcome: Completed | Late, seconds: float) -> None:
        """An attempt has ended and its result is recorded."""
        ...

    def refreshes(self, schedule: Schedule) -> None:
        """The ledger was read again."""
        ...

    def stops(self) -> None:
        """Somebody stopped the run: what is running is being ended."""
        ...


@dataclass(slots=True)
class LocalRun:
    """One run of a work item by this process, `jobs` steps at a time."""

    session: Session
    item: str
    store: DirectoryStore
    observer: Observer
    jobs: int
    pace: float = REFRESH_SECONDS
    claimant: str = field(init=False)
    view: ItemView = field(init=False)
    successors: dict[str, list[str]] = field(init=False)
    remaining: dict[str, int] = field(init=False)
    candidates: list[tuple[int, str]] = field(init=False, default_factory=list)
    active: dict[Future[tuple[Result, Completed | Late, float]], Won] = field(init=False, default_factory=dict)
    groups: set[int] = field(init=False, default_factory=set)
    working: set[str] = field(init=False, default_factory=set)
    lacking: dict[str, tuple[str, ...]] = field(init=False, default_factory=dict)
    unable: dict[str, InputError] = field(init=False, default_factory=dict)
    stopping: threading.Event = field(init=False, default_factory=threading.Event)
    read_at: float = field(init=False, default=0.0)
    patience: float = field(init=False, default=0.0)
    refused: tuple[tuple[str, int], ...] = field(init=False, default=())
    lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def carry_out(self) -> Schedule:
        """Run until nothing is ready and nothing of this work item is running anywhere; returns the last schedule.

        Ctrl-C ends the commands, records their attempts as cancelled and raises KeyboardInterrupt.
        """
        self.claimant = self.session.find_key("ci").key_id
        self._refresh()
        self.successors = find_successors(self.view.steps.values())
        self.remaining = longest_paths(self.view, self.successors)
        self.observer.begins(self.view, build_schedule(self.view))
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                self._loop(pool)
            except KeyboardInterrupt:
                self._stop()
                raise
        close_when_complete(self.session, self.item)
        self._refresh()
        if self.lacking:
            key, names = next(iter(self.lacking.items()))
            message = f"step {key} needs {', '.join(names)}, which is not kept on this machine"
            hint = f"planloom run {self.item} --store DIR   # with a folder that every machine shares; or, for the step that made it, "
            hint += f"planloom delegate --structured-work-item {self.item} --retry STEP --take-back"
            raise StoreError(message, hint=hint)
        for key, problem in self.unable.items():
            if self.view.states[key].status is not Status.PENDING:
                continue  # another machine could
            raise InputError(problem.message, hint=f"{problem.hint}, and planloom run {self.item} goes on")
        return build_schedule(self.view)

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        while True:
            self._launch(pool)
            if self.active:
                done, _ = wait(self.active, timeout=self.patience, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(future)
                if not done and time.monotonic() - self.read_at >= self.patience:
                    self._refresh()
                continue
            # Nothing of ours is running: only the ledger can tell whether there is more to do.
            self._refresh()
            if self.candidates and not self._is_stuck():
                continue
            if not any(s.status is Status.RUNNING for s in self.view.states.values()):
                return
            if all(s.status is not Status.RUNNING or _is_by_hand(s) for s in self.view.states.values()):
                return
            self.stopping.wait(self.pace)

    def _is_stuck(self) -> bool:
        """Whether what looks ready was refused when it was claimed, and nothing has changed since: then asking again would never end."""
        ready = tuple((key, self.view.states[key].attempt) for _, key in sorted(self.candidates))
        stuck, self.refused = ready == self.refused, ready
        return stuck

    def _refresh(self) -> None:
        began = time.monotonic()
        self.view = read_view(self.session, self.item).view
        if any(find_evidence(self.session, state, None) for state in self.view.states.values()):
            abandon_dead(self.session, self.item)
            self.view = read_view(self.session, self.item).view
        self.read_at = time.monotonic()
        # A large plan is not read so often that reading becomes the work.
        self.patience = max(self.pace, READING_SHARE * (self.read_at - began))
        self.candidates = []
        self._consider(self.view.header.order)
        self.observer.refreshes(build_schedule(self.view))

    def _consider(self, keys: Iterable[str]) -> None:
        for key in keys:
            if runs_here(self.view.steps[key]) and not find_blockers(self.view, key, claimant=self.claimant):
                heapq.heappush(self.candidates, (self.view.steps[key].position, key))

    def _launch(self, pool: ThreadPoolExecutor) -> None:
        while self.candidates and len(self.active) < self.jobs:
            _, key = heapq.heappop(self.candidates)
            if self.view.states[key].status is not Status.PENDING:
                continue
            missing = missing_inputs(self.view, self.view.steps[key], self.session.workspace, self.store)
            if missing:
                self.lacking[key] = missing
                continue  # an attempt that can't begin would be lost
            self.lacking.pop(key, None)
            if not self._can_start(self.view.steps[key]):
                continue
            outcome = claim_step(self.session, self.item, key, process=True)
            if not isinstance(outcome, Won):
                continue  # somebody else has it, or the hint was old: the next reading tells
            self.refused = ()
            self._know(key, apply(outcome.view.states[key], outcome.claim))
            self.observer.starts(outcome.step, outcome.attempt.number, self.remaining[key])
            self.active[pool.submit(self._attempt, outcome)] = outcome

    def _can_start(self, step: CompiledStep) -> bool:
        """Whether this machine has the shell or container engine of a step; what it lacks is told at the end. Another machine may have it."""
        environment = command_environment(step, self.view.item.body.params, self.session.environment.all())
        try:
            check_program(step, environment)
        except InputError as problem:
            self.unable[step.key] = problem
            return False
        self.unable.pop(step.key, None)
        return True

    def _attempt(self, won: Won) -> tuple[Result, Completed | Late, float]:
        began = time.monotonic()
        task = Task(won.view, won.step, won.claim, won.attempt)
        with self.lock:
            self.working.add(won.step.key)
            is_too_late = self.stopping.is_set()
        try:
            result = CANCELLED
            if not is_too_late:
                log = self._log(won.step)
                result = carry_out(self.session, task, self.session.workspace, self.store, log, running=self.groups)
            if self.stopping.is_set() and result.result != "success":
                result = result._replace(result=CANCELLED.result, reason=CANCELLED.reason)
            outcome = complete_attempt(self.session, self.item, won.step.key, won.attempt.id, result)
            return result, outcome, time.monotonic() - began
        finally:
            self.working.discard(won.step.key)

    def _log(self, step: CompiledStep) -> Callable[[bytes], None]:
        def log(piece: bytes) -> None:
            with self.lock:
                self.observer.prints(step, piece)

        return log

    def _finish(self, future: Future[tuple[Result, Completed | Late, float]]) -> None:
        won = self.active.pop(future)
        result, outcome, seconds = future.result()
        key = won.step.key
        if isinstance(outcome, Completed):
            self._know(key, outcome.state)
        self.observer.ends(won.step, won.attempt.number, result, outcome, seconds)
        self._consider((key, *self.successors.get(key, ())))
        if won.step.resources:
            self._refresh()

    def _know(self, key: str, state: StepState) -> None:
        self.view = self.view._replace(states={**self.view.states, key: state})

    def _stop(self) -> None:
        """End the commands, those that start only now too, and record their attempts; whoever does not hear is killed after a while.

        Another Ctrl-C kills them at once. The attempts are recorded all the same: that is quick, and without it they would look alive.
        """
        asked_at = time.monotonic()
        patience = float(KILL_AFTER_SECONDS)
        with self.lock:
            self.stopping.set()
        self.observer.stops()
        # Stopped between the start of an attempt and our taking note of it, we know of it by its own thread alone.
        while self.active or self.working:
            try:
                self._signal(signal.SIGTERM if time.monotonic() - asked_at < patience else signal.SIGKILL)
                if not self.active:
                    time.sleep(SHORT_SECONDS)
                    continue
                done, _ = wait(self.active, timeout=self.patience, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish_quietly(future)
            except KeyboardInterrupt:
                patience = 0.0

    def _signal(self, number: signal.Signals) -> None:
        for group in tuple(self.groups):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _finish_quietly(self, future: Future[tuple[Result, Completed | Late, float]]) -> None:
        won = self.active.pop(future)
        result, outcome, seconds = future.result()
        self.observer.ends(won.step, won.attempt.number, result, outcome, seconds)


def runs_here(step: CompiledStep) -> bool:
    """Return whether this machine can carry out a step: a command, not manual work and not native steps of GitHub's."""
    return bool(step.run)


def _is_by_hand(state: StepState) -> bool:
    """Whether a running step is held by a person: a run does not wait for people."""
    body = state.claim.record.body if state.claim else None
    return getattr(body, "pid", 0) == 0


def find_successors(steps: Iterable[CompiledStep]) -> dict[str, list[str]]:
    """Return for each step the steps that wait for it directly."""
    successors: dict[str, list[str]] = {}
    for step in steps:
        for before in step.predecessors:
            successors.setdefault(before, []).append(step.key)
    return successors


def longest_paths(view: ItemView, successors: dict[str, list[str]]) -> dict[str, int]:
    """Return for each step how many steps are on the longest path from it to the end, itself included."""
    longest: dict[str, int] = {}
    for key in reversed(view.header.order):
        longest[key] = 1 + max((longest[after] for after in successors.get(key, ())), default=0)
    return longest
