"""Reading a work item from the ledger: records verified one by one, folded into what decisions look at."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from planloom.core import names
from planloom.core.errors import InputError, TrustError
from planloom.records.compiled import HEADER_NAME, STEPS_NAME, CompiledPlan, decode_steps, find_step
from planloom.records.record import genesis
from planloom.runtime.drifting import find_changed
from planloom.runtime.writing import empty_end, end_of
from planloom.state.item import GateRules, ItemView, fold_item, fold_resource
from planloom.state.machine import fold
from planloom.trust.opener import open_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from planloom.ledger.ledger import Chain
    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session
    from planloom.runtime.writing import End
    from planloom.state.item import ItemState
    from planloom.trust.policy import Policy


def open_chain(session: Session, chain: Chain) -> tuple[Signed, ...]:
    """Return a chain's records after checking signature, place and link of each. Raises: TrustError at the first that fails."""
    records: list[Signed] = []
    previous = genesis(chain.name)
    for index, entry in enumerate(chain.entries, start=1):
        key = hashlib.sha256(entry.content).digest()
        signed = session.opened.get(key)
        if signed is None:
            try:
                signed = open_record(entry.content, session.policy)
            except TrustError as error:
                message = f"{chain.name} #{index}: {error.message}"
                hint = "planloom verify   # reports all that is broken"
                if error.code == "E_KEY_REVOKED":
                    hint = "planloom explain E_KEY_REVOKED   # what to do when it is honest, and when it is not"
                raise TrustError(message, hint=hint, code=error.code) from error
            session.opened[key] = signed
        record = signed.record
        if (record.chain, record.index, record.previous) != (chain.name, index, previous):
            message = f"{chain.name} #{index}: the record does not belong in this place"
            raise TrustError(message, hint="planloom verify   # reports all that is broken", code="E_CHAIN_FOREIGN")
        previous = signed.digest
        records.append(signed)
    return tuple(records)


def read_item(session: Session, item: str) -> ItemState:
    """Return the state of a work item. Raises: InputError when there is none of this id."""
    if not names.is_work_item_id(item):
        message = f"'{item}' can't name a work item: lower-case letters, digits, '.' and '-' only, at most 63"
        raise InputError(message)
    chain = names.item_chain(item)
    found = session.ledger.read([chain])[chain]
    if not found.entries:
        raise _missing(session, item)
    return fold_item(item, open_chain(session, found))


def _missing(session: Session, item: str) -> InputError:
    import difflib

    known = session.ledger.items()
    near = difflib.get_close_matches(item, known, n=1)
    message = f"there is no work item '{item}' in {session.ledger.describe()}"
    if near:
        return InputError(message, hint=f"did you mean '{near[0]}'?")
    hint = "planloom run   # opens one" if not known else f"known: {', '.join(known[-5:])}"
    return InputError(message, hint=hint)


def read_compiled(session: Session, state: ItemState) -> tuple[CompiledPlan, bytes]:
    """Return the compiled plan that a work item is bound to: its header, and the bytes of its steps.

    Raises: TrustError (`E_PLAN`) when the copy is not the one that was signed.
    """
    known = session.compiled.get(state.bound.digest)
    if known is not None:
        return known
    chain, index = names.item_chain(state.id), state.bound.record.index
    stated = {subject.name: subject.digest for subject in state.bound.record.subjects}
    files = {name: session.ledger.attachment(chain, index, name) for name in (HEADER_NAME, STEPS_NAME)}
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != stated.get(name):
            message = f"{chain}: the kept {name} is not the one that was signed"
            raise TrustError(message, hint="planloom verify   # reports all that is broken", code="E_PLAN")
    header = CompiledPlan.from_bytes(files[HEADER_NAME])
    if header.digest != state.plan.digest:
        message = f"{chain}: the kept plan has another digest than the signed one"
        raise TrustError(message, hint="planloom verify   # reports all that is broken", code="E_PLAN")
    session.compiled[state.bound.digest] = header, files[STEPS_NAME]
    return header, files[STEPS_NAME]


class Loaded(NamedTuple):
    """A view, and the ends of the chains that it was read from, to append after; `lines` are the compiled plan's steps."""

    view: ItemView
    ends: Mapping[str, End]
    item_records: tuple[Signed, ...]
    lines: bytes

    def end(self, chain: str) -> End:
        """Return where a chain ends; one that does not exist yet ends at its beginning."""
        return self.ends.get(chain) or empty_end(chain)


def read_view(session: Session, item: str, keys: Iterable[str] | None = None) -> Loaded:
    """Return what decisions look at: every step, or only `keys` with their predecessors, gates and resources.

    Raises: InputError for an unknown work item or step; TrustError when a record can't be trusted.
    """
    state = read_item(session, item)
    header, content = read_compiled(session, state)
    steps = _all_steps(session, state, content) if keys is None else _some_steps(content, keys, header)
    found = session.ledger.read(_chains_to_read(item, steps, whole=keys is None))
    records = {name: open_chain(session, chain) for name, chain in found.items()}
    # The work item's own chain may have moved between the two reads; the second read decides.
    own = records[names.item_chain(item)]
    now_bound = fold_item(item, own)
    if now_bound.bound != state.bound:
        return read_view(session, item, keys)
    ends = {name: end_of(name, chain.head, records[name]) for name, chain in found.items()}
    states = {key: fold(records.get(names.step_chain(item, key), ()), step.attempts, step.digest) for key, step in steps.items()}
    gates = {key: records.get(names.gate_chain(item, key), ()) for key, step in steps.items() if step.gate}
    prefix = names.RESOURCE_CHAINS + "/"
    held = {name.removeprefix(prefix): fold_resource(r) for name, r in records.items() if name.startswith(prefix)}
    rules = gate_rules(session.policy, {step.gate[0] for step in steps.values() if step.gate})
    # Only a workflow run depends on the workflow files of the branch.
    changed = find_changed(session.workspace, now_bound.plan, steps) if session.identity.builder.run_id else {}
    view = ItemView(
        now_bound, header, steps, states, gates, held, rules, not_before(session.clock.now(), records.values()), changed
    )
    return Loaded(view, ends, own, content)


def not_before(now: str, chains: Iterable[Sequence[Signed]]) -> str:
    """Return the present moment, or that of the newest record when this machine's clock is behind it.

    A record that states a time before the one that it follows would be held against the whole history.
    """
    return max([now, *(records[-1].record.at for records in chains if records)])


def gate_rules(policy: Policy, roles: Iterable[str]) -> GateRules:
    """Return what a policy says about gates of these roles."""
    named = sorted(roles)
    holders = {role: frozenset(k.key.key_id for k in policy.holders(role)) for role in named}
    thresholds = {role: policy.approvals_needed(role, 1) for role in named}
    called = {k.key.key_id: k.name for k in policy.keys}
    return GateRules(holders, thresholds, policy.allow_self_approval, called)


def _all_steps(session: Session, state: ItemState, content: bytes) -> dict[str, CompiledStep]:
    known = session.steps.get(state.bound.digest)
    if known is None:
        known = session.steps[state.bound.digest] = decode_steps(content)
    return known


def _some_steps(content: bytes, keys: Iterable[str], header: CompiledPlan) -> dict[str, CompiledStep]:
    steps: dict[str, CompiledStep] = {}
    for key in keys:
        step = find_step(content, key)
        if step is None:
            raise unknown_step(key, header)
        steps[key] = step
        for before in step.predecessors:
            found = find_step(content, before)
            if found is not None:
                steps.setdefault(before, found)
    return steps


def unknown_step(key: str, header: CompiledPlan) -> InputError:
    """Return the refusal of a step that the plan does not have, with the nearest ones."""
    import difflib

    near = difflib.get_close_matches(key, header.order, n=1)
    expanded = [known for known in header.order if known.startswith(f"{key}-")]  # `foreach` makes these of one step
    hint = f"did you mean '{near[0]}'?" if near else f"its steps: {', '.join(header.order[:10])}"
    if expanded:
        hint = f"did you mean one of {', '.join(expanded[:10])}?"
    return InputError(f"plan {header.id} has no step '{key}'", hint=hint)


def _chains_to_read(item: str, steps: Mapping[str, CompiledStep], *, whole: bool) -> list[str]:
    resources = sorted({names.resource_chain(r) for step in steps.values() for r in step.resources})
    if whole:
        return [f"{item}/", *resources]
    chains = [names.item_chain(item), *(names.step_chain(item, key) for key in steps), *resources]
    chains.extend(names.gate_chain(item, key) for key, step in steps.items() if step.gate)
    return chains
