"""open, claim, complete, close: the way of a work item."""

from __future__ import annotations

from pathlib import Path

import click

from planloom import api
from planloom.cli import screen
from planloom.cli.attempts import Claiming, Completing, claim_attempt, complete_attempt, named
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import Conflict


@click.command(
    "open",
    epilog=examples(
        ("of the plan that its id begins with", "planloom open release-2"),
        ("of this plan, with a parameter", "planloom open release-2 --plan release --param tag=v1.2.3"),
    ),
)
@click.argument("item")
@click.option("--plan", default="", help="The plan (default: the one that the item's id begins with).")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the plan.")
@click.option("--reason", default="opened by hand", help="Why, for the record.")
@click.option(
    "--follow", is_flag=True, help="For plans whose steps change the repository: run each step on the branch's newest commit."
)
@root_option
@ledger_option
@format_option
def open_(
    item: str, plan: str, params: tuple[str, ...], reason: str, root: Path | None, ledger: str, style: str, *, follow: bool
) -> None:
    """Open a work item: one passage of a plan, bound to its digest and the source commit."""
    from planloom.cli.start import parse_params

    session = api.open_session(find_root(root), ledger=ledger)
    if item in session.ledger.items():
        message = f"work item {item} exists already"
        raise Conflict(message, hint=f"planloom status {item}")
    signed = api.open_item(session, item, plan, parse_params(params), reason, follow=follow)
    if style == "json":
        screen.product_json({"workItemId": item, "plan": signed.record.plan.name, "digest": signed.digest})
    else:
        screen.product(f"opened {item}: {signed.record.plan.name} {signed.record.plan.version}")
    screen.suggest(f"planloom run {item}")


@click.command(
    epilog=examples(
        ("a step of a work item", "planloom claim release-1 publish"),
        ("for a script, in a worker's name", "planloom claim --work-item release-1 --step publish --executor anna"),
    )
)
@click.argument("item", required=False, default="")
@click.argument("step", required=False, default="")
@click.option("--work-item", "item_option", default="", help="The work item.")
@click.option("--step", "step_option", default="", help="The step.")
@click.option("--attempt", default="", help="The attempt that is expected; refused when another one is next.")
@click.option("--executor", default="", help="Who holds the claim (default: you, or the workflow run).")
@click.option("--wave", is_flag=True, help="Claim everything that is ready, in one go (in workflows).")
@click.option("--plan", default="", help="With --wave: the plan whose open work items are meant.")
@root_option
@ledger_option
@format_option
def claim(
    item: str,
    step: str,
    item_option: str,
    step_option: str,
    attempt: str,
    executor: str,
    plan: str,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    wave: bool,
) -> int:
    """Take the exclusive right to the next attempt of a step. Nobody else gets it, on whatever machine."""
    if wave:
        from planloom.cli.waves import claim_wave

        claim_wave(api.open_session(find_root(root), ledger=ledger, executor=executor), item or item_option, plan)
        return 0
    return claim_attempt(
        Claiming(named(item, item_option, "work item"), named(step, step_option, "step"), attempt, executor, root, ledger, style)
    )


@click.command(
    epilog=examples(
        (
            "work that a person did",
            "planloom complete release-1 notes --attempt notes-local --outcome 'written' --next-action 'publish'",
        ),
    )
)
@click.argument("item", required=False, default="")
@click.argument("step", required=False, default="")
@click.option("--work-item", "item_option", default="", help="The work item.")
@click.option("--step", "step_option", default="", help="The step.")
@click.option("--attempt", default="", help="The attempt that was claimed.")
@click.option("--outcome", default="", help="What came out, in a sentence.")
@click.option("--next-action", default="", help="What should happen next, in a sentence.")
@click.option(
    "--result",
    type=click.Choice(["success", "failure", "error", "timeout", "cancellation", "skip"]),
    default="success",
    show_default=True,
)
@click.option(
    "--integrated", is_flag=True, help="The work is merged or released: it needs a signed revert before it may run again."
)
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="A file to hand on, beside the step's outputs.")
@click.option("--executor", default="", help="Who holds the claim, when that is not the default name.")
@click.option(
    "--from-result",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Take the result that `exec` left (in workflows).",
)
@click.option(
    "--handoffs", type=click.Path(path_type=Path), default=None, metavar="DIR", help="Write the handoff here too (in workflows)."
)
@click.option("--wave", is_flag=True, help="Complete every attempt of this workflow run (in workflows).")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="With --wave: where the results were downloaded to.",
)
@click.option("--plan", default="", help="With --wave: the plan.")
@root_option
@ledger_option
@format_option
def complete(
    item: str,
    step: str,
    item_option: str,
    step_option: str,
    attempt: str,
    outcome: str,
    next_action: str,
    result: str,
    outputs: tuple[str, ...],
    executor: str,
    from_result: Path | None,
    handoffs: Path | None,
    results: Path | None,
    plan: str,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    integrated: bool,
    wave: bool,
) -> int:
    """Hand off the result of an attempt, signed: what the next step reads."""
    if wave:
        from planloom.cli.waves import complete_wave

        return complete_wave(api.open_session(find_root(root), ledger=ledger, executor=executor), results, handoffs, plan)
    return complete_attempt(
        Completing(
            item=named(item, item_option, "work item"),
            step=named(step, step_option, "step"),
            attempt=attempt,
            outcome=outcome,
            next_action=next_action,
            result=result,
            integrated=integrated,
            outputs=outputs,
            executor=executor,
            from_result=from_result,
            handoffs=handoffs,
            root=root,
            ledger=ledger,
            style=style,
        )
    )


@click.command(
    epilog=examples(
        ("nothing more is recorded of it", "planloom close release-1 --reason 'superseded by release-2'"),
    )
)
@click.argument("item")
@click.option("--reason", required=True, help="Why, for the record.")
@root_option
@ledger_option
@format_option
def close(item: str, reason: str, root: Path | None, ledger: str, style: str) -> None:
    """End a work item: nothing more may be appended to it. An item whose steps are all done closes by itself, unless one is
    integrated (`baseline`): it stays open, so that this can be reverted, until it is closed here.
    """
    from planloom.runtime.opening import close_item

    session = api.open_session(find_root(root), ledger=ledger)
    view, schedule = api.read_status(session, item)
    signed = close_item(session, item, result="completed" if schedule.is_finished else "stopped", reason=reason, key="you")
    if style == "json":
        screen.product_json({"workItemId": view.item.id, "digest": signed.digest})
    else:
        screen.product(f"closed {item}")
    from planloom.cli.dispatching import start_workflow

    if api.keeps_files(session) or session.environment.get("GITHUB_ACTIONS") == "true":
        screen.suggest("planloom verify")
    elif view.header.settings.get("collect") != "never":
        prefix = view.header.settings.get("prefix", "")
        start_workflow(session, view, "collector.yml", f"{prefix}collector.yml for {item}", "planloom verify")
