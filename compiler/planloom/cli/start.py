"""init, run, status, why: what a newcomer types first."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planloom import api
from planloom.cli import given, screen, streams
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS, InputError, PlanloomError

if TYPE_CHECKING:
    from planloom.core.errors import TrustError
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView
    from planloom.state.schedule import Schedule


@click.command(
    epilog=examples(
        ("a project that runs, in the folder demo", "planloom init demo"),
        ("the plan of phases and work items", "planloom init --example structured work"),
        ("in a project that is there: add what is missing", "planloom init"),
        ("set the repository up on GitHub, asking first", "planloom init --github"),
    )
)
@click.argument("directory", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--example",
    type=click.Choice(["release", "structured", "none"]),
    default=None,
    help="Which plan to lay down (default: release).",
)
@click.option("--github", is_flag=True, help="Set up the repository on GitHub (environment, secret, pins).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--check", "only_check", is_flag=True, help="With --github: look again at what is set up, change nothing.")
@format_option
def init(directory: Path, example: str | None, style: str, *, github: bool, yes: bool, only_check: bool) -> None:
    """Lay down a project that runs: a plan, two keys, a trust policy, compiled workflows.

    In a folder that has plans already, only what is missing is added. Nothing that exists is changed.
    """
    if github:
        from planloom.cli.setup import set_up_github

        set_up_github(find_root(directory if str(directory) != "." else None), yes=yes, only_check=only_check)
        return
    from planloom.scaffold.neighbours import find_neighbours
    from planloom.scaffold.project import lay_down

    neighbours = find_neighbours(directory)
    laid = lay_down(directory, example)
    shown = directory.as_posix()
    if shown.startswith("-"):
        shown = f"./{shown}"  # `cd` would take it for an option
    prefix = "" if shown == "." else f"{shown}/"
    from planloom.report.table import write_columns

    added = [(prefix + path, what) for path, what in laid.shown]
    command = laid.next_command if shown == "." else f"cd {shlex.quote(shown)} && {laid.next_command}"
    if style == "json":
        screen.product_json({"added": [{"path": path, "what": what} for path, what in added], "next": command})
    else:
        screen.product(write_columns(added, indent=""))
    for line in neighbours:
        screen.say(f"warning: {line}")
    screen.suggest(command)


@click.command(
    epilog=examples(
        ("go on with the newest work item, or open the first", "planloom run"),
        ("open a work item with a parameter, or go on with it", "planloom run release-2 --param tag=v1.2.3"),
        ("four steps at once", "planloom run --jobs 4"),
        ("try it: keys, policy and records stay out of the project", "planloom run --scratch /tmp/try"),
    )
)
@click.argument("item", required=False, default="")
@click.option("--plan", default="", help="The plan, when a new work item is to be opened.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of a new work item.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 256), default=None, help="How many steps at a time (default: the number of cores)."
)
@click.option(
    "--store", type=click.Path(path_type=Path), default=None, metavar="DIR", help="A folder that all workers share, for outputs."
)
@click.option("--verbose", "-v", is_flag=True, help="Show what the commands write.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Keep keys, policy and records in DIR, not in the project.",
)
@root_option
@ledger_option
@format_option
def run(
    item: str,
    plan: str,
    params: tuple[str, ...],
    jobs: int | None,
    scratch: Path | None,
    store: Path | None,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    verbose: bool,
) -> int:
    """Carry out a work item on this machine: whatever is ready, several steps at a time.

    ITEM is a work item or a plan; without it the only plan is meant. A missing work item is opened, unless its name is perhaps a slip:
    one that speaks of no plan, or is nearly that of an open one (--plan says that it is meant). Stop with Ctrl-C and run again: it goes on
    where it stopped. Several runs may share the work.

    It ends with 1 when a step has failed for good. An attempt that came too late does not count, for good or bad: its step was begun again.
    """
    project = find_root(root)
    if scratch is not None:
        from planloom.scaffold.project import lay_down_trust

        scratch = scratch.absolute()
        lay_down_trust(scratch)
        session = api.open_session(scratch, ledger=ledger, workspace=project)
    else:
        session = api.open_session(project, ledger=ledger)
    _stop_like_ctrl_c()
    chosen, its_plan = api.choose_item(session, item, plan)
    api.ensure_item(session, chosen, its_plan, parse_params(params), "planloom run")
    try:
        view, schedule, unsigned = _run_shown(session, chosen, jobs or os.cpu_count() or 1, style, store, verbose=verbose)
    except KeyboardInterrupt:
        screen.say("stopped; what was running is recorded as cancelled")
        screen.suggest(f"planloom run {chosen}")
        return 130
    if style == "json":
        screen.product_json(status_json(session, view, schedule))
    if unsigned is not None:
        screen.say(f"{chosen} went on, but no checkpoint could be signed, because of another work item:")
        screen.refuse(unsigned)
    _conclude(session, view, schedule, scratch)
    if unsigned is not None:
        return unsigned.exit_code
    return EXIT_FINDINGS if schedule.failed else 0


def _stop_like_ctrl_c() -> None:
    """Let whoever ends a service or closes a terminal be answered as Ctrl-C is: attempts recorded as cancelled, commands ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _run_shown(
    session: Session, item: str, jobs: int, style: str, store: Path | None, *, verbose: bool
) -> tuple[ItemView, Schedule, TrustError | None]:
    from planloom.report.progress import LiveProgress, PlainProgress, waiting_lines

    say = screen.say if style == "json" else screen.product
    plain = PlainProgress(say, session.root / ".planloom" / "logs", verbose=verbose)
    if sys.stdout.isatty() and style == "text" and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False)
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            plain.say = lambda line: console.print(line, markup=False, soft_wrap=True)
            view, schedule, unsigned = api.run(session, item, jobs, LiveProgress(plain, live), store)
    else:
        view, schedule, unsigned = api.run(session, item, jobs, plain, store)
    for line in waiting_lines(view, schedule, plain.width):
        say(line)
    return view, schedule, unsigned


def status_json(session: Session, view: ItemView, schedule: Schedule) -> dict[str, Any]:
    """Return a work item as JSON, with a next command that works where this one does."""
    from planloom.report.table import status_document

    asking, migration = api.find_asking(session), api.find_migration(session, view, schedule)
    document = status_document(view, schedule, asking=asking, migration=migration)
    return document | {"next": given.repeat(document["next"])}


def _say_newer_plan(session: Session, view: ItemView, schedule: Schedule) -> None:
    """Say so when a plan has moved on: the work item goes on with the one that it is bound to."""
    command = api.find_migration(session, view, schedule)
    if command:
        screen.say(given.repeat(f"plan {view.item.plan.name} has changed since {view.item.id} was bound to it: {command}"))


def _in_scratch(command: str, scratch: Path) -> str:
    """Return a command with the option that makes it work on a scratch run's folder."""
    command, gap, comment = command.partition("  #")
    option = "--scratch" if command.startswith("planloom run") else "--root"
    return f"{command} {option} {shlex.quote(str(scratch))}{gap}{comment}"


def _conclude(session: Session, view: ItemView, schedule: Schedule, scratch: Path | None) -> None:
    from planloom.report.table import count_line

    line = count_line(schedule)
    command = api.next_command(session, view, schedule)
    if schedule.is_finished and api.keeps_files(session):
        from planloom.runtime.exporting import read_records

        count = len(read_records(session.artifacts))
        shown = session.artifacts.relative_to(session.root) if scratch is None else session.artifacts
        line += f" {count} records in {shown}/."
    for row in schedule.failed:
        screen.say(f"The log: {(session.root / '.planloom' / 'logs' / view.item.id / f'{row.step.key}-{row.state.attempt}.log')}")
    if scratch is not None:
        command = _in_scratch(command, scratch)
    if schedule.is_finished and view.item.is_open:
        closing = f"planloom close {view.item.id} --reason TEXT"
        screen.say(given.repeat(f"{view.item.id} stays open, so that what is integrated can be reverted; {closing} ends it"))
    _say_newer_plan(session, view, schedule)
    screen.suggest(command, before=line)


def parse_params(params: tuple[str, ...]) -> dict[str, str]:
    """Return parameters given as NAME=VALUE, and those that a workflow passes as `PARAM_<NAME>` are read elsewhere. Raises: InputError."""
    parsed: dict[str, str] = {}
    for text in params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            message = f"--param {text}: not of the form NAME=VALUE"
            raise InputError(message, hint="--param tag=v1.2.3")
        parsed[name] = value
    return parsed


@click.command(
    epilog=examples(
        ("every work item", "planloom status"),
        ("one, for a script", "planloom status release-1 --format json"),
        ("one step with its attempts", "planloom status release-1 build"),
    )
)
@click.argument("item", required=False, default="")
@click.argument("step", required=False, default="")
@click.option("--watch", is_flag=True, help="Look again every few seconds until the work item is done or waits for a person.")
@root_option
@ledger_option
@format_option
def status(item: str, step: str, root: Path | None, ledger: str, style: str, *, watch: bool) -> int:
    """Show each step of a work item: done, running, waiting, and why. Without ITEM: every work item. With STEP: that step alone.

    Among several, one that can't be read is named with its code, and the others are shown; it ends then as it would for that one alone.
    """
    session = api.open_session(find_root(root), ledger=ledger)
    from planloom.report.table import count_line, write_status

    items = (item,) if item else session.ledger.items()
    if not items:
        message = f"there is no work item in {session.ledger.describe()}"
        hint = "planloom run   # opens one"
        if api.keeps_files(session) and not ledger and _is_clone_of_git_ledger(session):
            hint = "planloom status --ledger git   # this clone has records on the ledger branch"
        raise InputError(message, hint=hint)
    while True:
        broken: dict[str, PlanloomError] = {}
        shown = [api.read_step(session, item, step)] if step else _read_all(session, items, broken)
        if style == "json":
            document: dict[str, Any] = {"workItems": [status_json(session, view, schedule) for view, schedule in shown]}
            if broken:
                document["broken"] = [
                    {"workItemId": one, "code": error.code, "message": error.message} for one, error in broken.items()
                ]
            screen.product_json(document)
        else:
            for view, schedule in shown:
                screen.product(write_status(view, schedule))
            for one, error in broken.items():
                screen.product(f"{one}: broken   {error.code}   {error.message}")
        busy = any(schedule.running or schedule.dispatchable for _, schedule in shown)
        if not watch or not busy or not streams.is_read():
            break
        import time

        time.sleep(5)
    for view, schedule in shown:
        _say_newer_plan(session, view, schedule)
        command = api.next_command(session, view, schedule)
        screen.suggest(command, before="" if step else count_line(schedule))
    for error in broken.values():
        screen.refuse(error)
    return max((error.exit_code for error in broken.values()), default=0)


def _is_clone_of_git_ledger(session: Session) -> bool:
    """Return whether the ledger branch came here with a clone and has records; asks no remote."""
    from planloom.trust.gather import read_history

    try:
        return bool(read_history(session.root).items())
    except PlanloomError:
        return False


def _read_all(session: Session, items: tuple[str, ...], broken: dict[str, PlanloomError]) -> list[tuple[ItemView, Schedule]]:
    """Return how work items stand, and put those that can't be read into `broken`; the only one there is says so itself."""
    found = []
    for one in items:
        try:
            found.append(api.read_status(session, one))
        except PlanloomError as error:
            if len(items) == 1:
                raise
            broken[one] = error
    return found


@click.command(
    epilog=examples(
        ("what holds a step up, and what would start it", "planloom why release-1 publish"),
        ("the same of every step that waits", "planloom why release-1"),
    )
)
@click.argument("item")
@click.argument("step", required=False, default="")
@root_option
@ledger_option
@format_option
def why(item: str, step: str, root: Path | None, ledger: str, style: str) -> None:
    """Say why a step is where it is, and what would move it on. Without STEP: every step that waits."""
    session = api.open_session(find_root(root), ledger=ledger)
    from planloom.report.table import write_why

    view, schedule = api.read_step(session, item, step) if step else api.read_status(session, item)
    rows = [row for row in schedule.rows if row.step.key == step or (not step and row.word not in {"ok", "ready"})]
    if style == "json":
        document = status_json(session, view, schedule)
        document["steps"] = [s for s in document["steps"] if s["key"] in {row.step.key for row in rows}]
        screen.product_json(document)
    else:
        screen.product("\n".join(write_why(view, row, spell=given.repeat) for row in rows) or f"{item}: nothing waits")
    _say_newer_plan(session, view, schedule)
    screen.suggest(api.next_command(session, view, schedule))
