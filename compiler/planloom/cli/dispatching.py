"""What follows a signature made by hand: the next workflow is started, or the command that starts it is printed.

Imported by `claim` and `complete`, so it imports no option parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom import api
from planloom.cli import screen

if TYPE_CHECKING:
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView
    from planloom.state.schedule import Schedule


def dispatch_command(workflow: str, inputs: dict[str, str]) -> str:
    """Return the command that starts a workflow by hand."""
    fields = "".join(f" -f {name}={value}" for name, value in sorted(inputs.items()))
    return f"gh workflow run {workflow}{fields}"


def go_on(session: Session, view: ItemView, schedule: Schedule) -> bool:
    """After a decision or a completion by hand on a git ledger: start the orchestrator, or print the command that does.

    Returns whether it said what comes next. Inside a workflow nothing is started: its own last job does that.
    """
    if api.keeps_files(session) or session.environment.get("GITHUB_ACTIONS") == "true":
        return False
    settings = view.header.settings
    if not schedule.dispatchable or settings.get("loop") != "auto":
        return False
    said = f"the next wave: {settings.get('prefix', '')}orchestrator.yml for {view.item.id}"
    start_workflow(session, view, "orchestrator.yml", said, f"planloom run {view.item.id}")
    return True


def start_workflow(session: Session, view: ItemView, name: str, said: str, instead: str) -> None:
    """Start one of the plan's workflows for a work item, or print the command that does; `instead` does the same on this machine."""
    from planloom.runtime.platform import find_platform

    workflow, inputs = f"{view.header.settings.get('prefix', '')}{name}", {"work-item": view.item.id}
    platform = find_platform(session.environment)
    if platform is None:
        screen.suggest(f"{dispatch_command(workflow, inputs)}  # or here: {instead}")
        return
    platform.dispatch(workflow, view.item.body.branch or "main", inputs)
    screen.say(f"started {said}")
