"""An append of several files to the disk: all of them, or none.

The journal holds the files themselves. Renaming it into place is the moment at which they count: from then on readers
add them to what they find, and the next writer (or the same one) puts each into its place and removes the journal. Whoever
dies in between loses nothing and leaves nothing half done.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from planloom.core import canonical
from planloom.core.errors import StoreError
from planloom.core.plainfile import read_plain
from planloom.ledger import disk, layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.core.canonical import Json
    from planloom.ledger.points import Hook

JOURNAL: Final = "journal"
JOURNAL_NEW: Final = "journal.new"
NEW: Final = "new"
UNFINISHED: Final = (JOURNAL_NEW, NEW)
"""How the names begin of files that count for nothing: being written when their writer died, or already linked to where they belong."""


class Journal:
    """The journal of the ledger in `artifacts`. Its callers hold the lock: writers exclusively, readers shared."""

    def __init__(self, artifacts: Path, folder: Path, at: Hook) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._path = folder / JOURNAL
        self._at = at

    def pending(self) -> dict[str, bytes]:
        """Return the files that count although they may not be in their places yet: path below `artifacts/` → content.

        Raises: StoreError when the journal can't be read, OSError.
        """
        try:
            content = read_plain(self._path)
        except FileNotFoundError:
            return {}
        try:
            value = canonical.decode(content)
            if not isinstance(value, dict):
                raise _broken(self._path)
            files = {path: base64.b64decode(str(text), validate=True) for path, text in value.items()}
        except (canonical.CanonicalError, binascii.Error) as error:
            raise _broken(self._path) from error
        if not all(layout.parse_path(path) for path in files):
            raise _broken(self._path)
        return files

    def commit(self, files: Mapping[str, bytes]) -> None:
        """Make the files count, durably. Raises: OSError (then they don't)."""
        value: dict[str, Json] = {path: base64.b64encode(content).decode("ascii") for path, content in files.items()}
        new = self._folder / JOURNAL_NEW
        disk.write_new(new, canonical.encode(value), _quiet)
        self._at("files: journal written")
        new.rename(self._path)
        self._at("files: journal renamed")
        disk.sync(self._folder)
        self._at("files: journal durable")

    def recover(self) -> None:
        """Finish what a writer that died had made to count, and sweep away what it had not. Raises: StoreError, OSError."""
        self.roll_forward()
        self._sweep()

    def leftovers(self) -> tuple[str, ...]:
        """Return the names of what a writer that died left behind, sorted."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return ()
        return tuple(sorted(name for name in names if name == JOURNAL or name.startswith(UNFINISHED)))

    def roll_forward(self) -> None:
        """Put what the journal holds into its places and remove it; does nothing when there is none.

        Raises: StoreError when another file is in a place, OSError (the journal stays, and with it all that it holds).
        """
        files = self.pending()
        if not files:
            return
        self._sweep()
        missing = [path for path, content in files.items() if not self._is_placed(path, content)]
        new = {self._folder / f"{NEW}.{number}": files[path] for number, path in enumerate(missing)}
        disk.write_together(new, self._at)
        changed = {(self._artifacts / path).parent: None for path in files}
        for temporary, path in zip(new, missing, strict=True):
            changed.update(dict.fromkeys(disk.make_folders((self._artifacts / path).parent)))
            disk.publish(temporary, self._artifacts / path)
            self._at("files: linked")
        disk.sync_all(changed)
        self._at("files: rolled forward")
        self._path.unlink()
        disk.sync(self._folder)
        self._at("files: journal removed")
        self._sweep()

    def _is_placed(self, path: str, content: bytes) -> bool:
        try:
            found = read_plain(self._artifacts / path)
        except FileNotFoundError:
            return False
        if found != content:
            message = f"{self._artifacts.name}/{path}: another file lies where an unfinished append belongs"
            raise StoreError(message, hint="move it away, then repeat the command")
        return True

    def _sweep(self) -> None:
        for name in self.leftovers():
            if name != JOURNAL:
                (self._folder / name).unlink(missing_ok=True)


def _quiet(point: str) -> None:
    """The journal's own points have names of their own."""
    del point


def _broken(path: Path) -> StoreError:
    message = f"{path}: the journal of an unfinished append can't be read"
    return StoreError(message, hint="it was changed by hand or by a failing disk: restore the folder from a copy")
