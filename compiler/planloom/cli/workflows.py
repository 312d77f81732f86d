"""delegate, collect: how a workflow run begins and ends, usable by hand as well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from planloom import api
from planloom.cli import given, screen
from planloom.cli.dispatching import dispatch_command
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.runtime.delegating import Delegated
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView
    from planloom.state.schedule import Schedule


class Retry(NamedTuple):
    """The step that is to be done once more, "" for none; `take_back`: although it is done."""

    step: str
    take_back: bool


@click.command(
    epilog=examples(
        (
            "what the orchestrator does first",
            "planloom delegate --non-interactive --quiet --prompt 'Generate schedule' --structured-work-item release-1",
        ),
    )
)
@click.option(
    "--structured-work-item", "item", default="", metavar="ID", help="The work item (default: every open one of the plan)."
)
@click.option("--plan", default="", help="The plan, when the work item is to be opened or several are meant.")
@click.option("--prompt", default="", metavar="TEXT", help="Why the schedule is made; kept in it.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of a new work item; PARAM_<NAME> in the environment too.",
)
@click.option("--non-interactive", is_flag=True, help="Never ask (it never does; for scripts that say so).")
@click.option("--quiet", is_flag=True, help="Print nothing but what went wrong.")
@click.option("--retry", default="", metavar="STEP", help="Grant this failed step one more attempt.")
@click.option(
    "--take-back", is_flag=True, help="With --retry, also a step that is done: it and all that builds on it start again."
)
@click.option("--dispatch", is_flag=True, help="Start the next workflow run, if one is due (in workflows).")
@root_option
@ledger_option
@format_option
def delegate(
    item: str,
    plan: str,
    prompt: str,
    params: tuple[str, ...],
    retry: str,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    non_interactive: bool,
    quiet: bool,
    take_back: bool,
    dispatch: bool,
) -> None:
    """Work out what comes next: give up dead claims, open a missing work item, write artifacts/schedule/ID.json."""
    del non_interactive
    session = api.open_session(find_root(root), ledger=ledger)
    if dispatch:
        _dispatch_next(session, item, plan)
        return
    from planloom.runtime.delegating import offered_entries, wave_outputs, write_outputs

    items = _prepare(session, item, plan, params, prompt, Retry(retry, take_back))
    delegated = [_retry_for_a_person(session, _close_what_is_done(session, one, prompt), item, prompt) for one in items]
    outputs = wave_outputs(offered_entries(session, delegated))
    write_outputs(session, outputs)
    _summarise(session, delegated, "Schedule")
    if style == "json":
        from planloom.state.schedule import schedule_document

        screen.product_json(
            {"schedules": [schedule_document(d.view, d.schedule, prompt=prompt, actor=session.identity.actor) for d in delegated]}
        )
    if quiet:
        return
    from planloom.report.table import write_status

    for one in delegated:
        if style == "text":
            screen.product(write_status(one.view, one.schedule))
        screen.say(f"wrote {_shown(session, one.path)}")
        screen.suggest(api.next_command(session, one.view, one.schedule))
    if not delegated:
        from planloom.runtime.opening import next_item_id

        screen.say(f"no work item of {plan or 'any plan'} is open")
        screen.suggest(f"planloom open {next_item_id(session, plan)} --plan {plan}" if plan else "planloom run")


def _prepare(session: Session, item: str, plan: str, params: tuple[str, ...], prompt: str, retry: Retry) -> tuple[str, ...]:
    """Open what is missing, give up what is dead, grant a retry; returns the work items that are meant."""
    from planloom.cli.start import parse_params
    from planloom.runtime.abandoning import abandon_dead
    from planloom.runtime.delegating import open_items
    from planloom.runtime.platform import find_platform

    if item:
        if not plan and item not in session.ledger.items():
            _refuse_mistyped(session, item)
        api.ensure_item(
            session, item, plan, _params_of(session, item, plan) | parse_params(params), prompt or "planloom delegate"
        )
    items = (item,) if item else open_items(session, plan)
    for one in items:
        for given_up in abandon_dead(session, one, find_platform(session.environment)):
            step = given_up.record.step.key if given_up.record.step else ""
            screen.say(f"gave up {step} of {one}: {getattr(given_up.record.body, 'reason', '')}")
    if retry.step:
        if not item:
            raise InputError(
                "--retry needs --structured-work-item", hint=f"planloom delegate --structured-work-item ITEM --retry {retry.step}"
            )
        _grant(session, item, retry, prompt or "asked for by hand")
    return items


def _refuse_mistyped(session: Session, item: str) -> None:
    """See that no work item is opened under a name that is perhaps a slip of the hand; `--plan` says that it is meant."""
    from planloom.runtime.mistyped import refuse_slip, refuse_unnamed
    from planloom.runtime.opening import find_plan

    refuse_slip(session, item)
    refuse_unnamed(session, item, find_plan(session.workspace, item))


def _grant(session: Session, item: str, retry: Retry, reason: str) -> None:
    """Grant a failed step one more attempt, or with `--take-back` let one that is done be done again."""
    from planloom.runtime.abandoning import retry_step
    from planloom.runtime.invalidating import redo_step
    from planloom.runtime.reading import read_view
    from planloom.state.machine import Status

    state = read_view(session, item).view.states.get(retry.step)
    if retry.take_back and state is not None and state.status is Status.DONE:
        again = [signed.record.step.key for signed in redo_step(session, item, retry.step, reason) if signed.record.step]
        screen.say(f"{', '.join(again)} of {item} start again")
    else:
        retry_step(session, item, retry.step, reason)


def _close_what_is_done(session: Session, item: str, prompt: str) -> Delegated:
    """Delegate a work item; one whose last completion died before it could close it is closed now."""
    from planloom.runtime.delegating import delegate_item
    from planloom.runtime.opening import close_when_complete, is_complete

    delegated = delegate_item(session, item, prompt)
    if not is_complete(delegated.view):
        return delegated
    close_when_complete(session, item)
    return delegate_item(session, item, prompt)


def _retry_for_a_person(session: Session, delegated: Delegated, item: str, prompt: str) -> Delegated:
    """Grant failed steps one more attempt when a person has dispatched the orchestrator for this work item and nothing else is ready.

    The loop's own dispatches are the platform's (`github-actions[bot]`), and never retry what has used up its attempts.
    """
    from planloom.runtime.abandoning import retry_step
    from planloom.runtime.delegating import delegate_item

    environment = session.environment
    actor = environment.get("GITHUB_TRIGGERING_ACTOR") or environment.get("GITHUB_ACTOR")
    by_person = environment.get("GITHUB_EVENT_NAME") == "workflow_dispatch" and actor and not actor.endswith("[bot]")
    schedule = delegated.schedule
    if not item or not by_person or schedule.dispatchable or schedule.running or not schedule.failed:
        return delegated
    for row in schedule.failed:
        retry_step(session, item, row.step.key, prompt or f"the orchestrator was dispatched by {actor}")
        screen.say(f"one more attempt for {row.step.key} of {item}: dispatched by {actor}")
    return delegate_item(session, item, prompt)


def _params_of(session: Session, item: str, plan: str) -> dict[str, str]:
    """Return the parameters that the environment carries for a work item that is not open yet (`PARAM_<NAME>`)."""
    from planloom.core.names import param_variable
    from planloom.runtime.opening import find_plan, read_generated

    if item in session.ledger.items():
        return {}
    header, _ = read_generated(session.workspace, plan or find_plan(session.workspace, item))
    values = {name: session.environment.get(param_variable(name)) for name in header.settings.get("params", {})}
    return {name: value for name, value in values.items() if value}


def _shown(session: Session, path: Path) -> str:
    return path.relative_to(session.root).as_posix() if path.is_relative_to(session.root) else str(path)


def _summarise(session: Session, delegated: Iterable[Delegated], title: str) -> None:
    from planloom.runtime.delegating import write_summary

    for one in delegated:
        write_summary(session, _as_markdown(session, one.view, one.schedule, title))


def _as_markdown(session: Session, view: ItemView, schedule: Schedule, title: str) -> str:
    from planloom.report.table import write_summary

    asking, migration = api.find_asking(session), api.find_migration(session, view, schedule)
    return write_summary(view, schedule, title, spell=given.repeat, asking=asking, migration=migration)


def summarise(session: Session, item: str, title: str) -> None:
    """Write how a work item stands to the job summary."""
    from planloom.runtime.delegating import write_summary

    if session.environment.get("GITHUB_STEP_SUMMARY"):
        view, schedule = api.read_status(session, item)
        write_summary(session, _as_markdown(session, view, schedule, title))


def _dispatch_next(session: Session, item: str, plan: str) -> None:
    """Start the orchestrator again while something is ready, the collector when nothing is; or say which command does."""
    from planloom.runtime.delegating import choose_next, delegate_item, dispatch, open_items, plan_settings, uncollected
    from planloom.runtime.platform import find_platform

    items = (item,) if item in session.ledger.items() else () if item else open_items(session, plan)
    delegated = [delegate_item(session, one, "go on") for one in items]
    settings = plan_settings(session, plan, delegated)
    following = choose_next(item, settings, delegated, collectable=bool(delegated) or uncollected(session, plan))
    _summarise(session, delegated, "After this wave")
    platform = find_platform(session.environment)
    if not following:
        screen.say(
            "nothing to start: " + ("no open work item" if not delegated else "waits for people, or for claims that are open")
        )
    branch = session.environment.get("GITHUB_REF_NAME") or "main"
    for one in following:
        if platform is None:
            screen.suggest(dispatch_command(one.workflow, one.inputs))
        else:
            dispatch(platform, branch, one)
            screen.say(f"started {one.workflow} on {branch}")


@click.command(
    epilog=examples(
        ("verify and fold the records of a plan", "planloom collect --plan release"),
        ("commit them to the ledger branch", "planloom collect --push"),
    )
)
@click.option("--plan", default="", help="The plan (default: all).")
@click.option("--work-item", "item", default="", help="The work item (default: every open one).")
@click.option("--push", is_flag=True, help="Commit artifacts/ to the ledger branch and push it; prune what is closed.")
@root_option
@ledger_option
@format_option
def collect(item: str, plan: str, root: Path | None, ledger: str, style: str, *, push: bool) -> None:
    """Verify records and fold them into artifacts/; with --push commit them to the ledger branch."""
    from planloom.runtime.collecting import collect_records, push_records

    session = api.open_session(find_root(root), ledger=ledger)
    if push:
        pushed = push_records(session, plan, item)
        if style == "json":
            screen.product_json({"commit": pushed.commit, "files": pushed.files, "pruned": list(pushed.pruned)})
        else:
            screen.product(pushed.text)
        return
    collected = collect_records(session, plan, item)
    for one in collected.items:
        summarise(session, one, "Collected")
    if style == "json":
        screen.product_json({"workItems": list(collected.items), "records": collected.records, "new": collected.new})
    else:
        screen.product(
            f"{collected.records} records of {len(collected.items)} work items verified, {collected.new} of them new in artifacts/"
        )
    screen.suggest("planloom export && planloom collect --push" if collected.new else "planloom verify")
