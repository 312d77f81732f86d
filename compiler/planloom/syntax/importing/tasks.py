"""tasks.md → plan: phases of `- [ ] T001 [P] text` tasks, as spec-driven tools write them.

Each open task becomes a step that somebody does by hand, in the order of the file; `[P]` makes it parallelizable. Tasks of a
phase start after all of the phase before. "(depends on T001, T002)" becomes needs, and so do lines like "T004 after T003" in a section of
dependencies; a checkpoint line becomes the exit criterion of its phase's last task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from planloom.core.diagnostics import Span
from planloom.syntax.importing.imported import Imported, Note, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADING: Final = re.compile(r"#{1,6}[ \t]+([^\n]{1,500})")
_TASK: Final = re.compile(r"[ \t]*[-*+][ \t]+\[([ xX])\][ \t]+(?:\*\*)?([A-Z]{1,4}[0-9]{1,6})(?:\*\*)?:?[ \t]+([^\n]{1,2000})")
_OPEN_BOX: Final = re.compile(r"[ \t]*[-*+][ \t]+\[[ xX]\]")
_MARKS: Final = re.compile(r"\[([A-Za-z0-9 _.-]{1,20})\][ \t]*")
_DEPENDS: Final = re.compile(r"\((?:depends on|needs|after)[ \t]+([^)\n]{1,500})\)", re.IGNORECASE)
_ID: Final = re.compile(r"\b[A-Z]{1,4}[0-9]{1,6}\b")
_IDS: Final = r"\**[A-Z]{1,4}[0-9]{1,6}\**(?:(?:,| and|, and| &)[ \t]+\**[A-Z]{1,4}[0-9]{1,6}\**){0,200}"
_ORDER: Final = re.compile(
    rf"[ \t]*(?:[-*+][ \t]+)?({_IDS}):?[ \t]+((?i:after|depends? on|needs?|requires?|before|blocks?))[ \t]+({_IDS})[. \t]*"
)
_FIRST_COMES_FIRST: Final = ("before", "block")
_CHECKPOINT: Final = re.compile(r"\*\*Checkpoint\*\*:?[ \t]*([^\n]{1,500})")

MAX_TASKS: Final = 10_000


@dataclass(slots=True)
class _Task:
    id: str
    text: str
    parallel: bool
    depends: list[str]
    line: int
    phase: int
    tags: list[str] = field(default_factory=list)
    exit: list[str] = field(default_factory=list)


_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")


def import_tasks(path: str, text: str, plan_id: str) -> Imported:
    """Return the plan of a task list. A list without any open task gives a plan without steps."""
    notes: list[Note] = []
    title, tasks = _read(path, text, notes)
    _read_order(path, text, tasks, notes)
    keys = {task.id: make_key(task.id, "task") for task in tasks}
    steps = []
    for index, task in enumerate(tasks):
        before = [other for other in tasks[:index] if other.phase < task.phase]
        needs = _needs(path, task, keys, notes)
        if task.parallel and before and not needs:
            needs = _end_of_phase(before, keys)
        steps.append(_step(task, keys[task.id], needs))
    tree = {
        "schema": "planloom/plan/v1",
        "id": plan_id,
        "name": title or plan_id,
        "version": "0.1.0",
        "description": f"Imported from {path.rsplit('/', 1)[-1]}.",
        "steps": steps,
    }
    return Imported(tree, tuple(notes))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, but for blocks of code: they show what a list looks like."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        if mark := _FENCE.match(line):
            # A block ends at a line of the same marks.
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        elif not fence:
            yield number, line


def _read(path: str, text: str, notes: list[Note]) -> tuple[str, list[_Task]]:
    title, phase = "", 0
    tasks: list[_Task] = []
    seen: dict[str, int] = {}
    for number, line in _lines(text):
        span = Span(path, number, 1, number, len(line) + 1)
        if heading := _HEADING.match(line):
            phase += 1
            title = title or heading[1].strip("# \t")[:200]
        elif checkpoint := _CHECKPOINT.search(line):
            if tasks:
                tasks[-1].exit.append(checkpoint[1].strip("* \t"))
        elif match := _TASK.match(line):
            if match[2] in seen:
                notes.append(Note(span, f"task {match[2]} is here a second time (first in line {seen[match[2]]}) and left out"))
            elif match[1] != " ":
                notes.append(Note(span, f"task {match[2]} is done already and left out"))
            elif len(tasks) == MAX_TASKS:
                notes.append(Note(span, f"task {match[2]} is left out: a plan is made of {MAX_TASKS:,} at most"))
            else:
                tasks.append(_task(match[2], match[3], number, phase))
            seen.setdefault(match[2], number)
        elif _OPEN_BOX.match(line):
            notes.append(Note(span, "a box without a task id (T001) is left out"))
    return title, tasks


def _read_order(path: str, text: str, tasks: list[_Task], notes: list[Note]) -> None:
    """Add what sections of dependencies say to the tasks; each of their lines that is not understood is reported."""
    by_id = {task.id: task for task in tasks}
    in_section = False
    for number, line in _lines(text):
        span = Span(path, number, 1, number, len(line) + 1)
        if heading := _HEADING.match(line):
            in_section = "depend" in heading[1].lower()
        elif not in_section or not line.strip() or _OPEN_BOX.match(line) or _CHECKPOINT.search(line):
            continue
        elif order := _ORDER.fullmatch(line):
            first, second = _ID.findall(order[1]), _ID.findall(order[3])
            before, after = (first, second) if order[2].lower().startswith(_FIRST_COMES_FIRST) else (second, first)
            for later in after:
                if later in by_id:
                    by_id[later].depends.extend(before)
                else:
                    message = f"task {later} is done or not there: that it comes after {', '.join(before)} is left out"
                    notes.append(Note(span, message))
        else:
            how = "write '(depends on T001)' behind a task"
            notes.append(Note(span, f"this line of the dependencies is not understood and left out: {how}"))


def _task(name: str, text: str, line: int, phase: int) -> _Task:
    """Return a task; the marks before its text are taken off, `[P]` means parallelizable, others become tags."""
    tags = []
    while mark := _MARKS.match(text):
        tags.append(mark[1])
        text = text[mark.end() :]
    depends = [found for match in _DEPENDS.finditer(text) for found in _ID.findall(match[1])]
    return _Task(name, text.strip(), "P" in tags, depends, line, phase, [tag for tag in tags if tag != "P"])


def _needs(path: str, task: _Task, keys: dict[str, str], notes: list[Note]) -> list[str]:
    needs = []
    for name in dict.fromkeys(task.depends):
        if name in keys and name != task.id:
            needs.append(keys[name])
        else:
            span = Span(path, task.line, 1, task.line, 1)
            notes.append(Note(span, f"task {task.id} depends on {name}, which is done or not there: the need is left out"))
    return needs


def _end_of_phase(before: list[_Task], keys: dict[str, str]) -> list[str]:
    """Return what a parallel task has to need so that it starts after earlier phases: their last tasks that may run at once.

    A task that runs alone is waited for without a need.
    """
    needs: list[str] = []
    for task in reversed(before):
        if not task.parallel:
            break
        needs.append(keys[task.id])
    return needs[::-1]


def _step(task: _Task, key: str, needs: list[str]) -> dict[str, Any]:
    step: dict[str, Any] = {"key": key, "name": task.text[:200] or task.id, "parallelizable": task.parallel}
    if needs:
        step["needs"] = needs
    if task.exit:
        step["exit-criteria"] = task.exit
    step["tasks"] = [task.id, *task.tags]
    return step
