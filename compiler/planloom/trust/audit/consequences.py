"""What follows from a broken record: who builds on it, who names it, what the checkpoint says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.records import merkle
from planloom.records.bodies import Abandoned, Claimed, Finished
from planloom.trust.audit.history import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.ledger.layout import Place
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.findings import Finding
    from planloom.trust.audit.log import Log

_SHOWN: Final = 5


def explain(finding: Finding, evidence: Evidence, log: Log | None, files: Mapping[str, bytes]) -> Finding:
    """Return the finding about a record that can't be believed with what follows from it, and where in the plan it stands."""
    place = place_of(finding.path)
    if place is None or place.attachment:
        return finding
    also = list(_dependents(evidence, place))
    shown = also[:_SHOWN] + ([f"{len(also) - _SHOWN} more build on it"] if len(also) > _SHOWN else [])
    if log is not None and finding.path in files:
        leaf = next((leaf for leaf in log.leaves if leaf.path == finding.path), None)
        if leaf is not None and leaf.hash != merkle.leaf_hash(files[finding.path]):
            shown.append("the checkpoint has another record in this place")
    return replace(finding, message=f"{finding.message}{_where(evidence, place)}", also=tuple(shown))


def _where(evidence: Evidence, place: Place) -> str:
    """Return which step and attempt a place belongs to, as far as the records around it tell."""
    item, _, step = place.chain.partition("/")
    if item == names.RESOURCE_CHAINS:
        return f" (resource {step})"
    if step == names.ITEM_CHAIN:
        return f" (work item {item})"
    if step.startswith(names.GATE_PREFIX):
        return f" (gate of step {step.removeprefix(names.GATE_PREFIX)})"
    attempt = 0
    chain = evidence.chains.get(place.chain)
    for slot in chain.slots if chain is not None else ():
        if slot.index < place.index and slot.signed is not None and slot.signed.record.attempt is not None:
            attempt = slot.signed.record.attempt.number + (1 if place.folder == "claims" else 0)
    if not attempt and place.folder == "claims" and place.index == 1:
        attempt = 1
    return f" (step {step}, attempt {attempt})" if attempt else f" (step {step})"


def _dependents(evidence: Evidence, place: Place) -> Iterator[str]:
    item, _, step = place.chain.partition("/")
    for chain in evidence.of_item(item):
        for slot in chain.slots:
            if slot.signed is None:
                continue
            record, body = slot.signed.record, slot.signed.record.body
            if isinstance(body, Claimed):
                if place.folder == "handoff" and any(
                    d.step == step and d.digest not in evidence.by_digest for d in body.depends_on
                ):
                    yield f"{chain.step}'s claim depends on it"
                gate = names.gate_chain(item, chain.step)
                if place.chain == gate and any(digest not in evidence.by_digest for digest in body.approvals):
                    yield f"{chain.step}'s claim counts on it"
            elif isinstance(body, Finished | Abandoned) and _names_claim(place, chain.name, record.index, body.claim, evidence):
                yield f"the result of attempt {record.attempt.number if record.attempt else '?'} names it"
    if step == names.ITEM_CHAIN and place.index == 1:
        yield f"everything in {item} follows from it"


def _names_claim(place: Place, chain: str, index: int, claim: str, evidence: Evidence) -> bool:
    return (
        place.folder == "claims"
        and place.chain == chain
        and index > place.index
        and bool(claim)
        and claim not in evidence.by_digest
    )
