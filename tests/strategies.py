"""What tests draw from: records of a step's chain as the state machine sees them, and sequences of them."""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from planloom.records.bodies import Abandoned, Claimed, Finished, Integrated, Invalidated, Retried, Reverted
from planloom.records.record import Record
from planloom.records.references import AttemptRef, Builder, PlanRef, StepRef
from planloom.records.signed import Signed

AT = "2026-11-22T20:05:52.120Z"
CHAIN = "demo-1/build"
ZERO = "0" * 64

WORDS = (
    "claimed",
    "completed",
    "completed-post",
    "failed",
    "cancelled",
    "superseded",
    "abandoned",
    "invalidated",
    "integrated",
    "reverted",
    "retried",
    "refused",
)
"""Events of a step's chain; `completed-post` is a completion that is integrated at once, `cancelled` a failure by cancellation."""


class StepWriter:
    """Writes a step's chain, record by record; the digests are those that signing would give."""

    def __init__(self, digest=ZERO, writer=None):
        self.digest = digest
        self.index = writer.index if writer else 0
        self.previous = writer.previous if writer else ZERO

    def write(self, word, state, *, number=None, claim=None):
        """Return the next record. By default it names the open claim and the number that is due."""
        event = {"completed-post": "completed", "cancelled": "failed"}.get(word, word)
        due = state.attempt + (1 if event == "claimed" else 0)
        self.index += 1
        chosen = due if number is None else number
        attempt = AttemptRef(chosen, f"build-local-{chosen}") if event not in {"invalidated", "reverted", "retried"} else None
        open_claim = claim if claim is not None else state.claim.digest if state.claim else ZERO
        record = Record(
            event,
            CHAIN,
            self.index,
            self.previous,
            f"{self.index:032x}",
            "demo-1",
            PlanRef("demo", "1.0.0", ZERO),
            StepRef("build", 1, self.digest),
            attempt,
            "tester",
            Builder(),
            AT,
            (),
            _body(word, event, open_claim, state),
        )
        self.previous = hashlib.sha256(repr(record).encode()).hexdigest()
        return Signed(record, self.previous, "c" * 64)


def _body(word, event, claim, state):
    match event:
        case "claimed":
            return Claimed("tester", 0, "", "", (), (), {})
        case "completed" | "failed" | "superseded" | "refused":
            result = "cancellation" if word == "cancelled" else "failure" if event == "failed" else "success"
            baseline = "post" if word == "completed-post" else "pre"
            return Finished(claim, "tester", result, "", "", "", baseline, 0, AT, AT, (), "", False)
        case "abandoned":
            return Abandoned(claim, "override", "")
        case "integrated":
            return Integrated(state.handoff.digest if state.handoff else ZERO, "")
        case "reverted":
            return Reverted(state.handoff.digest if state.handoff else ZERO, "", False, ())
        case "invalidated":
            return Invalidated("1" * 32, "build", "")
        case _:
            return Retried("")


words = st.lists(st.sampled_from(WORDS), max_size=40)
"""Any sequence of events; most are illegal somewhere."""
