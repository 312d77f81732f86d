"""Plans: the compiled plan that lies beside an opening or a migration is the one that was signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from planloom.core import names
from planloom.core.errors import Difference, PlanloomError
from planloom.records import merkle
from planloom.records.compiled import HEADER_NAME, STEPS_NAME, CompiledPlan, decode_steps
from planloom.trust.audit.evidence import BoundPlan
from planloom.trust.audit.findings import Finding, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.signed import Signed
    from planloom.trust.audit.history import Chain, History

_BINDING = frozenset({"opened", "migrated"})


def read_plans(history: History, chains: Mapping[str, Chain]) -> tuple[dict[str, dict[str, BoundPlan]], list[Finding]]:
    """Return the plans of every work item (item → digest → plan, in the order of binding), and what is wrong with the copies."""
    attached = _attachments(history)
    plans: dict[str, dict[str, BoundPlan]] = {}
    findings: list[Finding] = []
    parsed: dict[tuple[str, str], BoundPlan] = {}
    accounted: set[str] = set()
    for chain in chains.values():
        if chain.step != names.ITEM_CHAIN:
            continue
        bound = plans.setdefault(chain.item, {})
        for slot in chain.slots:
            files = attached.get((chain.name, slot.index), {})
            accounted.update(path for path, _ in files.values())
            if slot.signed is not None and slot.signed.record.event in _BINDING:
                problems = list(_check_copy(slot.path, slot.signed, files))
                findings += problems
                if all(problem.code == "E_FOREIGN" for problem in problems):
                    plan = _parse(slot.path, slot.signed, files, parsed, findings)
                    if plan is not None:
                        bound[slot.signed.record.plan.digest] = plan
    for files in attached.values():
        for path, _ in files.values():
            if path not in accounted:
                findings.append(stranger(path, "this file belongs to no record"))
    return plans, findings


def _attachments(history: History) -> dict[tuple[str, int], dict[str, tuple[str, bytes]]]:
    """Return files that lie beside records: (chain, number) → name → (path, bytes)."""
    found: dict[tuple[str, int], dict[str, tuple[str, bytes]]] = {}
    for path, place in history.places.items():
        if place.attachment:
            found.setdefault((place.chain, place.index), {})[place.attachment] = (path, history.files[path])
    return found


def _check_copy(path: str, signed: Signed, files: Mapping[str, tuple[str, bytes]]) -> Iterator[Finding]:
    stated = {subject.name: subject.digest for subject in signed.record.subjects}
    folder = path.removesuffix(".json")
    for name in sorted(stated):
        if name not in files:
            message = "the copy of the plan that the record names is gone"
            yield Finding("E_PLAN", f"{folder}/{name}", message, "subject", stated[name], "no file")
    for name, (where, content) in files.items():
        found = hashlib.sha256(content).hexdigest()
        if name not in stated:
            yield stranger(where, "the record beside it does not name this file")
        elif found != stated[name]:
            yield Finding("E_PLAN", where, "this copy of the plan is not the one that was signed", "subject", stated[name], found)
    for name in (HEADER_NAME, STEPS_NAME):
        if name not in stated:
            message = f"the record does not say which {name} it means"
            yield Finding("E_PLAN", path, message, "subject", name, ", ".join(sorted(map(ascii, stated))))


def _parse(
    path: str,
    signed: Signed,
    files: Mapping[str, tuple[str, bytes]],
    parsed: dict[tuple[str, str], BoundPlan],
    findings: list[Finding],
) -> BoundPlan | None:
    header_bytes, steps_bytes = files[HEADER_NAME][1], files[STEPS_NAME][1]
    key = (hashlib.sha256(header_bytes).hexdigest(), hashlib.sha256(steps_bytes).hexdigest())
    plan = parsed.get(key)
    if plan is None:
        try:
            plan = parsed[key] = parse_plan(header_bytes, steps_bytes)
        except PlanloomError as error:
            findings.append(unreadable(error, files[HEADER_NAME][0]))
            return None
    stated = signed.record.plan
    actual, named = (plan.header.id, plan.header.version, plan.header.digest), (stated.name, stated.version, stated.digest)
    if actual != named:
        message = "the record names another plan than the copy beside it"
        findings.append(Finding("E_PLAN", path, message, "plan", " ".join(actual), " ".join(named)))
        return None
    return plan


def unreadable(error: PlanloomError, path: str) -> Finding:
    """Return the finding about a compiled plan that can't be read, or whose parts do not fit together."""
    told = error.difference if error.difference.field else Difference("the file", "a compiled plan", error.message)
    return Finding("E_PLAN", path, error.message, *told)


def parse_plan(header_bytes: bytes, steps_bytes: bytes) -> BoundPlan:
    """Return a compiled plan. Raises: PlanloomError when it can't be read or its parts do not fit together."""
    header = CompiledPlan.from_bytes(header_bytes)
    steps = decode_steps(steps_bytes)
    if list(steps) != sorted(steps) or len(steps) != steps_bytes.count(b"\n") or sorted(header.order) != list(steps):
        message = "the steps of the compiled plan are not those of its header"
        raise PlanloomError(message)
    root = merkle.tree_hash(bytes.fromhex(step.digest) for step in steps.values()).hex()
    if root != header.steps_root:
        message = "the steps of the compiled plan do not have the root that its header states"
        raise PlanloomError(message, difference=Difference("stepsRoot", header.steps_root, root))
    return BoundPlan(header, steps)
