"""tasks.md → plan: phases of `- [ ] T001 [P] text` tasks, as spec-driven tools write them.

Each open task becomes a step that somebody does by hand, in the order of the file; `[P]` makes it parallelizable. Tasks of a
phase start after all of the phase before. "(depends on T001, T002)" becomes needs, a checkpoint line the exit criterion of its phase's last task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from planloom.core.diagnostics import Span
from planloom.syntax.importing.imported import Imported, Note, make_key

_HEADING: Final = re.compile(r"#{1,6}[ \t]+([^\n]{1,500})")
_TASK: Final = re.compile(r"[ \t]*[-*+][ \t]+\[([ xX])\][ \t]+(?:\*\*)?([A-Z]{1,4}[0-9]{1,6})(?:\*\*)?:?[ \t]+([^\n]{1,2000})")
_OPEN_BOX: Final = re.compile(r"[ \t]*[-*+][ \t]+\[[ xX]\]")
_MARKS: Final = re.compile(r"\[([A-Za-z0-9 _.-]{1,20})\][ \t]*")
_DEPENDS: Final = re.compile(r"\((?:depends on|needs|after)[ \t]+([^)\n]{1,500})\)", re.IGNORECASE)
_ID: Final = re.compile(r"\b[A-Z]{1,4}[0-9]{1,6}\b")
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


def _read(path: str, text: str, notes: list[Note]) -> tuple[str, list[_Task]]:
    title, phase = "", 0
    tasks: list[_Task] = []
    seen: dict[str, int] = {}
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        span = Span(path, number, 1, number, len(line) + 1)
        if mark := _FENCE.match(line):
            # A block of code shows what a list looks like; it ends at a line of the same marks.
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        elif fence:
            continue
        elif heading := _HEADING.match(line):
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
