"""Work items as tables: for the terminal, for the job summary, and why a step waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from planloom.records.bodies import Abandoned, Claimed, Finished
from planloom.records.kinds import GOOD_RESULTS
from planloom.runtime.effects import parse_time
from planloom.state.machine import Status
from planloom.state.readiness import awaited, awaited_keys, key_name, rejections, used_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from planloom.records.references import AttemptRef
    from planloom.records.signed import Signed
    from planloom.runtime.completing import Result
    from planloom.state.item import ItemView
    from planloom.state.readiness import Blocker
    from planloom.state.schedule import Row, Schedule

    Spell: TypeAlias = Callable[[str], str]


def write_columns(rows: Iterable[Sequence[str]], indent: str = "  ", gap: int = 3) -> str:
    """Return rows as aligned columns; the last column is not padded."""
    table = [tuple(map(printable, row)) for row in rows]
    if not table:
        return ""
    widths = [max(len(row[i]) if i < len(row) else 0 for row in table) for i in range(max(map(len, table)))]
    lines = []
    for row in table:
        cells = [cell.ljust(widths[i]) for i, cell in enumerate(row)]
        lines.append((indent + (" " * gap).join(cells)).rstrip())
    return "\n".join(map(printable, lines))


def printable(text: str) -> str:
    """Return a text without characters that steer a terminal (C0, DEL, C1): records may hold what others wrote."""
    return "".join(c if c == "\t" or (" " <= c != "\x7f" and not "\x80" <= c <= "\x9f") else "?" for c in text)


def describe_seconds(milliseconds: int) -> str:
    """Return a duration as people say it: `0.3 s`, `41 s`, `3 min 5 s`, `2 h 4 min`."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def head_line(view: ItemView) -> str:
    """Return `release-1: release 1.0.0, 5 steps`."""
    count = len(view.header.order)
    return f"{view.item.id}: {view.item.plan.name} {view.item.plan.version}, {count} step{'' if count == 1 else 's'}"


def step_columns(row: Row, now: str) -> tuple[str, str, str, str, str]:
    """Return word, key, attempt, time and remark of one step."""
    state = row.state
    attempt = f"attempt {state.attempt}" if state.attempt else ""
    remark = "; ".join(blocker.text for blocker in row.blockers) if row.word == "waits" else ""
    spent = ""
    if state.claim is not None and isinstance(state.claim.record.body, Claimed):
        spent = f"since {describe_seconds(max(0, parse_time(now) - parse_time(state.claim.record.at)))}"
        remark = f"by {state.claim.record.body.executor}"
    elif state.last is not None:
        spent, said = _ended(state.last)
        if row.word == "failed":
            remark = f"{said}; {used_up(state.allowed)}"
        elif row.word in {"ready", "manual"}:
            remark = f"attempt {state.attempt}: {said}"
            attempt, spent = f"attempt {state.attempt + 1}", ""
    if row.word == "manual":
        remark = remark or "waits for a person or an agent"
    if row.word == "ready" and not row.step.run:
        remark = remark or "native steps: they run on GitHub"
    if state.status is Status.INTEGRATED:
        remark = "integrated"
    return row.word, row.step.key, attempt, spent, remark


def _ended(last: Signed) -> tuple[str, str]:
    body = last.record.body
    if isinstance(body, Finished):
        return describe_seconds(max(0, parse_time(body.finished) - parse_time(body.started))), body.reason or body.result
    if isinstance(body, Abandoned):
        return "", f"given up: {body.reason or body.evidence}"
    return "", last.record.event


def write_status(view: ItemView, schedule: Schedule) -> str:
    """Return a work item as a table for the terminal."""
    state = "" if view.item.is_open else ", closed"
    return head_line(view) + state + "\n" + write_columns(_status_columns(view, row) for row in schedule.rows)


def _status_columns(view: ItemView, row: Row) -> tuple[str, ...]:
    """Return what every table shows of a step, and beside it who may sign what it waits for and how often its work was taken back."""
    *shown, remark = step_columns(row, view.now)
    more = [remark] if remark else []
    if _waits_for_people(row):
        more.append(f"from {_people(view, row)}")
    if row.state.reworks and not row.state.is_valid:
        more.append(_reworked(row))
    return (*shown, "; ".join(more))


def _waits_for_people(row: Row) -> bool:
    return row.word == "waits" and {blocker.kind for blocker in row.blockers} in ({"approval"}, {"rejected"})


def _reworked(row: Row) -> str:
    times = row.state.reworks
    return f"taken back {'once' if times == 1 else f'{times} times'}"


def count_line(schedule: Schedule) -> str:
    """Return how many steps are done, as a sentence."""
    return f"{len(schedule.done)} of {len(schedule.rows)} steps done."


def next_command(view: ItemView, schedule: Schedule, *, alone: bool = False, asking: str = "", migration: str = "") -> str:
    """Return the command that moves the work item on.

    `alone`: it is the one that is meant when none is named; `asking`: the id of the key that whoever asks signs with, "" when unknown:
    what only others can sign is not proposed, and who they are stands behind the command, as a comment. `migration`: what moves it to
    its plan as that is now; what has failed would only fail again by the old one.
    """
    item = view.item.id
    if schedule.is_finished and view.item.is_open and all(row.state.status is Status.DONE for row in schedule.rows):
        return f"planloom run {item}"  # a migration left it so: `run` closes what is complete
    if not view.item.is_open or schedule.is_finished:
        return "planloom verify"
    if any(row.step.run for row in schedule.dispatchable):
        return "planloom run" if alone else f"planloom run {item}"
    if schedule.failed and migration:
        return migration
    commands = (_next_for(view, row, asking) for row in schedule.rows)
    others = (f"planloom status {item}  # {_who_else(view, row)}" for row in schedule.rows if _is_for_others(view, row, asking))
    waiting = f"planloom status {item}" if schedule.running else f"planloom why {item}"
    return next((command for command in (*commands, *others) if command), waiting)


def held_by_hand(row: Row) -> str:
    """Return the attempt that a person or an agent claimed by hand, "" for one that a process or a workflow run carries out."""
    claim = row.state.claim
    if claim is None or claim.record.attempt is None or claim.record.builder.run_id:
        return ""
    return "" if getattr(claim.record.body, "pid", 0) else claim.record.attempt.id


def _is_for_others(view: ItemView, row: Row, asking: str) -> bool:
    """Return whether all that a step waits for is an approval that this key can't give: its own is there, or it may give none."""
    kinds = {blocker.kind for blocker in row.blockers}
    return bool(asking) and row.word == "waits" and kinds == {"approval"} and asking not in awaited_keys(view, row.step)


def _who_else(view: ItemView, row: Row) -> str:
    return printable(f"{row.step.key} waits for {row.blockers[0].text} from {_people(view, row)}")


def _people(view: ItemView, row: Row) -> str:
    return ", ".join(_whose_turn(view, row)) or "nobody whom the policy knows"


def _whose_turn(view: ItemView, row: Row) -> tuple[str, ...]:
    """Return who can let a gate be passed: those who rejected, else those whose approval is not there."""
    rejected = rejections(view, row.step) if any(blocker.kind == "rejected" for blocker in row.blockers) else ()
    return tuple(sorted(key_name(view, one.key_id) for one in rejected)) or awaited(view, row.step)


def _next_for(view: ItemView, row: Row, asking: str = "") -> str:
    """Return the command by which a person moves a step on; "" when none does."""
    item, key = view.item.id, row.step.key
    match row.word:
        case "manual":
            return f"planloom claim {item} {key}"
        case "ready":
            return f"gh workflow run {view.header.settings.get('prefix', '')}orchestrator.yml -f work-item={item}"
        case "failed":
            return f"planloom delegate --structured-work-item {item} --retry {key}"
        case "running" if held_by_hand(row):
            return f"planloom complete {item} {key} --attempt {held_by_hand(row)} --outcome TEXT --next-action TEXT"
        case "waits":
            return "" if _is_for_others(view, row, asking) else _next_for_waiting(item, row)
        case _:
            return ""


def _next_for_waiting(item: str, row: Row) -> str:
    kinds = {blocker.kind: blocker for blocker in row.blockers}
    if set(kinds) == {"approval"}:
        return f"planloom approve {item} {row.step.key}"
    if "plan-changed" in kinds:
        return f"planloom migrate {item}"
    if "rejected" in kinds:
        return f"planloom approve {item} {row.step.key}  # takes the rejection back: {kinds['rejected'].text}"
    if set(kinds) == {"resource"}:
        # Its name, then who holds it: attempts of this work item or of others, `<item>/<step>#<number>`.
        holders = [chain.partition("/")[0] for chain in kinds["resource"].by[1:]]
        return next((f"planloom status {holder}" for holder in holders if holder != item), "")
    return ""


def who_must_act(row: Row, item: str) -> tuple[str, str]:
    """Return who must act for a step to go on, and with which command; empty when a machine will."""
    kinds = {blocker.kind: blocker for blocker in row.blockers}
    if "approval" in kinds and "needs" not in kinds:
        return " ".join(kinds["approval"].by), f"planloom approve {item} {row.step.key}"
    if row.word == "manual":
        role = str(row.step.definition.get("role", "")) or "anyone who may"
        return role, f"planloom claim {item} {row.step.key}"
    if row.word == "failed":
        return "operator", f"planloom delegate --structured-work-item {item} --retry {row.step.key}"
    return "", ""


SUMMARY_HEAD = (
    "| step | state | attempt | why | who must act | next command |",
    "| --- | --- | --- | --- | --- | --- |",
)


def write_summary(
    view: ItemView, schedule: Schedule, title: str, *, spell: Spell = str, asking: str = "", migration: str = ""
) -> str:
    """Return the table of the job summary: step, state, attempt, why it waits, who must act, the next command (GitHub Markdown).

    `spell` writes a command as it is to be pasted; `asking` and `migration` as in `next_command`.
    """
    lines = [
        f"### {markdown_cell(title)}: {markdown_cell(head_line(view))}",
        "",
        f"{count_line(schedule)}{'' if view.item.is_open else ' The work item is closed.'}",
        "",
        *SUMMARY_HEAD,
    ]
    for row in schedule.rows[:MAX_SUMMARY_ROWS]:
        word, key, attempt, _, remark = step_columns(row, view.now)
        who, command = who_must_act(row, view.item.id)
        shown = f"`{spell(command)}`" if command else ""
        lines.append(
            f"| {markdown_cell(key)} | {word} | {attempt.removeprefix('attempt ')} | {markdown_cell(remark)} | {markdown_cell(who)} | {shown} |"
        )
    if len(schedule.rows) > MAX_SUMMARY_ROWS:
        lines.append(f"\n{len(schedule.rows) - MAX_SUMMARY_ROWS} more steps: `{spell(f'planloom status {view.item.id}')}`")
    following = next_command(view, schedule, asking=asking, migration=migration)
    if following:
        lines += ["", f"Next: `{spell(following)}`"]
    return "\n".join(lines) + "\n\n"


def write_attempt_summary(view: ItemView, step: str, attempt: AttemptRef, result: Result, *, spell: Spell = str) -> str:
    """Return the table of the job that carried out one attempt: the same columns as a work item's, one row; `spell` as in `write_summary`."""
    who, command = "", ""
    if result.result not in GOOD_RESULTS:
        who, command = "operator", f"planloom why {view.item.id} {step}"
    cells = (step, result.result, str(attempt.number), result.reason, who)
    shown = f"`{spell(command)}`" if command else ""
    lines = [
        f"### Attempt: {markdown_cell(view.item.id)}, {markdown_cell(attempt.id)}",
        "",
        *SUMMARY_HEAD,
        f"| {' | '.join(markdown_cell(cell) for cell in cells)} | {shown} |",
    ]
    return "\n".join(lines) + "\n\n"


MAX_SUMMARY_ROWS = 1000
"""A step's summary may have 1 MiB (docs.github.com, workflow commands); a row has at most some 500 bytes."""


def markdown_cell(text: str) -> str:
    """Escape what would end a cell or begin markup."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("`", "'")
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")[:400]


def status_document(view: ItemView, schedule: Schedule, *, asking: str = "", migration: str = "") -> dict[str, Any]:
    """Return a work item as JSON; `asking` and `migration` as in `next_command`, whose comment is left out: `waitsFor` says who."""
    return {
        "workItemId": view.item.id,
        "plan": {"name": view.item.plan.name, "version": view.item.plan.version, "digest": view.item.plan.digest},
        "open": view.item.is_open,
        "done": len(schedule.done),
        "total": len(schedule.rows),
        "next": next_command(view, schedule, asking=asking, migration=migration).partition("  #")[0],
        "steps": [
            {
                "key": row.step.key,
                "state": row.word,
                "status": row.state.status.value,
                "attempt": row.state.attempt,
                "reworks": row.state.reworks,
                "waitsFor": [_blocker(view, row, b) for b in row.blockers] if row.word == "waits" else [],
            }
            for row in schedule.rows
        ],
    }


def _blocker(view: ItemView, row: Row, blocker: Blocker) -> dict[str, Any]:
    """Return what is in the way; `who` names the people whose approval is not there."""
    shown: dict[str, Any] = {"kind": blocker.kind, "by": list(blocker.by), "text": blocker.text}
    return shown | ({"who": list(_whose_turn(view, row))} if blocker.kind in {"approval", "rejected"} else {})


def _write_rejections(view: ItemView, row: Row, spell: Spell) -> Iterator[str]:
    """Yield who rejected a step, when and why, and every command that lets it go on."""
    approve = f"planloom approve {view.item.id} {row.step.key}"
    for one in rejections(view, row.step):
        name = key_name(view, one.key_id)
        reason = getattr(one.record.body, "reason", "") or "no reason given"
        yield f"  {one.record.at} {name} (key {one.key_id[:8]}): {reason}"
        yield f"  it stands until {name} approves: {spell(approve)}"
    for before in row.step.predecessors:
        state = view.states[before]
        if state.status is Status.INTEGRATED and state.handoff is not None:
            revert = f"planloom revert {view.item.id} {before} --handoff {state.handoff.digest[:12]} --reason TEXT"
            yield f"  or {before}, which is integrated, is taken back: {spell(revert)}"
        elif state.is_valid:
            yield f"  or the work is done again from {before} on: {spell(f'{approve} --reject --reentry-step {before}')}"


def write_why(view: ItemView, row: Row, *, spell: Spell = str) -> str:
    """Return why a step is where it is, and what would move it on; `spell` as in `write_summary`."""
    word, key, attempt, spent, remark = step_columns(row, view.now)
    lines = [f"{view.item.id}, step {key}: {word}{', ' + attempt if attempt else ''}{' ' + spent if spent else ''}"]
    if word == "waits":
        lines += [f"  {blocker.text}" for blocker in row.blockers]
        if any(blocker.kind == "rejected" for blocker in row.blockers):
            lines += _write_rejections(view, row, spell)
        for before in row.step.predecessors:
            state = view.states[before]
            if not state.is_valid:
                lines.append(f"  {before} is {state.status.value}")
    elif remark:
        lines.append(f"  {remark}")
    if word == "running" and held_by_hand(row):
        command = f"planloom abandon {view.item.id} {key} --reason TEXT --override"
        lines.append(f"  nobody is there any more? {spell(command)}")
    if row.state.reworks:
        lines.append(f"  its work was {_reworked(row)}")
    handoff = row.state.handoff
    if handoff is not None:
        lines.append(f"  handoff sha256:{handoff.digest}")
    for title, field in (("entry criteria", "entryCriteria"), ("exit criteria", "exitCriteria")):
        lines += [f"  {title}: {text}" for text in row.step.definition.get(field, ())]
    who, command = who_must_act(row, view.item.id)
    if command:
        people = f"{_people(view, row)} (as {who})" if _waits_for_people(row) else who
        lines.append(f"  {people} can go on: {spell(command)}")
    return "\n".join(map(printable, lines))
