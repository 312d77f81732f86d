"""Taking work back: every invalidation has its cause, and every cause reached everything that was built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core import names
from planloom.records.bodies import Decided, Invalidated, Migrated, Retried, Reverted
from planloom.trust.audit.findings import Finding
from planloom.trust.policy import KEY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.history import Chain


def check_reworks(evidence: Evidence) -> Iterator[Finding]:
    """Yield invalidations without a cause that could make them, and causes that did not reach every step downstream."""
    for item in evidence.items():
        if not evidence.is_item_whole(item):
            continue  # A cause that can't be found may be the record that is broken.
        told: dict[str, set[str]] = {}
        for chain in evidence.step_chains(item):
            for path, signed in chain.sound():
                if isinstance(signed.record.body, Invalidated):
                    told.setdefault(signed.record.body.cause, set()).add(chain.step)
                    yield from _check_cause(evidence, path, signed, signed.record.body)
        yield from _check_reach(evidence, item, told)
        yield from _check_migrations(evidence, item, told)


def _check_cause(evidence: Evidence, path: str, signed: Signed, body: Invalidated) -> Iterator[Finding]:
    cause = evidence.by_nonce.get(body.cause)
    if cause is None or cause.record.work_item != signed.record.work_item:
        message = "what it says invalidated the step is no record of this work item"
        yield Finding("E_STATE", path, message, "cause", f"the nonce of a record of {signed.record.work_item}", body.cause)
    elif not isinstance(cause.record.body, Reverted | Migrated | Retried) and cause.record.event != "rejected":
        message = f"'{cause.record.event}' does not invalidate anything"
        yield Finding("E_STATE", path, message, "cause", "reverted, migrated, retried or rejected", cause.record.event)
    elif cause.key_id != signed.key_id:
        message = "it is signed by another key than the decision that it carries out"
        yield Finding("E_ROLE", path, message, KEY_ID, cause.key_id, signed.key_id)


def _check_reach(evidence: Evidence, item: str, told: Mapping[str, set[str]]) -> Iterator[Finding]:
    for chain in evidence.of_item(item):
        for path, signed in chain.sound():
            start = _start(signed, chain)
            plan = evidence.plans.get(item, {}).get(signed.record.plan.digest)
            if not start or plan is None or start not in plan.steps:
                continue
            reached = downstream(plan.steps, plan.header.order, start)
            wanted = (start, *reached) if signed.record.event == "rejected" else reached
            missed = [key for key in wanted if key not in told.get(signed.record.nonce, set())]
            if missed:
                message = f"it takes back {start}, but {missed[0]}, which builds on it, was not invalidated"
                found = ", ".join(k for k in wanted if k not in missed) or "none"
                yield Finding("E_STATE", path, message, "affected", ", ".join(wanted), found)


def _start(signed: Signed, chain: Chain) -> str:
    """Return the step from which on a record takes work back, "" when it takes none back."""
    body = signed.record.body
    if isinstance(body, Retried) and _was_done(signed, chain):
        return signed.record.step.key if signed.record.step is not None else ""
    if isinstance(body, Reverted):
        return signed.record.step.key if signed.record.step is not None else ""
    if isinstance(body, Decided) and signed.record.event == "rejected":
        return body.reentry_step
    return ""


def _was_done(signed: Signed, chain: Chain) -> bool:
    """Return whether a step was done when a record was appended to its chain; late results in between change nothing."""
    before = [s.record.event for _, s in chain.sound() if s.record.index < signed.record.index and s.record.event != "refused"]
    return before[-1:] == ["completed"]


def downstream(steps: Mapping[str, CompiledStep], order: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Return every step that comes to build on `key`, directly or not, in plan order; not `key` itself."""
    reached = {key}
    found = []
    for candidate in order:
        if candidate not in reached and any(before in reached for before in steps[candidate].predecessors):
            reached.add(candidate)
            found.append(candidate)
    return tuple(found)


def _check_migrations(evidence: Evidence, item: str, told: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Yield migrations that keep work which the new plan does not mean any more, or did not tell the steps that start again."""
    chain = evidence.chains.get(names.item_chain(item))
    plans = evidence.plans.get(item, {})
    for path, signed in chain.sound() if chain is not None else ():
        body = signed.record.body
        if not isinstance(body, Migrated):
            continue
        before, after = plans.get(body.from_digest), plans.get(signed.record.plan.digest)
        if before is None or after is None:
            continue
        for key, fate in body.mapping.items():
            old, new = before.steps.get(key), after.steps.get(key)
            if fate == "kept" and (old is None or new is None or old.digest != new.digest):
                message = f"it keeps the work of {key}, which is another step by now"
                wanted = "new" if old is None else "removed" if new is None else "invalidated"
                yield Finding("E_STATE", path, message, f"mapping.{key}", wanted, fate)
            elif fate in {"invalidated", "removed"} and key not in told.get(signed.record.nonce, set()):
                message = f"it starts {key} again, but {key} was not told"
                yield Finding(
                    "E_STATE", path, message, f"mapping.{key}", f"{fate}, with an invalidation of {key}", "no such record"
                )
        if sorted(body.mapping) != sorted({*before.steps, *after.steps}):
            steps, said = sorted({*before.steps, *after.steps}), sorted(body.mapping)
            yield Finding("E_STATE", path, "it does not say what becomes of every step", "mapping", _listed(steps), _listed(said))


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(map(ascii, keys)).replace("'", "") or "none"
