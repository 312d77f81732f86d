"""The mark of a copy that is being laid down: while a collector replaces what lies in `artifacts/`, nobody takes it for the whole."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError, TrustError
from planloom.core.plainfile import read_plain
from planloom.ledger import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK: Final = ".ledger/collecting"
"""Below `artifacts/`; holds the name of the remote, and is locked while its collector lives."""

_USUAL: Final = "origin"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@contextlib.contextmanager
def replacing(artifacts: Path, remote: str) -> Iterator[None]:
    """Mark `artifacts/` as half a copy while the block runs, and for as long as a block that was cut off is not repeated.

    Collectors on one folder take turns. A copy in which a record does not hold is left unmarked: it is what `verify` must be shown.
    Raises: OSError.
    """
    mark = artifacts / MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    with disk.locked(mark, exclusive=True):
        mark.write_text(remote, encoding="utf-8")
        disk.sync(mark)
        disk.sync(mark.parent)
        try:
            yield
        except TrustError:
            mark.unlink()
            raise
        mark.unlink()


def half_copy(artifacts: Path) -> StoreError | None:
    """Return why `artifacts/` can't be read as it is, with the command that helps; None when it is whole."""
    try:
        remote = read_plain(artifacts / MARK).decode("utf-8", "replace")
    except OSError:
        return None
    # What lies in a file is anybody's: only a plain name becomes part of a command that somebody pastes.
    named = f":{remote}" if remote != _USUAL and _NAME.fullmatch(remote) else ""
    message = f"{artifacts.name}/ is half a copy of the ledger in git: a collect was cut off, or is under way"
    return StoreError(message, hint=f"planloom collect --ledger git{named}")
