"""Exporting: the portfolio of all work items, and a signed checkpoint over all records.

Both depend on nothing but the records: exporting again without new records changes no byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planloom.core import canonical, names
from planloom.core.plainfile import read_plain
from planloom.ledger import disk
from planloom.ledger.layout import record_path
from planloom.ledger.ledger import NOTHING, Lost
from planloom.runtime.delegating import write_atomically
from planloom.runtime.reading import read_view
from planloom.state.portfolio import portfolio_document, portfolio_item
from planloom.state.schedule import build_schedule
from planloom.trust.checkpoint import build_checkpoint, check_leaves, is_record_path, parse_leaves
from planloom.trust.policy import refuse_revoked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from planloom.ledger.ledger import Append, Chain, Head, Ledger, Outcome
    from planloom.runtime.session import Session


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the portfolio, and how many records the checkpoint covers."""

    portfolio: dict[str, Any]
    records: int
    folder: Path


def build_portfolio(session: Session, paths: Collection[str]) -> dict[str, Any]:
    """Return every work item with its steps, in plan order, as the records at `paths` have them and no others."""
    still = session._replace(ledger=_AsOf(session.ledger, paths))
    return portfolio_document(_describe(still, item) for item in still.ledger.items())


def _describe(session: Session, item: str) -> dict[str, Any]:
    loaded = read_view(session, item)
    # As of its newest record and not of now: exporting again without new records changes no byte.
    records = [*loaded.item_records, *(one for gate in loaded.view.gates.values() for one in gate)]
    ends = [state.last for state in loaded.view.states.values() if state.last is not None]
    view = loaded.view._replace(now=max(one.record.at for one in [*records, *ends]), changed={})
    rows = build_schedule(view).rows
    waits = {row.step.key: [blocker.text for blocker in row.blockers] for row in rows if row.word == "waits"}
    return portfolio_item(view.item, [row.step for row in rows], view.states, waits)


class _AsOf:
    """A ledger as far as some records go: whatever was appended since they were listed is not seen."""

    def __init__(self, ledger: Ledger, paths: Collection[str]) -> None:
        self._ledger = ledger
        self._paths = paths

    def describe(self) -> str:
        """Return where this is, for people."""
        return self._ledger.describe()

    def items(self) -> tuple[str, ...]:
        """Return the work items whose opening is among the records."""
        return tuple(i for i in self._ledger.items() if self._has("work-items", names.item_chain(i), 1))

    def read(self, wanted: Sequence[str]) -> dict[str, Chain]:
        """Return chains up to the last entry that is among the records."""
        return {name: self._cut(chain) for name, chain in self._ledger.read(wanted).items()}

    def append(self, entries: Mapping[str, Append], unmoved: Mapping[str, Head] = NOTHING) -> Outcome:
        """Refuse: nothing can be appended to what was."""
        del unmoved
        return Lost(tuple(entries))

    def attachment(self, chain: str, index: int, name: str) -> bytes:
        """Return one file that belongs to an entry."""
        return self._ledger.attachment(chain, index, name)

    def _cut(self, chain: Chain) -> Chain:
        kept = 0
        for entry in chain.entries:
            if not self._has(entry.folder, chain.name, kept + 1):
                break
            kept += 1
        return chain if kept == len(chain.entries) else chain._replace(entries=chain.entries[:kept])

    def _has(self, folder: str, chain: str, index: int) -> bool:
        return f"artifacts/{record_path(folder, chain, index)}" in self._paths


def read_records(artifacts: Path) -> dict[str, bytes]:
    """Return every record file below `artifacts/`, by its path relative to the project. Raises: StoreError when one can't be read."""
    found = {}
    for path in sorted(artifacts.glob("*/*/*/*.json")):
        name = f"artifacts/{path.relative_to(artifacts).as_posix()}"
        if is_record_path(name):
            try:
                found[name] = read_plain(path)
            except OSError as error:
                raise disk.refusal(error, path) from error
    return found


def export(session: Session, origin: str, *, with_revoked: bool = False) -> Exported:
    """Write `artifacts/exports/`: portfolio.json, checkpoint, leaves.txt.

    `with_revoked` lists records of revoked keys too, which no checkpoint covers yet. They count no more for it: only the root may say so,
    by a revocation at a later size, and it can be sure which records that means only once they have their places.

    One exporter at a time: else the files of two could end up beside each other. Raises: TrustError when a record that an earlier
    checkpoint covers is gone or changed (nothing is signed then), or without a key.
    """
    lock = session.artifacts / ".ledger" / "export.lock"
    try:
        disk.make_folders(lock.parent)
        with disk.locked(lock, exclusive=True):
            return _export(session, origin, with_revoked=with_revoked)
    except OSError as error:
        raise disk.refusal(error, session.artifacts) from error


def _export(session: Session, origin: str, *, with_revoked: bool) -> Exported:
    folder = session.artifacts / "exports"
    leaves_path = folder / "leaves.txt"
    previous = read_plain(leaves_path) if leaves_path.exists() else b""
    records = read_records(session.artifacts)
    # The same records for both, although others may be at work: a verifier compares them.
    signer = session.find_key("ci")
    trusted = session.policy.find(signer.key_id)
    if trusted is not None:
        # Its checkpoint would hold for nobody, and nothing that an earlier one protects would count any more.
        refuse_revoked(trusted)
    checkpoint, leaves = build_checkpoint(records, previous, origin, signer)
    judged = _as_if_listed(session, leaves) if with_revoked else session
    portfolio = build_portfolio(judged, records.keys())
    write_atomically(folder / "portfolio.json", canonical.encode(portfolio) + b"\n")
    # The leaves first: a checkpoint whose leaves are missing could not be checked.
    write_atomically(leaves_path, leaves)
    write_atomically(folder / "checkpoint", checkpoint)
    return Exported(portfolio, len(records), folder)


def _as_if_listed(session: Session, leaves: bytes) -> Session:
    """Return a session for which revoked keys count as far as a list of leaves goes: so the portfolio reads once the root has said so."""
    places = {leaf.hash: index for index, leaf in enumerate(parse_leaves(leaves))}
    keys = tuple(
        key if key.revoked is None else key._replace(revoked=key.revoked._replace(at_size=len(places)))
        for key in session.policy.keys
    )
    return session._replace(policy=session.policy._replace(keys=keys, sealed=places), opened={})


def check_kept(session: Session) -> None:
    """See that nothing which the last checkpoint covers is gone or changed, before anything is built on it.

    Raises: TrustError (`E_TRUNCATED`, `E_FORK`).
    """
    leaves = session.artifacts / "exports" / "leaves.txt"
    if leaves.exists():
        check_leaves(read_records(session.artifacts), read_plain(leaves))


def find_origin(session: Session) -> str:
    """Return the name of this project's checkpoint: `<host>/<owner>/<repository>/planloom` when known, else `local/planloom`.

    Once a checkpoint is there, its name stays. Source: C2SP tlog-checkpoint, "origin".
    """
    existing = session.artifacts / "exports" / "checkpoint"
    if existing.exists():
        first = read_plain(existing).split(b"\n", 1)[0].decode("utf-8", errors="replace")
        if first:
            return first
    repository = session.environment.get("GITHUB_REPOSITORY")
    if repository:
        host = (session.environment.get("GITHUB_SERVER_URL") or "https://github.com").partition("://")[2]
        return f"{host}/{repository}/planloom"
    return "local/planloom"
