"""claim --wave, complete --wave: everything of one workflow run, in one append each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planloom.cli import screen
from planloom.cli.workflows import summarise
from planloom.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from planloom.records.signed import Signed
    from planloom.runtime.session import Session


def claim_wave(session: Session, item: str, plan: str) -> None:
    """Claim everything that is ready in the plan's open work items (or in one) and hand it out as matrices."""
    from planloom.records.matrix import WAVE_LIMIT
    from planloom.runtime.claiming import claim_wave as claim_all
    from planloom.runtime.delegating import claimed_entries, open_items, wave_outputs, write_outputs

    entries: list[tuple[str, dict[str, Any]]] = []
    items = (item,) if item else open_items(session, plan)
    won = claim_all(session, items, WAVE_LIMIT)
    for one in items:
        own = tuple(claim for claim in won if claim.claim.record.work_item == one)
        entries.extend(claimed_entries(session, own))
        for claim in own:
            screen.say(f"claimed {claim.attempt.id} of {one}")
        summarise(session, one, "Claimed")
    outputs = wave_outputs(entries)
    write_outputs(session, outputs)
    screen.product(outputs["matrices"])


def write_handoffs(session: Session, folder: Path, handoffs: Iterable[Signed]) -> None:
    """Write signed handoffs as files, for upload: what the next step or a person reads."""
    from planloom.core import names

    folder.mkdir(parents=True, exist_ok=True)
    for handoff in handoffs:
        record = handoff.record
        if record.step is None or record.attempt is None:
            continue
        chain = names.step_chain(record.work_item, record.step.key)
        entry = session.ledger.read([chain])[chain].entries[record.index - 1]
        (folder / f"{record.work_item}-{record.attempt.id}.json").write_bytes(entry.content)


def complete_wave(session: Session, results: Path | None, handoffs: Path | None, plan: str) -> int:
    """Complete every open attempt that this workflow run holds, from the results that its jobs uploaded."""
    from planloom.runtime.waves import complete_run

    if results is None:
        raise InputError("--wave needs --results DIR", hint="planloom complete --wave --results results --handoffs handoffs")
    from planloom.runtime.platform import find_platform

    done = complete_run(session, plan, results, find_platform(session.environment))
    for signed in done:
        step = signed.record.step.key if signed.record.step else ""
        reason = getattr(signed.record.body, "reason", "")
        screen.say(f"{signed.record.event} {step} of {signed.record.work_item}{': ' + reason if reason else ''}")
    if handoffs is not None:
        write_handoffs(session, handoffs, done)
    for item in sorted({signed.record.work_item for signed in done}):
        summarise(session, item, "Completed")
    return 0
