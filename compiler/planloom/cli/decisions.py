"""approve, revert, abandon, migrate: what people sign, after seeing what it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom import api
from planloom.cli import screen
from planloom.cli.attempts import advise
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS, InputError

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.records.signed import Signed
    from planloom.runtime.deciding import Shown
    from planloom.runtime.invalidating import Impact
    from planloom.runtime.migrating import Migration
    from planloom.runtime.session import Session


@click.command(
    epilog=examples(
        ("after a look at what the step would use", "planloom approve release-1 publish --reason 'looked at it'"),
        (
            "refuse, and have the work done again from build on",
            "planloom approve release-1 publish --reject --reentry-step build",
        ),
    )
)
@click.argument("item")
@click.argument("step")
@click.option("--reject", is_flag=True, help="Refuse instead of approving.")
@click.option("--reentry-step", default="", metavar="STEP", help="With --reject: from which step on the work is done again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--expires", default="", metavar="TIMESTAMP", help="Until when it counts (2026-12-31T00:00:00.000Z); default: without end."
)
@click.option("--full", is_flag=True, help="Show whole digests, to compare what you sign (--format json always does).")
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
    full: bool,
    yes: bool,
) -> int:
    """Sign that a step may go on, after seeing exactly what that means; or reject it and send the work back.

    Bound to the plan, the step and the handoffs that the step would use, each by its SHA-256. The screen shows 8 digits of what to look
    at; --full shows every digest that is signed, whole, and so does --format json, which lists them in the result too.

    Signed with the key in .planloom/you.pem, or the one in the file that PLANLOOM_SIGNING_KEY_FILE names.
    """
    from planloom.runtime.deciding import decide_gate

    if reentry_step and not reject:
        raise InputError(
            "--reentry-step goes with --reject", hint=f"planloom approve {item} {step} --reject --reentry-step {reentry_step}"
        )
    session = api.open_session(find_root(root), ledger=ledger)

    last: list[Shown] = []

    def confirm(shown: Shown) -> bool:
        last[:] = [shown]
        _show_decision(session, shown, reject=reject, full=full or style == "json")
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
        screen.product_json({**_signed_part(last[0]), **_outcome(signed), "path": f"artifacts/{path}"})
    else:
        where = f"artifacts/{path}" if api.keeps_files(session) else f"{session.ledger.describe()}, {signed.record.chain}"
        screen.product(f"Signed: {where}")
    view, schedule = api.read_status(session, item)
    from planloom.cli.dispatching import go_on

    if not go_on(session, view, schedule):
        screen.suggest(api.next_command(session, view, schedule))
    return 0


def _signed_part(shown: Shown) -> dict[str, Json]:
    """Return what a decision is bound to, whole, for programs and for whoever compares."""
    plan, step = shown.view.item.plan, shown.view.steps[shown.step]
    return {
        "workItemId": shown.view.item.id,
        "plan": {"name": plan.name, "version": plan.version, "digest": plan.digest},
        "step": {"key": step.key, "digest": step.digest},
        "inputs": [
            {
                "step": dependency.step,
                "handoff": dependency.digest,
                "outputs": [{"name": subject.name, "digest": subject.digest} for subject in subjects],
            }
            for dependency, subjects in shown.inputs
        ],
    }


def _outcome(signed: Signed) -> dict[str, Json]:
    return {"event": signed.record.event, "digest": signed.digest, "keyId": signed.key_id}


def _show_decision(session: Session, shown: Shown, *, reject: bool, full: bool) -> None:
    from planloom.report.table import write_columns

    trusted = session.policy.find(shown.key_id)
    name = trusted.name if trusted else "?"
    plan = shown.view.item.plan
    verb = "reject" if reject else "approve"
    key_id = shown.key_id if full else shown.key_id[:8]
    screen.say(f"You {verb} as {name} (key {key_id}) for {shown.view.item.id}, step {shown.step}:")

    def cut(digest: str) -> str:
        return f"sha256:{digest}" if full else f"sha256:{digest[:8]}…"

    rows = [("plan", f"{plan.name} {plan.version}", cut(plan.digest))]
    if full:
        rows.append(("step", shown.step, cut(shown.view.steps[shown.step].digest)))
    for dependency, subjects in shown.inputs:
        # The handoff is what is signed; it names the outputs, which are what a person looks at.
        rows += [(dependency.step, "the handoff", cut(dependency.digest))] if full else []
        rows += [(dependency.step, subject.name, cut(subject.digest)) for subject in subjects]
    screen.say(write_columns(rows))
    if shown.made:
        screen.say(f"  your key signed the work of {', '.join(shown.made)} too: nobody else has looked at it")
    policy = session.policy
    if not reject and policy.may(shown.key_id, "claimed") and not policy.allow_self_approval:
        screen.say("  it does not count for a claim by your own key: the policy forbids approving one's own work")
    if shown.wanted > 1:
        screen.say(f"  {shown.given} of {shown.wanted} approvals by {shown.role} are there")


@click.command(
    epilog=examples(
        (
            "with the digest that `planloom why` shows",
            "planloom revert release-1 merge --handoff 3f9a21c40b7e --reason 'broke the build'",
        ),
    )
)
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


@click.command(
    epilog=examples(
        ("give up a claim whose holder is provably gone", "planloom abandon release-1 build"),
        ("nothing proves it, but you know", "planloom abandon release-1 build --reason 'the laptop was lost' --override"),
    )
)
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


@click.command(
    epilog=examples(
        ("bind a work item to the plan as it is now", "planloom migrate release-1 --reason 'the tests moved'"),
    )
)
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
