"""Claiming and completing one attempt: what `claim` and `complete` do, without the option parser.

Runners call these two most, so this module imports nothing that they do not need; `cli.quick` reads their plain forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planloom import api
from planloom.cli import screen
from planloom.cli.place import find_root
from planloom.core.errors import EXIT_CONFLICT, EXIT_FINDINGS, Conflict, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.records.signed import Signed
    from planloom.runtime.claiming import Refused
    from planloom.runtime.completing import Result
    from planloom.runtime.session import Session
    from planloom.state.readiness import Blocker


class Claiming(NamedTuple):
    """What `claim` was asked for."""

    item: str
    step: str
    attempt: str = ""
    executor: str = ""
    root: Path | None = None
    ledger: str = ""
    style: str = "text"


class Completing(NamedTuple):
    """What `complete` was asked for."""

    item: str
    step: str
    attempt: str = ""
    outcome: str = ""
    next_action: str = ""
    result: str = "success"
    integrated: bool = False
    outputs: tuple[str, ...] = ()
    executor: str = ""
    from_result: Path | None = None
    handoffs: Path | None = None
    root: Path | None = None
    ledger: str = ""
    style: str = "text"


def named(positional: str, option: str, what: str) -> str:
    """Return a name given either way. Raises: InputError when it is given twice, differently, or not at all."""
    if positional and option and positional != option:
        message = f"two {what}s: '{positional}' and '{option}'"
        raise InputError(message, hint="give one")
    if not (positional or option):
        message = f"which {what}?"
        raise InputError(message, hint=f"give {what.upper().replace(' ', '_')}, or --{what.replace(' ', '-')}")
    return positional or option


def claim_attempt(asked: Claiming) -> int:
    """Claim the next attempt of a step and say which it is. Raises: Conflict with the reason when it can't be claimed."""
    from planloom.runtime.claiming import Refused, claim_step

    session = api.open_session(find_root(asked.root), ledger=asked.ledger, executor=asked.executor)
    item, step = asked.item, asked.step
    outcome = claim_step(session, item, step, attempt=asked.attempt)
    if isinstance(outcome, Refused):
        raise refused_claim(item, step, outcome, in_run=bool(session.identity.builder.run_id))
    attempt = outcome.attempt
    if asked.style == "json":
        claimed = {"workItemId": item, "stepKey": step, "attempt": attempt.id}
        screen.product_json({**claimed, "number": attempt.number, "claim": outcome.claim.digest})
    else:
        screen.product(attempt.id)
        _say_brief(outcome.step.definition)
    screen.suggest(f"planloom complete {item} {step} --attempt {attempt.id} --outcome TEXT --next-action TEXT")
    return 0


def _say_brief(definition: object) -> None:
    """Show what the step asks of whoever claimed it."""
    if not isinstance(definition, dict):
        return
    for title, key in (
        ("role", "role"),
        ("tasks", "tasks"),
        ("entry criteria", "entryCriteria"),
        ("exit criteria", "exitCriteria"),
        ("outputs", "outputs"),
    ):
        value = definition.get(key)
        if value:
            screen.say(f"  {title}: {value if isinstance(value, str) else '; '.join(map(str, value))}")


def refused_claim(item: str, step: str, refused: Refused, *, in_run: bool = False) -> Conflict:
    """Return why a claim was refused, with the command that helps; `in_run`: a workflow run has tried."""
    first: Blocker = refused.blockers[0]
    texts = "; ".join(blocker.text for blocker in refused.blockers)
    hints = {
        "running": f"planloom status {item}   # planloom abandon {item} {step} gives up a claim whose holder is gone",
        "done": f"planloom status {item}   # shows what is ready",
        "integrated": f"planloom revert {item} {step} --handoff {''.join(first.by)} --reason TEXT   # takes it back first",
        "failed": f"planloom delegate --structured-work-item {item} --retry {step}   # grants one more attempt",
        "approval": f"planloom approve {item} {step}",
        "closed": f"planloom status {item}",
        "attempt": f"planloom claim {item} {step}",
    }
    hint = hints.get(first.kind, f"planloom why {item} {step}")
    if in_run and first.kind in {"running", "done", "attempt"}:
        # "Re-run failed jobs" carries the matrix of long ago: its attempt is over.
        hint = "dispatch the orchestrator: it hands out a new attempt"
    return Conflict(f"step {step} of {item} can't be claimed: {texts}", hint=hint)


def complete_attempt(asked: Completing) -> int:
    """Hand off the result of an attempt and say what comes next; returns the exit code."""
    session = api.open_session(find_root(asked.root), ledger=asked.ledger, executor=asked.executor)
    item, step = asked.item, asked.step
    if asked.integrated and not asked.attempt and _is_done(session, item, step):
        from planloom.runtime.completing import integrate_step

        _show(asked, integrate_step(session, item, step, asked.outcome or "integrated by hand"))
        advise(session, item)
        return 0
    from planloom.runtime.completing import Late
    from planloom.runtime.completing import complete_attempt as complete

    attempt = asked.attempt or _open_attempt(session, item, step)
    done = complete(session, item, step, attempt, _result(session, asked, attempt), integrated=asked.integrated)
    if isinstance(done, Late):
        raise Conflict(done.text, hint=f"planloom status {item}")
    if asked.handoffs is not None:
        from planloom.cli.waves import write_handoffs

        write_handoffs(session, asked.handoffs, [done.handoff])
    _show(asked, done.handoff)
    if session.environment.get("GITHUB_STEP_SUMMARY"):
        from planloom.cli.workflows import summarise

        summarise(session, item, "Completed")
    advise(session, item)
    if asked.from_result is not None:
        return 0 if done.event == "completed" else EXIT_FINDINGS
    return EXIT_CONFLICT if done.event == "superseded" else 0


def _is_done(session: Session, item: str, step: str) -> bool:
    from planloom.runtime.reading import read_view
    from planloom.state.machine import Status

    return read_view(session, item, (step,)).view.states[step].status is Status.DONE


def _result(session: Session, asked: Completing, attempt: str) -> Result:
    """Return the result that is stated: from what `exec` left, or from the options."""
    from planloom.runtime.completing import Result

    if asked.from_result is not None:
        from planloom.cli.execution import result_of

        return result_of(session, asked.item, asked.step, attempt, asked.from_result)
    reason = "" if asked.result in {"success", "skip"} else asked.outcome or asked.result
    said = Result(asked.result, asked.outcome, asked.next_action, reason=reason)
    return _with_outputs(session, asked.item, asked.step, said, asked.outputs) if asked.result == "success" else said


def _show(asked: Completing, handoff: Signed) -> None:
    record = handoff.record
    if asked.style == "json":
        shown = {"workItemId": asked.item, "stepKey": asked.step, "event": record.event}
        screen.product_json({**shown, "digest": handoff.digest, "index": record.index})
    else:
        screen.product(f"{record.event} {asked.step} of {asked.item}: handoff sha256:{handoff.digest}")
        reason = getattr(record.body, "reason", "")
        if reason and asked.from_result is not None:  # what a person gave need not be told
            screen.say(f"  {reason}")


def _open_attempt(session: Session, item: str, step: str) -> str:
    """Return the open attempt of a step, for people who do not name it. Raises: Conflict when there is none."""
    from planloom.runtime.completing import no_such_attempt
    from planloom.runtime.reading import read_view

    view = read_view(session, item, (step,)).view
    claim = view.states[step].claim
    if claim is None or claim.record.attempt is None:
        raise no_such_attempt(view, step, "")
    return claim.record.attempt.id


def _with_outputs(session: Session, item: str, step: str, result: Result, extra: tuple[str, ...]) -> Result:
    from planloom.runtime.reading import read_view

    patterns = read_view(session, item, (step,)).view.steps[step].outputs + extra
    if not patterns:
        return result
    from planloom.runtime.executing import keep_outputs

    subjects, manifest = keep_outputs(session.workspace, patterns, api.output_store(session))
    return result._replace(outputs=subjects, store="directory", manifest=manifest)


MANY_STEPS: Final = 500
"""Reading this many steps takes about as long as starting the command."""


def advise(session: Session, item: str) -> None:
    """Say which command comes next, or start the next wave where that is the way.

    In a large plan on files that is left to `status`: completing a step must not cost what the whole plan costs.
    """
    from planloom.runtime.reading import read_compiled, read_item

    if api.keeps_files(session) and len(read_compiled(session, read_item(session, item))[0].order) > MANY_STEPS:
        screen.suggest(f"planloom status {item}")
        return
    from planloom.cli.dispatching import go_on

    view, schedule = api.read_status(session, item)
    if not go_on(session, view, schedule):
        from planloom.report.table import next_command

        # The work item is named: whether it is the only one would have to be read from all of them.
        screen.suggest(next_command(view, schedule, asking=api.find_asking(session)))
