"""The portfolio against the records: programs read it instead of them, so it must not say anything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planloom.core import canonical, names
from planloom.core.errors import PlanloomError, TrustError
from planloom.state.item import fold_item
from planloom.state.machine import StepState, fold, initial
from planloom.state.portfolio import PORTFOLIO_SCHEMA, WAITS, portfolio_document, portfolio_item
from planloom.trust.audit.findings import Finding
from planloom.trust.checkpoint import PORTFOLIO_PATH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from planloom.records.signed import Signed
    from planloom.state.item import ItemState
    from planloom.trust.audit.evidence import Evidence
    from planloom.trust.audit.history import Chain, History


def check_portfolio(
    history: History, evidence: Evidence, items: Mapping[str, ItemState], listed: Collection[str], spoiled: Collection[str]
) -> Iterator[Finding]:
    """Yield where the portfolio says something else than the records that the checkpoint lists, beside which it was written.

    Shape: `items` are the work items as they are now, `listed` the paths in the checkpoint; the work items in `spoiled` are left
    out: what is broken among their records is told there, and everything derived from them would be told again.
    """
    content = history.files.get(PORTFOLIO_PATH)
    if content is None:
        return
    try:
        told = _read(content)
    except PlanloomError as error:
        yield Finding(
            "E_PORTFOLIO", PORTFOLIO_PATH, error.message, "the file", "a portfolio as planloom writes it", error.message
        )
        return
    chains = {item: _chains_listed(evidence, item, listed) for item in evidence.items()}
    known = {item for item, found in chains.items() if names.item_chain(item) in found}
    for item in sorted(told.keys() | known):
        if not evidence.covers(item) or item in spoiled:
            continue
        if item not in told:
            yield Finding("E_PORTFOLIO", PORTFOLIO_PATH, f"work item {item} is missing", "workItems", item, "no such entry")
        elif item not in known:
            yield Finding(
                "E_PORTFOLIO", PORTFOLIO_PATH, f"the checkpoint has no work item {item}", "workItems", "no such entry", item
            )
        else:
            expected = _expected(evidence, item, items.get(item), chains[item])
            if expected is not None:
                yield from _compare(item, expected, told[item])


def _read(content: bytes) -> dict[str, dict[str, Any]]:
    """Return the work items by id. Raises: PlanloomError when the file is not a portfolio, or not written as planloom writes it."""
    value: Any = canonical.decode(content.removesuffix(b"\n"))
    try:
        found = {str(one["workItemId"]): one for one in value["workItems"]}
        whole = content.endswith(b"\n") and value == portfolio_document(found.values()) and list(found) == sorted(found)
    except (KeyError, TypeError) as error:
        message = f"this is no portfolio ({PORTFOLIO_SCHEMA})"
        raise PlanloomError(message) from error
    if not whole:
        message = "it is not written as planloom writes a portfolio"
        raise PlanloomError(message)
    return found


def _chains_listed(evidence: Evidence, item: str, listed: Collection[str]) -> dict[str, tuple[Signed, ...]]:
    """Return the chains of a work item as far as the checkpoint covers them."""
    found = {chain.name: _as_listed(chain, listed) for chain in evidence.of_item(item)}
    return {name: records for name, records in found.items() if records}


def _as_listed(chain: Chain, listed: Collection[str]) -> tuple[Signed, ...]:
    return tuple(signed for path, signed in chain.sound() if path in listed)


def _expected(
    evidence: Evidence, item: str, now: ItemState | None, chains: Mapping[str, tuple[Signed, ...]]
) -> dict[str, Any] | None:
    """Return the work item's entry, None where its records do not lead to a state (which is told where they lie)."""
    try:
        state = fold_item(item, chains[names.item_chain(item)])
    except TrustError:
        return None
    plan = evidence.plans.get(item, {}).get(state.plan.digest)
    if plan is None:
        return None
    is_newest = now is not None and now.bound == state.bound
    steps = [plan.steps[key] for key in plan.header.order]
    states: dict[str, StepState] = {}
    for step in steps:
        name = names.step_chain(item, step.key)
        records = chains.get(name, ())
        if not records:
            states[step.key] = initial(step.attempts, step.digest)
        elif is_newest and name in evidence.states and len(records) == len(evidence.chains[name].slots):
            states[step.key] = evidence.states[name]
        else:
            try:
                states[step.key] = fold(records, step.attempts, step.digest)
            except TrustError:
                return None
    return portfolio_item(state, steps, states, {})


def _compare(item: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[Finding]:
    for where, wanted, said in _differences("", expected, found):
        message = f"it does not say what the records say of {item}"
        yield Finding("E_PORTFOLIO", PORTFOLIO_PATH, message, where, _shown(wanted), _shown(said))
        return  # The first is enough: the file is derived, and written anew as a whole.


def _differences(where: str, expected: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key == WAITS and _is_texts(found.get(key)):
                continue
            yield from _differences(f"{where}.{key}" if where else key, expected.get(key), found.get(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (wanted, said) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(f"{where}[{number}]", wanted, said)
    elif type(expected) is not type(found) or expected != found:
        yield where, expected, found


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "nothing" if value is None else json.dumps(value, sort_keys=True)
