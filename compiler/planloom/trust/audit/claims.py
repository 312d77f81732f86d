"""Claims: each builds on exactly the handoffs that counted then, and has the approvals that its gate asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core import names
from planloom.records.bodies import Claimed, Decided, Invalidated
from planloom.trust.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.records.compiled import CompiledStep
    from planloom.records.references import Dependency
    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.policy import Policy


def check_claims(evidence: Evidence) -> Iterator[Finding]:
    """Yield claims that could not be made when they were made."""
    for item in evidence.items():
        for chain in evidence.step_chains(item):
            for path, signed in chain.sound():
                body, step = signed.record.body, evidence.step_of(signed)
                if isinstance(body, Claimed) and step is not None:
                    yield from _check_needs(evidence, path, signed, body, step)
                    yield from _check_gate(evidence, path, signed, body, step)


def own_approvals(evidence: Evidence) -> Iterator[str]:
    """Yield where somebody approved work that the same key had claimed: allowed when the policy says so, and worth knowing."""
    for item in evidence.items():
        for chain in evidence.step_chains(item):
            for _, signed in chain.sound():
                body = signed.record.body
                counted = body.approvals if isinstance(body, Claimed) else ()
                if any(d in evidence.by_digest and evidence.by_digest[d].key_id == signed.key_id for d in counted):
                    trusted = evidence.policy.find(signed.key_id)
                    who = trusted.name if trusted is not None else signed.key_id[:8]
                    yield f"step {chain.step} of {item} was approved by {who}, who claimed it, too: the policy allows that"


def _check_needs(evidence: Evidence, path: str, signed: Signed, body: Claimed, step: CompiledStep) -> Iterator[Finding]:
    named = [dependency.step for dependency in body.depends_on]
    if sorted(named) != sorted(step.predecessors):
        message = "the claim does not build on exactly the steps that come before it in the plan"
        yield Finding(
            "E_DEPENDENCY", path, message, "dependsOn", ", ".join(step.predecessors) or "none", ", ".join(named) or "none"
        )
    for dependency in body.depends_on:
        finding = _wrong_dependency(evidence, path, signed, dependency)
        if finding is not None:
            yield finding


def _wrong_dependency(evidence: Evidence, path: str, signed: Signed, dependency: Dependency) -> Finding | None:
    chain = names.step_chain(signed.record.work_item, dependency.step)
    handoff = evidence.by_digest.get(dependency.digest)
    if handoff is None:
        if not evidence.is_whole(chain):
            return None  # What is broken there is reported there, with this claim as a consequence.
        message = f"it builds on a handoff of {dependency.step} that does not exist"
        return Finding("E_DEPENDENCY", path, message, "dependsOn", f"a completion in {chain}", dependency.digest)
    if handoff.record.chain != chain or handoff.record.event != "completed":
        message = f"what it builds on is no completion of {dependency.step} in this work item"
        return Finding(
            "E_DEPENDENCY", path, message, "dependsOn", f"{chain} completed", f"{handoff.record.chain} {handoff.record.event}"
        )
    cause = _taken_back(evidence, handoff)
    if cause and _knew(evidence, signed, cause):
        message = f"it builds on a handoff of {dependency.step} that no longer counted"
        return Finding("E_DEPENDENCY", path, message, "dependsOn", f"a completion in {chain} that counted", dependency.digest)
    return None


def _taken_back(evidence: Evidence, handoff: Signed) -> str:
    """Return the nonce of the record that made a handoff count no longer, "" while it counts."""
    for _, later in evidence.chains[handoff.record.chain].sound():
        if later.record.index <= handoff.record.index:
            continue
        if isinstance(later.record.body, Invalidated):
            return later.record.body.cause
        if later.record.event in {"reverted", "retried"}:
            return later.record.nonce
    return ""


def _knew(evidence: Evidence, claim: Signed, cause: str) -> bool:
    """Whether the claim's own chain had been told of the invalidation before: every step downstream is, in the same append."""
    for _, earlier in evidence.chains[claim.record.chain].sound():
        if earlier.record.index >= claim.record.index:
            return False
        if isinstance(earlier.record.body, Invalidated) and earlier.record.body.cause == cause:
            return True
    return False


def _check_gate(evidence: Evidence, path: str, signed: Signed, body: Claimed, step: CompiledStep) -> Iterator[Finding]:
    """Yield what is wrong with a claim's approvals by the current policy, unless one that counted then finds nothing."""
    if step.gate is None:
        return
    told: list[Finding] = []
    for policy in evidence.judges_of(signed):
        found = list(_check_approvals(evidence, policy, path, signed, body, step.gate))
        if not found:
            return
        told = told or found
    yield from told


def _check_approvals(
    evidence: Evidence, policy: Policy, path: str, signed: Signed, body: Claimed, wanted_gate: tuple[str, int]
) -> Iterator[Finding]:
    role, wanted = wanted_gate
    item, _, key = signed.record.chain.partition("/")
    gate = names.gate_chain(item, key)
    counted: set[str] = set()
    unknown = 0
    for digest in body.approvals:
        approval = evidence.by_digest.get(digest)
        if approval is None:
            unknown += 1
            if evidence.is_whole(gate):
                message = "it counts on an approval that does not exist"
                yield Finding("E_GATE", path, message, "approvals", f"an approval in {gate}", digest)
            continue
        why_not = _unfit(evidence, policy, approval, signed, body, gate, role)
        if why_not:
            message = f"it counts on an approval that does not count: {why_not}"
            yield Finding("E_GATE", path, message, "approvals", f"an approval in {gate} that counts", digest)
        else:
            counted.add(approval.key_id)
    needed = policy.approvals_needed(role, wanted)
    if len(counted) < needed and (evidence.is_whole(gate) or not unknown):
        message = f"claimed with {len(counted)} of the {needed} approvals by {role} that its gate asks for"
        yield Finding("E_GATE", path, message, "approvals", str(needed), str(len(counted)))


def _unfit(evidence: Evidence, policy: Policy, approval: Signed, claim: Signed, body: Claimed, gate: str, role: str) -> str:
    """Return why an approval does not count for a claim, "" when it does."""
    record, decided = approval.record, approval.record.body
    if record.chain != gate or record.event != "approved" or not isinstance(decided, Decided):
        return "it is no approval of this gate"
    if record.plan.digest != claim.record.plan.digest or record.step is None or record.step != claim.record.step:
        return "it is for another version of the step"
    if frozenset(decided.inputs) != frozenset(body.depends_on):
        return "it was given for other inputs"
    if decided.expires and claim.record.at >= decided.expires:
        return f"it expired at {decided.expires}"
    if not policy.has_role(approval.key_id, role):
        return f"its key has no role {role}"
    if _is_spent(evidence, approval, claim):
        return "the work that it was given for was taken back before"
    if approval.key_id == claim.key_id and not policy.allow_self_approval:
        return "its key is the claimant's own"
    return ""


def _is_spent(evidence: Evidence, approval: Signed, claim: Signed) -> bool:
    """Return whether an earlier claim rested on this approval, was completed, and its work was taken back before this claim."""
    rests = done = False
    for _, earlier in evidence.chains[claim.record.chain].sound():
        record = earlier.record
        if record.index >= claim.record.index:
            return False
        if isinstance(record.body, Claimed):
            rests, done = approval.digest in record.body.approvals, False
        elif record.event == "completed":
            done = rests
        elif record.event in {"reverted", "invalidated", "retried"} and done:
            return True
    return False
