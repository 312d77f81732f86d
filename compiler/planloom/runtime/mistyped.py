"""A work item's name that is perhaps a slip of the hand: `run` opens what is missing, and a slip would begin a second history."""

from __future__ import annotations

import difflib
import re
import shlex
from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import InputError
from planloom.runtime.opening import list_plans, speaks_of

if TYPE_CHECKING:
    from planloom.runtime.session import Session


def is_slip(typed: str, known: str) -> bool:
    """Return whether one name is another one but for one letter: another, one more, one less, or two that changed places.

    Digits count things, and so does a letter that stands alone: release-2 is no slip for release-1, nor release-b for release-a.
    """
    start = 0
    while start < min(len(typed), len(known)) and typed[start] == known[start]:
        start += 1
    end = 0
    while end < min(len(typed), len(known)) - start and typed[-1 - end] == known[-1 - end]:
        end += 1
    mine, theirs = typed[start : len(typed) - end], known[start : len(known) - end]
    if not mine + theirs or (mine + theirs).isdigit():
        return False
    if len(mine) == len(theirs) == 1:
        around = typed[start - 1 : start] + typed[start + 1 : start + 2]
        return re.search(r"[a-z0-9]", around) is not None
    return len(mine + theirs) == 1 or (len(mine) == 2 and mine == theirs[::-1])


def refuse_slip(session: Session, item: str) -> None:
    """See that no work item is begun whose name is that of an open one but for a letter. Raises: InputError with both commands."""
    from planloom.runtime.reading import read_item

    states = (read_item(session, one) for one in session.ledger.items() if is_slip(item, one))
    near = next((state for state in states if state.is_open), None)
    if near is not None:
        message = f"there is no work item '{item}', but '{near.id}' is open"
        raise InputError(message, hint=_either(session, f"planloom run {near.id}", item, near.plan.name))


def refuse_unnamed(session: Session, item: str, plan: str) -> None:
    """See that no work item is begun whose name speaks of no plan. Raises: InputError with the command that begins it all the same."""
    if speaks_of(item, plan) or not names.is_work_item_id(item):
        return  # Of the latter, opening says what is wrong with it.
    alike = difflib.get_close_matches(item, [*session.ledger.items(), *list_plans(session.workspace)], n=1)
    message = f"there is no work item '{item}', and its name speaks of no plan: those of {plan} are called {plan}-1, {plan}-2 …"
    raise InputError(message, hint=_either(session, f"planloom run {alike[0]}" if alike else "", item, plan))


def _either(session: Session, meant: str, item: str, plan: str) -> str:
    begin = f"planloom open {item} --plan {plan}"
    if session.workspace != session.root:
        # A scratch run: only `run` takes the plan from one folder and keeps records in another.
        where = f" --scratch {shlex.quote(str(session.root))}"
        begin, meant = f"planloom run {item} --plan {plan}{where}", meant and meant + where
    return f"{meant}   # or, if it is to begin now: {begin}" if meant else begin
