"""Records: chains that can't be read, claims whose holder is gone, and work items that the collector did not get to the end of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom import api
from planloom.care.findings import FIX, Finding, from_error
from planloom.care.keycare import read_policy
from planloom.core import names
from planloom.core.errors import PlanloomError, TrustError
from planloom.ledger.closing import closes_item
from planloom.ledger.files import FileLedger
from planloom.ledger.git import GitLedger
from planloom.ledger.layout import record_path
from planloom.ledger.ledger import FOLDERS
from planloom.ledger.open import open_ledger
from planloom.runtime.abandoning import find_evidence
from planloom.runtime.platform import find_platform
from planloom.runtime.reading import open_chain, read_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planloom.care.findings import Ground
    from planloom.ledger.ledger import Chain, Ledger
    from planloom.records.signed import Signed
    from planloom.runtime.session import Session

_VERIFY: Final = "planloom verify"

EVIDENCE: Final = {
    "process-gone": "its process is gone",
    "run-over": "its workflow run is over",
    "newer-run-attempt": "a newer attempt of its workflow run exists",
    "lease-over": "the time that its worker had is over",
}


def find_record_faults(ground: Ground) -> Iterator[Finding]:
    """Yield chains with gaps, strangers or records that can't be trusted, and claims whose holder is gone."""
    try:
        ledger = open_ledger(ground.ledger, ground.root, ground.environment, ground.settings)
        owners = find_owners(ledger)
    except PlanloomError as error:
        yield from_error("ledger", "the ledger", error)
        return
    chains: dict[str, dict[str, Chain]] = {}
    for owner, found in _read(ledger, owners):
        if isinstance(found, PlanloomError):
            yield from_error("records", f"artifacts/*/{owner}", found)
        else:
            chains[owner] = found
    if not chains or read_policy(ground) is None:
        return
    try:
        session = api.open_session(ground.root, ledger=ground.ledger)
    except PlanloomError as error:
        yield from_error("ledger", "the ledger", error)
        return
    for owner, found in chains.items():
        yield from _check_owner(session, owner, found)
    if isinstance(ledger, GitLedger):
        yield from _find_uncollected(session, ledger, chains)
        yield from _find_unpruned(ledger)


def find_owners(ledger: Ledger) -> tuple[str, ...]:
    """Return every work item that has any record, and `_resource`; in files also those whose own chain is damaged."""
    found = {names.RESOURCE_CHAINS}
    if isinstance(ledger, FileLedger):
        for folder in FOLDERS:
            for path in (ledger.artifacts / folder).glob("*/"):
                if names.is_work_item_id(path.name):
                    found.add(path.name)
    else:
        found.update(ledger.items())
    return tuple(sorted(found))


def _read(ledger: Ledger, owners: Sequence[str]) -> Iterator[tuple[str, dict[str, Chain] | PlanloomError]]:
    """Yield each owner with its chains, or with the reason why they can't be read."""
    try:
        everything = ledger.read([f"{owner}/" for owner in owners])
    except PlanloomError as error:
        if len(owners) == 1:
            yield owners[0], error
            return
        for owner in owners:
            yield from _read(ledger, [owner])
        return
    for owner in owners:
        yield owner, {name: chain for name, chain in everything.items() if name.startswith(f"{owner}/")}


def _check_owner(session: Session, owner: str, chains: Mapping[str, Chain]) -> Iterator[Finding]:
    opened: dict[str, tuple[Signed, ...]] = {}
    for name, chain in chains.items():
        try:
            opened[name] = open_chain(session, chain)
        except TrustError as error:
            yield from_error("records", name, error, error.hint if error.code == "E_KEY_REVOKED" else _VERIFY)
    is_whole = len(opened) == len(chains)
    claimed = any(records and records[-1].record.event == "claimed" for records in opened.values())
    own = names.item_chain(owner)
    if owner != names.RESOURCE_CHAINS and own not in chains:
        what = "records of a work item that was never opened"
        yield Finding("records", f"artifacts/*/{owner}", what, _VERIFY)
    elif is_whole and claimed:
        yield from _find_dead_claims(session, owner)


def _find_dead_claims(session: Session, item: str) -> Iterator[Finding]:
    runs = find_platform(session.environment)
    try:
        view = read_view(session, item).view
        if not view.item.is_open:
            return
        for key, state in view.states.items():
            evidence = find_evidence(session, state, runs)
            if evidence:
                what = f"step {key} is claimed (attempt {state.attempt}), and {EVIDENCE.get(evidence, evidence)}"
                yield Finding("claim", names.step_chain(item, key), what, _carry_on(session, item))
    except PlanloomError as error:
        yield from_error("records", item, error)


def _find_uncollected(session: Session, ledger: GitLedger, chains: Mapping[str, dict[str, Chain]]) -> Iterator[Finding]:
    """Yield work items that are over, but whose records lie only in refs: the collector did not get to them, or not to its end."""
    try:
        copied = ledger.branch_files()
    except PlanloomError as error:
        yield from_error("ledger", ledger.describe(), error)
        return
    for owner, found in chains.items():
        own = found.get(names.item_chain(owner))
        if own is None or not closes_item(own.entries[-1].content):
            continue
        places = [record_path(e.folder, name, i) for name, chain in found.items() for i, e in enumerate(chain.entries, start=1)]
        missing = sum(place not in copied for place in places)
        if missing:
            what = f"{owner} is closed, but {missing} of its {len(places)} records are not on the ledger branch yet"
            yield Finding("uncollected", owner, what, _collect(session, owner))


def _find_unpruned(ledger: GitLedger) -> Iterator[Finding]:
    """Yield work items that are over and copied to the ledger branch, but whose refs are still there: each push is told all of them."""
    try:
        items = ledger.prunable()
    except PlanloomError as error:
        yield from_error("ledger", ledger.describe(), error)
        return
    for item in items:
        what = f"{item} is closed and on the ledger branch, but its refs are still there"
        yield Finding("left-over", f"refs/planloom/{item}/*", what, FIX, _Prune(ledger, item))


class _Prune:
    """Removes the refs of a closed work item whose records are on the ledger branch."""

    def __init__(self, ledger: GitLedger, item: str) -> None:
        self._ledger, self._item = ledger, item

    def __call__(self) -> None:
        self._ledger.prune(self._item)


def _collect(session: Session, item: str) -> str:
    collect = f"planloom collect --work-item {item} && planloom export && planloom collect --push --work-item {item}"
    try:
        prefix = read_view(session, item, ()).view.header.settings.get("prefix", "")
    except PlanloomError:
        return collect
    return f"gh workflow run {prefix}collector.yml -f work-item={item}  # or here: {collect}"


def _carry_on(session: Session, item: str) -> str:
    return f"planloom run {item}" if api.keeps_files(session) else f"planloom delegate --structured-work-item {item}"
