"""What a history says, once it was verified: counts, who approved what, what is proven and what is only stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planloom.records.bodies import Claimed, Finished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.canonical import Json
    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.history import Chain


@dataclass(frozen=True, slots=True)
class GatedUse:
    """A step behind a gate that was carried out: which outputs of which steps it used, and who approved that."""

    step: str
    outputs: tuple[tuple[str, str], ...]
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemSummary:
    """One work item (or the shared resources, `_resource`).

    Shape: `files` counts its records, `believed` those whose signature and role hold; `events` counts the believed ones by event.
    """

    id: str
    files: int
    believed: int
    events: Mapping[str, int]
    gated: tuple[GatedUse, ...]


def summarise(evidence: Evidence, item: str) -> ItemSummary:
    """Return the summary of one work item, or of the shared resources."""
    chains = evidence.of_item(item)
    believed = [slot.signed for chain in chains for slot in chain.slots if slot.signed is not None]
    events: dict[str, int] = {}
    for signed in believed:
        events[signed.record.event] = events.get(signed.record.event, 0) + 1
    files = sum(len(chain.slots) for chain in chains)
    return ItemSummary(item, files, len(believed), events, _gated(evidence, chains))


def _gated(evidence: Evidence, chains: tuple[Chain, ...]) -> tuple[GatedUse, ...]:
    uses: dict[str, GatedUse] = {}
    for chain in chains:
        for _, signed in chain.sound():
            body = signed.record.body
            if isinstance(body, Claimed) and body.approvals:
                approvals = [evidence.by_digest[d] for d in body.approvals if d in evidence.by_digest]
                handoffs = [(d.step, evidence.by_digest[d.digest]) for d in body.depends_on if d.digest in evidence.by_digest]
                outputs = tuple((name, step) for step, handoff in handoffs for name in _outputs(handoff))
                uses[chain.step] = GatedUse(chain.step, outputs, tuple(dict.fromkeys(_name(evidence, a) for a in approvals)))
    return tuple(uses.values())


def _outputs(handoff: Signed) -> tuple[str, ...]:
    record = handoff.record
    own = f"{record.plan.name}/{record.step.key}" if record.step is not None else ""
    return tuple(subject.name for subject in record.subjects if subject.name != own)


def _name(evidence: Evidence, signed: Signed) -> str:
    trusted = evidence.policy.find(signed.key_id)
    return trusted.name if trusted is not None else signed.key_id[:8]


def describe_item(evidence: Evidence, item: str) -> list[dict[str, Json]]:
    """Return every record of a work item that can be believed, by chain, as JSON."""
    slots = (slot for chain in evidence.of_item(item) for slot in chain.slots)
    return [_describe(evidence, slot.path, slot.signed) for slot in slots if slot.signed is not None]


def _describe(evidence: Evidence, path: str, signed: Signed) -> dict[str, Json]:
    """Return a record as JSON: what is proven (by which key), apart from what its signer only states."""
    record, body = signed.record, signed.record.body
    proven: dict[str, Any] = {
        "key": {"name": _name(evidence, signed), "id": signed.key_id},
        "digest": signed.digest,
        "chain": record.chain,
        "index": record.index,
        "plan": {"name": record.plan.name, "version": record.plan.version, "digest": record.plan.digest},
        "subjects": [{"name": s.name, "digest": s.digest} for s in record.subjects],
    }
    if record.step is not None:
        proven["step"] = {"key": record.step.key, "digest": record.step.digest}
    if record.attempt is not None:
        proven["attempt"] = {"number": record.attempt.number, "id": record.attempt.id}
    stated: dict[str, Any] = {
        "at": record.at,
        "actor": record.actor,
        "builder": {"id": record.builder.id, "runId": record.builder.run_id, "runAttempt": record.builder.run_attempt},
    }
    if isinstance(body, Finished):
        stated |= {"result": body.result, "exitCode": body.exit_code, "started": body.started, "finished": body.finished}
        stated |= {"executor": body.executor, "outcome": body.outcome}
    elif isinstance(body, Claimed):
        stated["executor"] = body.executor
    return {"path": path, "event": record.event, "proven": proven, "stated": stated}
