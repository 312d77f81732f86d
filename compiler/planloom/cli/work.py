"""open, claim, complete, approve, revert, abandon, migrate, close: what people and agents do with a work item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom import api
from planloom.cli import screen
from planloom.cli.attempts import Claiming, Completing, advise, claim_attempt, complete_attempt, named
from planloom.cli.options import find_root, format_option, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS, Conflict, InputError

if TYPE_CHECKING:
    from planloom.runtime.deciding import Shown
    from planloom.runtime.invalidating import Impact
    from planloom.runtime.migrating import Migration
    from planloom.runtime.session import Session


@click.command("open", epilog="Examples: planloom open release-2 | planloom open release-2 --plan release --param tag=v1.2.3")
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
    epilog="Examples: planloom claim release-1 publish | planloom claim --work-item release-1 --step publish --executor anna"
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
        from planloom.cli.workflows import claim_wave

        claim_wave(api.open_session(find_root(root), ledger=ledger, executor=executor), item or item_option, plan)
        return 0
    return claim_attempt(
        Claiming(named(item, item_option, "work item"), named(step, step_option, "step"), attempt, executor, root, ledger, style)
    )


@click.command(
    epilog="Examples: planloom complete release-1 notes --attempt notes-local --outcome 'written' --next-action 'publish'"
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
        from planloom.cli.workflows import complete_wave

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
    epilog="Examples: planloom approve release-1 publish --reason 'looked at it' | planloom approve release-1 publish --reject --reentry-step build"
)
@click.argument("item")
@click.argument("step")
@click.option("--reject", is_flag=True, help="Refuse instead of approving.")
@click.option("--reentry-step", default="", metavar="STEP", help="With --reject: from which step on the work is done again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--expires", default="", metavar="TIMESTAMP", help="Until when it counts (2026-12-31T00:00:00.000Z); default: without end."
)
@click.option("--yes", is_flag=True, help="Sign without asking.")
@root_option
@ledger_option
@format_option
def approve(
    item: str,
    step: str,
    reentry_step: str,
    reason: str,
    expires: str,
    root: Path | None,
    ledger: str,
    style: str,
    *,
    reject: bool,
    yes: bool,
) -> int:
    """Sign that a step may go on, after seeing exactly what that means; or reject it and send the work back."""
    from planloom.runtime.deciding import decide_gate

    if reentry_step and not reject:
        raise InputError(
            "--reentry-step goes with --reject", hint=f"planloom approve {item} {step} --reject --reentry-step {reentry_step}"
        )
    session = api.open_session(find_root(root), ledger=ledger)

    def confirm(shown: Shown) -> bool:
        _show_decision(session, shown, reject=reject)
        return yes or click.confirm("Sign this?", err=True)

    signed = decide_gate(
        session, item, step, reject=reject, reentry=reentry_step, reason=reason, expires=expires, confirm=confirm
    )
    if signed is None:
        screen.say("nothing was signed")
        return EXIT_FINDINGS
    from planloom.ledger.layout import record_path
    from planloom.records.bodies import FOLDERS

    path = record_path(FOLDERS[signed.record.event], signed.record.chain, signed.record.index)
    if style == "json":
        screen.product_json({"event": signed.record.event, "digest": signed.digest, "path": f"artifacts/{path}"})
    else:
        where = f"artifacts/{path}" if api.keeps_files(session) else f"{session.ledger.describe()}, {signed.record.chain}"
        screen.product(f"Signed: {where}")
    view, schedule = api.read_status(session, item)
    from planloom.cli.dispatching import go_on

    if not go_on(session, view, schedule):
        screen.suggest(api.next_command(session, view, schedule))
    return 0


def _show_decision(session: Session, shown: Shown, *, reject: bool) -> None:
    from planloom.report.table import write_columns

    trusted = session.policy.find(shown.key_id)
    name = trusted.name if trusted else "?"
    plan = shown.view.item.plan
    verb = "reject" if reject else "approve"
    screen.say(f"You {verb} as {name} (key {shown.key_id[:8]}) for {shown.view.item.id}, step {shown.step}:")
    rows = [("plan", f"{plan.name} {plan.version}", f"sha256:{plan.digest[:8]}…")]
    for dependency, subjects in shown.inputs:
        rows += [(dependency.step, subject.name, f"sha256:{subject.digest[:8]}…") for subject in subjects]
    screen.say(write_columns(rows))
    if shown.wanted > 1:
        screen.say(f"  {shown.given} of {shown.wanted} approvals by {shown.role} are there")


@click.command(epilog="Example: planloom revert release-1 merge --handoff 3f9a21c40b7e --reason 'broke the build'")
@click.argument("item")
@click.argument("step")
@click.option(
    "--handoff", required=True, metavar="DIGEST", help="The handoff that is taken back (12 digits are enough); `why` shows it."
)
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--cascade", is_flag=True, help="Take back integrated steps that build on it as well.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@root_option
@ledger_option
@format_option
def revert(
    item: str, step: str, handoff: str, reason: str, root: Path | None, ledger: str, style: str, *, cascade: bool, yes: bool
) -> int:
    """Take back an integrated step. Shows first what that invalidates: every step downstream and every open claim."""
    from planloom.runtime.invalidating import revert_step

    session = api.open_session(find_root(root), ledger=ledger)

    def confirm(impact: Impact) -> bool:
        screen.say(
            f"This takes back {step} of {item} (handoff sha256:{impact.handoff.digest[:12]}…), integrated {impact.handoff.record.at}."
        )
        screen.say(f"  starts again   {', '.join((step, *impact.invalidated))}")
        if impact.running:
            screen.say(f"  running now    {', '.join(impact.running)}: their results will be kept, but not count")
        if impact.integrated:
            screen.say(f"  integrated     {', '.join(impact.integrated)} (--cascade)")
        return yes or click.confirm("Sign this?", err=True)

    written = revert_step(session, item, step, handoff=handoff, reason=reason, cascade=cascade, confirm=confirm)
    if written is None:
        screen.say("nothing was signed")
        return EXIT_FINDINGS
    if style == "json":
        screen.product_json({"digest": written[0].digest, "invalidated": [w.record.step.key for w in written if w.record.step]})
    else:
        screen.product(
            f"reverted {step} of {item}; {len(written) - 1} step{'' if len(written) == 2 else 's'} downstream start again"
        )
    advise(session, item)
    return 0


@click.command(epilog="Example: planloom abandon release-1 build --reason 'the laptop was lost' --override")
@click.argument("item")
@click.argument("step")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--override", is_flag=True, help="Nothing proves that the holder is gone, but you know: signed with your key.")
@root_option
@ledger_option
@format_option
def abandon(item: str, step: str, reason: str, root: Path | None, ledger: str, style: str, *, override: bool) -> None:
    """Give up a claim whose holder is gone, so that the step can be claimed again. A live holder is never robbed."""
    from planloom.runtime.abandoning import abandon_claim
    from planloom.runtime.platform import find_platform

    if override and not reason:
        raise InputError("--override needs a --reason", hint="say how you know that the holder is gone")
    session = api.open_session(find_root(root), ledger=ledger)
    signed = abandon_claim(session, item, step, reason=reason, override=override, runs=find_platform(session.environment))
    if style == "json":
        screen.product_json({"digest": signed.digest, "evidence": getattr(signed.record.body, "evidence", "")})
    else:
        screen.product(f"gave up attempt {signed.record.attempt.id if signed.record.attempt else ''} of step {step}")
    advise(session, item)


@click.command(epilog="Example: planloom migrate release-1 --reason 'the tests moved'")
@click.argument("item")
@click.option("--reason", default="the plan moved on", help="Why, for the record.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@root_option
@ledger_option
@format_option
def migrate(item: str, reason: str, root: Path | None, ledger: str, style: str, *, yes: bool) -> int:
    """Move a work item to the plan's new version. Steps that are equal keep their work; the mapping is shown and signed."""
    from planloom.report.table import write_columns
    from planloom.runtime.migrating import migrate_item

    session = api.open_session(find_root(root), ledger=ledger)

    def confirm(migration: Migration) -> bool:
        screen.say(f"{item} moves to plan {_plan_in(session, item)}:")
        screen.say(write_columns((fate, key) for key, fate in migration.steps.items()))
        return yes or click.confirm("Sign this?", err=True)

    commit = api.find_source(session.workspace, session.environment).commit
    signed = migrate_item(session, item, commit, reason, confirm)
    if signed is None:
        screen.say("nothing was signed")
        return EXIT_FINDINGS
    if style == "json":
        screen.product_json(
            {"workItemId": item, "digest": signed.digest, "mapping": dict(getattr(signed.record.body, "mapping", {}))}
        )
    else:
        screen.product(f"moved {item} to {signed.record.plan.name} {signed.record.plan.version}")
    advise(session, item)
    return 0


def _plan_in(session: Session, item: str) -> str:
    from planloom.runtime.opening import read_generated

    plan = api.read_status(session, item)[0].item.plan
    header, _ = read_generated(session.workspace, plan.name)
    return f"{header.id} {plan.version} → {header.version}"


@click.command(epilog="Example: planloom close release-1 --reason 'superseded by release-2'")
@click.argument("item")
@click.option("--reason", required=True, help="Why, for the record.")
@root_option
@ledger_option
@format_option
def close(item: str, reason: str, root: Path | None, ledger: str, style: str) -> None:
    """End a work item: nothing more may be appended to it. An item whose steps are all done closes by itself."""
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
        start_workflow(session, view, "collector.yml", f"{prefix}collector.yml for {item}", "planloom verify --ledger git")
