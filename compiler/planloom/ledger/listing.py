"""What lies below `artifacts/`, listed and checked: a gap or a foreign file in a chain is refused, by name."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError
from planloom.ledger import layout
from planloom.ledger.ledger import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ATTACHMENTS: Final = re.compile(r"[0-9]{6}")


class Listing:
    """The folders as they are now, plus `waiting`: files that count but are not in their places yet (`ledger.journal`)."""

    def __init__(self, artifacts: Path, waiting: Mapping[str, bytes]) -> None:
        self.waiting = waiting
        self._artifacts = artifacts
        self._waiting: dict[str, dict[int, str]] = {}
        for path in waiting:
            place = layout.parse_path(path)
            if place is not None and not place.attachment:
                self._waiting.setdefault(place.chain, {})[place.index] = place.folder

    def owners(self, folder: str) -> tuple[str, ...]:
        """Return the names of the folders in one of the ledger's folders (work items, `_resource`), sorted. Raises: OSError."""
        found = {entry.name for entry in _scan(self._artifacts / folder) if entry.is_dir(follow_symlinks=False)}
        found.update(chain.partition("/")[0] for chain, places in self._waiting.items() if folder in places.values())
        return tuple(sorted(found))

    def chains(self, owner: str) -> tuple[str, ...]:
        """Return every chain of a work item that may have entries, sorted. Raises: StoreError for anything else there, OSError."""
        found = {chain for chain in self._waiting if chain.startswith(f"{owner}/")}
        for folder in FOLDERS:
            for entry in _scan(self._artifacts / folder / owner):
                chain = f"{owner}/{entry.name}"
                if not (entry.is_dir(follow_symlinks=False) and layout.is_chain(chain)):
                    raise _foreign(f"{folder}/{chain}")
                found.add(chain)
        return tuple(sorted(found))

    def entries(self, chain: str) -> tuple[str, ...]:
        """Return the folder of each entry of a chain, in order. Raises: StoreError for a gap or a foreign file, OSError."""
        found = dict(self._waiting.get(chain, {}))
        for folder in FOLDERS:
            for entry in _scan(self._artifacts / folder / chain):
                place = layout.parse_path(f"{folder}/{chain}/{entry.name}")
                if place is None or not entry.is_file(follow_symlinks=False):
                    self._allow(folder, chain, entry)
                elif found.setdefault(place.index, folder) != folder:
                    message = f"artifacts: {chain} has two entries {place.index}, in {found[place.index]}/ and in {folder}/"
                    raise StoreError(message, hint="restore artifacts/ from git or from a copy", code="E_CHAIN_FORK")
        for index in range(1, len(found) + 1):
            if index not in found:
                later = layout.record_path(found[max(found)], chain, max(found))
                message = f"artifacts: entry {index} of {chain} is missing, although {later} is there"
                raise StoreError(message, hint="restore artifacts/ from git or from a copy", code="E_CHAIN_GAP")
        return tuple(found[index] for index in range(1, len(found) + 1))

    @staticmethod
    def _allow(folder: str, chain: str, entry: os.DirEntry[str]) -> None:
        attachments = folder == layout.WITH_ATTACHMENTS and _ATTACHMENTS.fullmatch(entry.name)
        if not (attachments and entry.is_dir(follow_symlinks=False)):
            raise _foreign(f"{folder}/{chain}/{entry.name}")


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _foreign(path: str) -> StoreError:
    message = f"artifacts/{path}: this is not a record, and only records may lie there"
    return StoreError(message, hint="move it away", code="E_FOREIGN")
