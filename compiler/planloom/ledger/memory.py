"""The ledger in memory: for tests, ours and users'. Everything is forgotten when the process ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from planloom.core.names import ITEM_CHAIN
from planloom.ledger import layout
from planloom.ledger.entries import check_append, no_attachment, token_of
from planloom.ledger.ledger import EMPTY, NOTHING, Chain, Entry, Head, Lost, Won

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.ledger.ledger import Append, Outcome


class MemoryLedger:
    """Chains in a dictionary; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chains: dict[str, tuple[Entry, ...]] = {}

    def describe(self) -> str:
        """Return `memory`."""
        return "memory"

    def items(self) -> tuple[str, ...]:
        """Return every work item id that has an `_item` chain, sorted."""
        with self._lock:
            owners = (name.partition("/") for name in self._chains)
            return tuple(sorted(owner for owner, _, name in owners if name == ITEM_CHAIN))

    def read(self, names: Sequence[str]) -> dict[str, Chain]:
        """Return chains as of one moment (see `Ledger.read`). Raises: StoreError for a name out of range."""
        owners, single = layout.split_names(names)
        with self._lock:
            below = (name for name in self._chains if name.partition("/")[0] in owners)
            return {name: self._chain(name) for name in sorted({*below, *single})}

    def append(self, entries: Mapping[str, Append], unmoved: Mapping[str, Head] = NOTHING) -> Outcome:
        """Append to several chains, all or nothing (see `Ledger.append`). Raises: StoreError for a name or folder out of range."""
        check_append(entries, unmoved)
        expected = {**{name: append.expected for name, append in entries.items()}, **unmoved}
        with self._lock:
            lost = [name for name in sorted(expected) if expected[name] != self._head(name)]
            if lost:
                return Lost(tuple(lost))
            for name in sorted(entries):
                self._chains[name] = (*self._chains.get(name, ()), entries[name].entry)
            return Won({name: self._head(name) for name in sorted(entries)})

    def attachment(self, chain: str, index: int, name: str) -> bytes:
        """Return one file that belongs to an entry. Raises: StoreError when there is none."""
        layout.attachment_path(chain, index, name)
        with self._lock:
            entries = self._chains.get(chain, ())
        if index > len(entries) or name not in entries[index - 1].attachments:
            raise no_attachment(chain, index, name)
        return entries[index - 1].attachments[name]

    def _head(self, name: str) -> Head:
        entries = self._chains.get(name, ())
        return Head(len(entries), token_of(entries[-1].content)) if entries else EMPTY

    def _chain(self, name: str) -> Chain:
        stripped = tuple(Entry(entry.folder, entry.content) for entry in self._chains.get(name, ()))
        return Chain(name, stripped, self._head(name))
