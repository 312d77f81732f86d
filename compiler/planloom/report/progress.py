"""The progress of a local run: live rows on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planloom.report.table import describe_seconds, head_line, printable, step_columns
from planloom.runtime.completing import Completed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Group
    from rich.live import Live

    from planloom.records.compiled import CompiledStep
    from planloom.runtime.completing import Late, Result
    from planloom.state.item import ItemView
    from planloom.state.schedule import Schedule

TAIL_BYTES = 4096


@dataclass(slots=True)
class PlainProgress:
    """One line when an attempt ends. `say` writes a line; `logs` is where the output of each attempt is kept."""

    say: Callable[[str], None]
    logs: Path
    verbose: bool = False
    width: int = 12
    view: ItemView | None = None
    tails: dict[str, bytes] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def begins(self, view: ItemView, schedule: Schedule) -> None:
        """Say what is to be done."""
        self.view = view
        self.width = min(40, max((len(key) for key in view.header.order), default=8))
        todo = len(schedule.rows) - len(schedule.done)
        if schedule.done and todo:
            self.say(
                f"{view.item.id}: {view.item.plan.name} {view.item.plan.version}, continues with {todo} step{'' if todo == 1 else 's'}"
            )
        else:
            self.say(head_line(view))

    def starts(self, step: CompiledStep, attempt: int, remaining: int) -> None:
        """Remember the attempt; a plain log needs no line for it."""
        del remaining
        self.tails[step.key] = b""
        self.numbers[step.key] = attempt
        path = self._log_path(step.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    def prints(self, step: CompiledStep, piece: bytes) -> None:
        """Keep what the command writes."""
        self.tails[step.key] = (self.tails[step.key] + piece)[-TAIL_BYTES:]
        with self._log_path(step.key).open("ab") as stream:
            stream.write(piece)
        if self.verbose:
            for line in piece.decode("utf-8", errors="replace").splitlines():
                self.say(f"{step.key} | {printable(line)}")

    def ends(self, step: CompiledStep, attempt: int, result: Result, outcome: Completed | Late, seconds: float) -> None:
        """Say how an attempt ended."""
        self.say(self.end_line(step, attempt, result, outcome, seconds))

    def end_line(self, step: CompiledStep, attempt: int, result: Result, outcome: Completed | Late, seconds: float) -> str:
        """Return the line of an attempt that has ended."""
        word = "ok" if isinstance(outcome, Completed) and outcome.event == "completed" else "failed"
        if not isinstance(outcome, Completed):
            word = "late"
        elif outcome.event == "superseded":
            word = "void"
        line = f"  {word:<7} {step.key:<{self.width}}   attempt {attempt}   {describe_seconds(int(seconds * 1000)):>6}"
        # A reason quotes names of files, which are anybody's.
        return printable(f"{line}   {self._remark(step.key, result, outcome)}".rstrip())

    def _remark(self, key: str, result: Result, outcome: Completed | Late) -> str:
        if not isinstance(outcome, Completed):
            return outcome.text
        if outcome.event == "superseded":
            return "what it was built on was taken back"
        if result.result == "success":
            return ", ".join(s.name for s in result.outputs[:3]) + (" …" if len(result.outputs) > 3 else "")
        last = self.last_line(key)
        # What kept the command from starting is in its log too.
        return result.reason + (f": {last}" if last and last != f"planloom: {printable(result.reason)}"[:100] else "")

    def last_line(self, key: str) -> str:
        """Return the last line that a command wrote, fit for a terminal."""
        lines = self.tails.get(key, b"").decode("utf-8", errors="replace").strip().splitlines()
        return printable(lines[-1])[:100] if lines else ""

    def refreshes(self, schedule: Schedule) -> None:
        """Nothing to show: a plain log has one line for each attempt."""

    def stops(self) -> None:
        """Say what stopping takes."""
        self.say("  stopping what runs; Ctrl-C again kills it")

    def _log_path(self, key: str) -> Path:
        item = self.view.item.id if self.view else "_"
        return self.logs / item / f"{key}-{self.numbers.get(key, 0)}.log"


@dataclass(slots=True)
class Active:
    """A row of the live display."""

    step: CompiledStep
    attempt: int
    remaining: int
    began: float
    line: str = ""


@dataclass(slots=True)
class LiveProgress:
    """A row for each running step with elapsed time and its last line; counts and the longest path that remains below."""

    plain: PlainProgress
    live: Live
    active: dict[str, Active] = field(default_factory=dict)
    done: int = 0
    total: int = 0

    def begins(self, view: ItemView, schedule: Schedule) -> None:
        """Show what is to be done."""
        self.total, self.done = len(schedule.rows), len(schedule.done)
        self.plain.begins(view, schedule)
        self._update()

    def starts(self, step: CompiledStep, attempt: int, remaining: int) -> None:
        """Add a row."""
        self.plain.starts(step, attempt, remaining)
        self.active[step.key] = Active(step, attempt, remaining, time.monotonic())
        self._update()

    def prints(self, step: CompiledStep, piece: bytes) -> None:
        """Show a command's last line beside its row."""
        self.plain.prints(step, piece)
        if step.key in self.active:
            self.active[step.key].line = self.plain.last_line(step.key)[:60]

    def ends(self, step: CompiledStep, attempt: int, result: Result, outcome: Completed | Late, seconds: float) -> None:
        """Take the row away and leave a line."""
        self.active.pop(step.key, None)
        self.plain.ends(step, attempt, result, outcome, seconds)
        if isinstance(outcome, Completed) and outcome.event == "completed":
            self.done += 1
        self._update()

    def refreshes(self, schedule: Schedule) -> None:
        """Count what others did."""
        self.done, self.total = len(schedule.done), len(schedule.rows)
        self._update()

    def stops(self) -> None:
        """Say what stopping takes."""
        self.plain.stops()

    def _update(self) -> None:
        self.live.update(self)

    def __rich__(self) -> Group:
        """Return what is on the screen now; rich asks several times a second, so the elapsed times move by themselves."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        table = Table.grid(padding=(0, 2))
        for row in self.active.values():
            spent = describe_seconds(int((now - row.began) * 1000))
            table.add_row(
                Text("  running", style="yellow"),
                Text(row.step.key),
                f"attempt {row.attempt}",
                spent,
                Text(row.line, style="dim"),
            )
        longest = max((row.remaining for row in self.active.values()), default=0)
        path = f", {longest} on the longest path" if longest else ""
        total = Text(f"  {self.done} of {self.total} steps done, {len(self.active)} running{path}", style="bold")
        return Group(table, total)


def waiting_lines(view: ItemView, schedule: Schedule, width: int) -> list[str]:
    """Return a line for each step that still waits, is by hand, or failed for good."""
    lines = []
    for row in schedule.rows:
        word, key, _, _, remark = map(printable, step_columns(row, view.now))
        if word in {"waits", "manual", "failed", "running", "ready"}:
            lines.append(f"  {word:<7} {key:<{width}}   {'':>9}   {'':>6}   {remark}".rstrip())
    return lines
