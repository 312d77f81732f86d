"""Shared resources: never more is held than there is, and only by attempts that claimed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Difference
from planloom.records.bodies import Acquired, Claimed
from planloom.trust.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.history import Chain


def check_resources(evidence: Evidence) -> Iterator[Finding]:
    """Yield takings beyond the capacity, returns of what was not held, holders that claimed nothing, and claims that took nothing."""
    taken: set[tuple[str, str]] = set()
    for chain in evidence.chains.values():
        if chain.item == names.RESOURCE_CHAINS:
            yield from _check_chain(evidence, chain, taken)
    for item in evidence.items():
        for chain in evidence.step_chains(item):
            for path, signed in chain.sound():
                yield from _check_claim(evidence, path, signed, taken)


def _check_chain(evidence: Evidence, chain: Chain, taken: set[tuple[str, str]]) -> Iterator[Finding]:
    held: dict[str, int] = {}
    for path, signed in chain.sound():
        body = signed.record.body
        if not isinstance(body, Acquired):
            told = Difference("event", "acquired or released", signed.record.event)
            yield Finding("E_STATE", path, f"'{signed.record.event}' can't stand in the chain of a resource", *told)
            return
        if signed.record.event == "released":
            if any(held.get(holder) != amount for holder, amount in body.holders.items()):
                message = "it gives back what is not held"
                yield Finding("E_RESOURCE", path, message, "holders", _units(held), _units(body.holders))
            held = {holder: amount for holder, amount in held.items() if holder not in body.holders}
            continue
        if held.keys() & body.holders.keys():
            message = "it takes what it holds already"
            yield Finding("E_RESOURCE", path, message, "holders", f"others than {_units(held)}", _units(body.holders))
        held.update(body.holders)
        taken.update((chain.step, holder) for holder in body.holders)
        plan = evidence.plans.get(signed.record.work_item, {}).get(signed.record.plan.digest)
        capacity = plan.header.settings.get("resources", {}).get(chain.step) if plan is not None else None
        if capacity is not None and sum(held.values()) > int(capacity):
            message = f"{sum(held.values())} units of {chain.step} are held, and there are {capacity}"
            yield Finding("E_RESOURCE", path, message, "holders", str(capacity), str(sum(held.values())))
        yield from _check_holders(evidence, path, chain.step, body)


def _check_holders(evidence: Evidence, path: str, resource: str, body: Acquired) -> Iterator[Finding]:
    for holder, amount in body.holders.items():
        chain, _, number = holder.rpartition("#")
        found = evidence.chains.get(chain)
        if not evidence.covers(chain.partition("/")[0]) or (found is not None and not found.is_whole):
            continue
        claims = [
            signed.record.body
            for _, signed in (found.sound() if found is not None else ())
            if isinstance(signed.record.body, Claimed)
            and signed.record.attempt is not None
            and str(signed.record.attempt.number) == number
        ]
        if not any(claim.resources.get(resource) == amount for claim in claims):
            message = f"{holder} holds {amount} of {resource} without a claim that says so"
            claimed = str(claims[0].resources.get(resource, 0)) if claims else "no such claim"
            yield Finding("E_RESOURCE", path, message, f"holders.{holder}", claimed, str(amount))


def _check_claim(evidence: Evidence, path: str, signed: Signed, taken: set[tuple[str, str]]) -> Iterator[Finding]:
    body, step = signed.record.body, evidence.step_of(signed)
    if not isinstance(body, Claimed):
        return
    if step is not None and dict(body.resources) != step.resources:
        message = "the claim takes other resources than its step has"
        yield Finding("E_RESOURCE", path, message, "resources", _units(step.resources), _units(body.resources))
    holder = f"{signed.record.chain}#{signed.record.attempt.number if signed.record.attempt else 0}"
    for resource in body.resources:
        if evidence.is_whole(names.resource_chain(resource)) and (resource, holder) not in taken:
            message = f"the claim says it holds {resource}, which it never took"
            yield Finding("E_RESOURCE", path, message, "resources", f"{resource} acquired by {holder}", "no such record")


def _units(holders: Mapping[str, int]) -> str:
    """Return who or what has how many units, as one line."""
    return ", ".join(f"{name}: {amount}" for name, amount in holders.items()) or "none"
