"""The ledger in files: one file a record below `artifacts/`, exclusive between the processes of a machine.

Every append holds one lock, compares the heads again, and gives a fully written file its final name (`link`, which never
replaces). Readers share the lock while they list, never while they read: what has a name is whole and never changes. Writers keep
their tools in `artifacts/.ledger/`: the lock, the file being written, and the journal of an append of several files.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, TypeVar

from planloom.core.names import ITEM_CHAIN, is_work_item_id
from planloom.core.plainfile import read_plain
from planloom.ledger import disk, layout
from planloom.ledger.entries import check_append, no_attachment, token_of
from planloom.ledger.journal import NEW, Journal
from planloom.ledger.ledger import FOLDERS, NOTHING, Chain, Entry, Head, Lost, Won
from planloom.ledger.listing import Listing
from planloom.ledger.points import pass_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from planloom.ledger.ledger import Append, Outcome
    from planloom.ledger.points import Hook

T = TypeVar("T")

TOOLS: Final = ".ledger"
"""The folder of lock, journal and temporary file, below `artifacts/`; not part of the record."""


class FileLedger:
    """Chains below the folder `artifacts`. `label` is how people know it; `at` is the crash-point hook of tests."""

    def __init__(self, artifacts: Path, label: str = "", at: Hook = pass_by) -> None:
        self._artifacts = artifacts
        self._label = label or f"{artifacts.name}/"
        self._tools = artifacts / TOOLS
        self._lock = self._tools / "lock"
        self._at = at
        self._journal = Journal(artifacts, self._tools, at)

    @property
    def artifacts(self) -> Path:
        """The folder that the records lie in."""
        return self._artifacts

    def describe(self) -> str:
        """Return `files artifacts/`."""
        return f"files {self._label}"

    def items(self) -> tuple[str, ...]:
        """Return every work item id that has an `_item` chain, sorted. Raises: StoreError."""

        def take(listing: Listing) -> tuple[str, ...]:
            known = (o for o in listing.owners(layout.WITH_ATTACHMENTS) if is_work_item_id(o))
            return tuple(owner for owner in known if listing.entries(f"{owner}/{ITEM_CHAIN}"))

        with self._guarded():
            return self._snapshot(take)

    def read(self, names: Sequence[str]) -> dict[str, Chain]:
        """Return chains as of one moment (see `Ledger.read`). Raises: StoreError."""
        owners, single = layout.split_names(names)

        def take(listing: Listing) -> tuple[dict[str, tuple[str, ...]], Mapping[str, bytes]]:
            chains = sorted({*single, *(chain for owner in owners for chain in listing.chains(owner))})
            return {chain: listing.entries(chain) for chain in chains}, listing.waiting

        with self._guarded():
            found, waiting = self._snapshot(take)
            # The lock is free again: entries never change, and every one that counts has been listed.
            return {chain: self._load(chain, folders, waiting) for chain, folders in found.items() if folders or chain in single}

    def append(self, entries: Mapping[str, Append], unmoved: Mapping[str, Head] = NOTHING) -> Outcome:
        """Append to several chains, all or nothing (see `Ledger.append`). Raises: StoreError."""
        check_append(entries, unmoved)
        expected = {**{chain: append.expected for chain, append in entries.items()}, **unmoved}
        with self._guarded():
            disk.make_folders(self._tools)
            with disk.locked(self._lock, exclusive=True):
                self._at("files: locked")
                self._journal.recover()
                lost = [chain for chain in sorted(expected) if not self._ends_at(chain, expected[chain])]
                if lost:
                    return Lost(tuple(lost))
                self._at("files: heads compared")
                self._write(_files(entries))
        return Won({chain: _head_after(entries[chain]) for chain in sorted(entries)})

    def attachment(self, chain: str, index: int, name: str) -> bytes:
        """Return one file that belongs to an entry. Raises: StoreError when there is none."""
        path = layout.attachment_path(chain, index, name)

        def take(listing: Listing) -> bytes:
            return listing.waiting[path] if path in listing.waiting else read_plain(self._artifacts / path)

        with self._guarded():
            try:
                return self._snapshot(take)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise no_attachment(chain, index, name) from error

    def leftovers(self) -> tuple[str, ...]:
        """Return what a writer that died left in `artifacts/.ledger/`, by name; none of it is visible to readers as half a record."""
        return tuple(f"{TOOLS}/{name}" for name in self._journal.leftovers())

    def repair(self) -> None:
        """Finish what a writer that died had made to count, and remove what it had not. Raises: StoreError."""
        with self._guarded():
            if not self.leftovers():
                return
            with disk.locked(self._lock, exclusive=True):
                self._journal.recover()

    def _load(self, chain: str, folders: Sequence[str], waiting: Mapping[str, bytes]) -> Chain:
        entries = []
        for index, folder in enumerate(folders, start=1):
            path = layout.record_path(folder, chain, index)
            content = waiting[path] if path in waiting else read_plain(self._artifacts / path)
            entries.append(Entry(folder, content))
        head = Head(len(entries), token_of(entries[-1].content) if entries else "")
        return Chain(chain, tuple(entries), head)

    def _ends_at(self, chain: str, head: Head) -> bool:
        """Return whether a chain ends exactly there; costs the same however long it is."""
        if self._entry_at(chain, head.index + 1) is not None:
            return False
        content = self._entry_at(chain, head.index) if head.index else None
        return head.token == ("" if content is None else token_of(content))

    def _entry_at(self, chain: str, index: int) -> bytes | None:
        for folder in FOLDERS:
            with contextlib.suppress(FileNotFoundError):
                return read_plain(self._artifacts / layout.record_path(folder, chain, index))
        return None

    def _write(self, files: Mapping[str, bytes]) -> None:
        if len(files) > 1:
            self._journal.commit(files)
            # From here on the append counts and will be carried to its end by the next writer, whatever happens now.
            with contextlib.suppress(OSError):
                self._journal.roll_forward()
            return
        ((path, content),) = files.items()
        final, new = self._artifacts / path, self._tools / NEW
        disk.write_new(new, content, self._at)
        changed = disk.make_folders(final.parent)
        disk.publish(new, final)
        self._at("files: linked")
        for folder in (*changed, final.parent):
            disk.sync(folder)
        new.unlink(missing_ok=True)
        self._at("files: published")

    def _snapshot(self, take: Callable[[Listing], T]) -> T:
        """Return what `take` makes of the ledger as of one moment.

        A ledger that was never written to here has no lock, and needs none (a read-only copy, a fresh checkout). Should its first writer
        come while we look, there is a lock afterwards: then we look again.
        """
        while True:
            with contextlib.ExitStack() as stack:
                shared = self._share(stack)
                result = take(Listing(self._artifacts, self._journal.pending()))
            if shared or not self._lock.exists():
                return result

    def _share(self, stack: contextlib.ExitStack) -> bool:
        try:
            stack.enter_context(disk.locked(self._lock, exclusive=False))
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise disk.refusal(error, self._artifacts) from error


def _files(entries: Mapping[str, Append]) -> dict[str, bytes]:
    """Return what an append writes: path → content, each record after the files that belong to it."""
    files: dict[str, bytes] = {}
    for chain in sorted(entries):
        index, entry = entries[chain].expected.index + 1, entries[chain].entry
        files.update({layout.attachment_path(chain, index, name): entry.attachments[name] for name in sorted(entry.attachments)})
        files[layout.record_path(entry.folder, chain, index)] = entry.content
    return files


def _head_after(append: Append) -> Head:
    return Head(append.expected.index + 1, token_of(append.entry.content))
