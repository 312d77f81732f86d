"""Outputs on disk against the handoffs that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.records.bodies import Finished
from planloom.trust.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import Evidence


def check_outputs(evidence: Evidence, digest_of: Callable[[str], str]) -> Iterator[Finding]:
    """Yield outputs that are gone or differ. `digest_of` returns the SHA-256 of an output by its name, "" when there is none.

    Of several work items or steps that made an output of one name, the handoff that was signed last counts.
    """
    newest: dict[str, tuple[str, str, str]] = {}
    for state in evidence.states.values():
        handoff = state.handoff
        if handoff is None or handoff.record.step is None or lists_outputs(handoff):
            continue
        own = f"{handoff.record.plan.name}/{handoff.record.step.key}"
        for subject in handoff.record.subjects:
            if subject.name == own and subject.digest == handoff.record.step.digest:
                continue  # The step itself, which stands in when there are no outputs.
            newest[subject.name] = max(
                newest.get(subject.name, ("", "", "")), (handoff.record.at, subject.digest, evidence.path(handoff))
            )
    for name, (_, digest, path) in sorted(newest.items()):
        found = digest_of(name)
        if found != digest:
            message = f"{name} is gone" if not found else f"{name} is not the file that was handed on"
            yield Finding("E_ARTIFACT", path, message, "subject", digest, found or "no file")


def lists_outputs(handoff: Signed) -> bool:
    """Return whether a handoff's one subject is the list of its outputs, which lies with them in the store and not in a folder of outputs."""
    body = handoff.record.body
    return isinstance(body, Finished) and body.manifest


def skipped_outputs(evidence: Evidence) -> Iterator[str]:
    """Yield which steps' outputs were not compared."""
    for name, state in sorted(evidence.states.items()):
        if state.handoff is not None and lists_outputs(state.handoff):
            yield f"the outputs of {name} are too many for its handoff, which has only the digest of their list: they were not compared"
