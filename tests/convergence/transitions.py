"""Every transition of a work item as one command, the state it starts from, and how a machine that comes back goes on.

The table is what the suite walks through: a transition that is added here is killed, repeated and raced at every crash point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convergence.machines import open_one
from planloom.core.errors import Conflict
from planloom.runtime.abandoning import abandon_claim, retry_step
from planloom.runtime.claiming import claim_step, claim_wave
from planloom.runtime.completing import Result, complete_attempt, complete_wave, integrate_step
from planloom.runtime.deciding import decide_gate
from planloom.runtime.invalidating import redo_step, revert_step
from planloom.runtime.migrating import migrate_item
from planloom.runtime.opening import close_item, close_when_complete
from planloom.runtime.reading import read_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.runtime.session import Session

ITEM = "demo-1"

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Every transition
version: 1.0.0
resources:
  bench: {{capacity: 2}}
defaults: {{attempts: 1}}
steps:
  - key: build
    run: "true"
  - key: left
    needs: [build]
    resources: [bench]
    run: "true"
  - key: right
    needs: [build]
    resources: [bench]
    run: "true # {version}"
  - key: ship
    needs: [left, right]
    gate: {{role: approver}}
    baseline: true
    run: "true"
  - key: tell
    needs: [ship]
    run: "true"
"""

SMALL = """\
schema: planloom/plan/v1
id: small
name: One step
version: 1.0.0
steps:
  - key: only
    run: "true"
"""

GOOD = Result("success", exit_code=0)


def yes(*shown: object) -> bool:
    """Confirm."""
    return True


def do(session: Session, step: str, result: Result = GOOD, item: str = ITEM) -> None:
    """Claim a step and complete it."""
    claim_step(session, item, step)
    complete_attempt(session, item, step, open_attempt(session, step, item), result)


def open_attempt(session: Session, step: str, item: str = ITEM) -> str:
    """Return the id of a step's newest attempt, open or not."""
    state = read_view(session, item, (step,)).view.states[step]
    newest = state.claim or state.handoff or state.last
    assert newest is not None
    assert newest.record.attempt is not None
    return newest.record.attempt.id


def built(session: Session) -> None:
    """Open the work item and carry out its first step."""
    open_one(session, ITEM)
    do(session, "build")


def both_claimed(session: Session) -> None:
    """… and claim the two that come then, as one wave."""
    built(session)
    claim_wave(session, [ITEM], 256)


def before_the_gate(session: Session) -> None:
    """… and carry both out."""
    built(session)
    do(session, "left")
    do(session, "right")


def approved(session: Session) -> None:
    """… and approve the gate."""
    before_the_gate(session)
    approve(session)


def shipped(session: Session) -> None:
    """… and carry out the step behind it, which is integrated then."""
    approved(session)
    do(session, "ship")


def told(session: Session) -> None:
    """… and the last one."""
    shipped(session)
    do(session, "tell")


def failed(session: Session) -> None:
    """Open the work item; its first step fails for good."""
    open_one(session, ITEM)
    do(session, "build", Result("failure", reason="exit 1", exit_code=1))


def claimed(session: Session) -> None:
    """Open the work item and claim its first step."""
    open_one(session, ITEM)
    claim_step(session, ITEM, "build")


def small_claimed(session: Session) -> None:
    """Open a work item of one step and claim it."""
    open_one(session, "small-1", "small")
    claim_step(session, "small-1", "only")


def approve(session: Session) -> None:
    """Approve the gate."""
    decide_gate(session, ITEM, "ship", reject=False, reentry="", reason="seen", expires="", confirm=yes)


def revert(session: Session) -> None:
    """Take the integrated step back."""
    handoff = read_view(session, ITEM, ("ship",)).view.states["ship"].handoff
    if handoff is None:
        raise Conflict("it is taken back already")
    revert_step(session, ITEM, "ship", handoff=handoff.digest, reason="broken", cascade=False, confirm=yes)


def complete_both(session: Session) -> None:
    """Complete the wave."""
    mine = {key: (open_attempt(session, key), GOOD) for key in ("left", "right")}
    complete_wave(session, {ITEM: mine})


def complete_the_last(session: Session) -> None:
    """Complete the only step, which closes the work item; whoever comes back closes it (`planloom delegate` does)."""
    try:
        complete_attempt(session, "small-1", "only", open_attempt(session, "only", "small-1"), GOOD)
    finally:
        close_when_complete(session, "small-1")


@dataclass(frozen=True)
class Transition:
    """One command: from which state it starts, what it does, and whether the plan on disk has moved on before it."""

    before: Callable[[Session], None]
    command: Callable[[Session], object]
    new_plan: bool = False


def nothing(session: Session) -> None:
    """Begin with nothing."""


TRANSITIONS: dict[str, Transition] = {
    "open": Transition(nothing, lambda s: open_one(s, ITEM)),
    "claim": Transition(lambda s: open_one(s, ITEM), lambda s: claim_step(s, ITEM, "build")),
    "claim with a resource": Transition(built, lambda s: claim_step(s, ITEM, "left")),
    "claim a wave": Transition(built, lambda s: claim_wave(s, [ITEM], 256)),
    "complete": Transition(claimed, lambda s: complete_attempt(s, ITEM, "build", open_attempt(s, "build"), GOOD)),
    "fail": Transition(
        claimed, lambda s: complete_attempt(s, ITEM, "build", open_attempt(s, "build"), Result("failure", reason="exit 1"))
    ),
    "complete a wave": Transition(both_claimed, complete_both),
    "complete the last": Transition(small_claimed, complete_the_last),
    "integrate": Transition(before_the_gate, lambda s: integrate_step(s, ITEM, "left", "merged")),
    "approve": Transition(before_the_gate, approve),
    "reject and start again": Transition(
        before_the_gate,
        lambda s: decide_gate(s, ITEM, "ship", reject=True, reentry="left", reason="no", expires="", confirm=yes),
    ),
    "revert": Transition(told, revert),
    "migrate": Transition(before_the_gate, lambda s: migrate_item(s, ITEM, "d" * 40, "moved on", yes), new_plan=True),
    "abandon": Transition(both_claimed, lambda s: abandon_claim(s, ITEM, "left", reason="lost", override=True)),
    "do again": Transition(before_the_gate, lambda s: redo_step(s, ITEM, "left", "its outputs are lost")),
    "retry": Transition(failed, lambda s: retry_step(s, ITEM, "build", "again")),
    "close": Transition(shipped, lambda s: close_item(s, ITEM, result="stopped", reason="enough", key="you")),
}
