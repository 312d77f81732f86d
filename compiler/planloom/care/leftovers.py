"""What processes that died leave behind in the project's folder: unfinished appends and files that were being written."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.care.findings import FIX, Finding, from_error
from planloom.core.errors import StoreError
from planloom.ledger import disk
from planloom.ledger.copying import MARK, half_copy
from planloom.ledger.files import TOOLS, FileLedger
from planloom.ledger.journal import Journal
from planloom.ledger.points import pass_by
from planloom.records.bodies import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.care.findings import Ground

STAGED: Final[tuple[tuple[str, str], ...]] = (
    (".planloom", ".*.new"),
    (".planloom/outputs/sha256", "*/*.part"),
    ("generated", "**/*.planloom-new"),
    (".github/workflows", "*.planloom-new"),
    ("specs", ".*.new"),
    ("specs/trust", "**/*.new"),
)
"""Where files get their content before they get their name, beside the folder of records: (folder, pattern)."""

_IN_CHAINS: Final = (3, 4)
"""How many parts a path below `artifacts/` has where the ledger itself looks what lies there: the folder of a chain, and a record in it."""

RACES: Final = "race-*"
"""Folders of `doctor --race` in `artifacts/.ledger/`, when it was killed."""


def find_half_copy(ground: Ground) -> Iterator[Finding]:
    """Yield that a collect was cut off: the ledger has everything, and collecting again brings it."""
    half = half_copy(ground.artifacts)
    if half is not None:
        yield Finding("half-copy", ground.shown(ground.artifacts / MARK), half.message, half.hint, _Collecting(ground, half.hint))


class _Collecting:
    """Collects again what a collector that was cut off was laying down."""

    def __init__(self, ground: Ground, command: str) -> None:
        self._ground = ground
        self._ledger = command.rpartition(" ")[2]

    def __call__(self) -> None:
        """Collect. Raises: PlanloomError, OSError."""
        from planloom import api
        from planloom.runtime.collecting import collect_records

        collect_records(api.open_session(self._ground.root, ledger=self._ledger), "", "")


def find_unfinished(ground: Ground) -> Iterator[Finding]:
    """Yield what a writer of the ledger in files left when it died."""
    artifacts = ground.artifacts
    tools = artifacts / TOOLS
    if not tools.is_dir():
        return
    ledger = FileLedger(artifacts)
    with contextlib.ExitStack() as stack:
        # Writers hold the lock: whatever is there while we share it belongs to nobody.
        with contextlib.suppress(OSError):
            stack.enter_context(disk.locked(tools / "lock", exclusive=False))
        left = ledger.leftovers()
        try:
            pending = len(Journal(artifacts, tools, pass_by).pending()) if f"{TOOLS}/journal" in left else 0
        except StoreError as error:
            yield from_error("journal", ground.shown(tools / "journal"), error, "restore the records from git or from a copy")
            return
    for name in left:
        if name.endswith("/journal"):
            what = f"an append of {pending} files was cut off; it counts, but its files are not in their places yet"
        else:
            what = "a file that was being written when its process died"
        yield Finding("left-over", ground.shown(artifacts / name), what, FIX, ledger.repair)


def find_staged(ground: Ground) -> Iterator[Finding]:
    """Yield files that were being written when their process died, and folders of races that were killed."""
    exported = [(ground.artifacts / folder, "*.part") for folder in (".", "exports", "schedule")]
    # A collector lays records down like this; beside them nothing else may lie.
    exported += [(ground.artifacts / folder, "*/*/**/.*.part") for folder in sorted({*FOLDERS.values()})]
    for folder, pattern in [*exported, *((ground.root / name, pattern) for name, pattern in STAGED)]:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and ground.is_settled(path):
                what = "a file that was being written when its process died"
                yield Finding("left-over", ground.shown(path), what, FIX, Removal(path))
    for path in sorted((ground.artifacts / TOOLS).glob(RACES)):
        if ground.is_settled(path):
            yield Finding("left-over", ground.shown(path), "the folder of a race that was stopped", FIX, Removal(path))


def find_special(ground: Ground) -> Iterator[Finding]:
    """Yield pipes, devices and links below `artifacts/`, which nobody reads; those among the records of a chain, the ledger names."""
    for top, folders, names in os.walk(ground.artifacts):
        for name in sorted((*folders, *names)):
            path = Path(top) / name
            inside = path.relative_to(ground.artifacts).parts
            if inside[0] in FOLDERS.values() and len(inside) in _IN_CHAINS:
                continue
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                what = "this is a pipe, a device or a link: nothing reads it, and only plain files belong here"
                yield Finding("E_FOREIGN", ground.shown(path), what, "move it away")


class Removal:
    """Removes a file or a folder that may be gone already."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> None:
        """Remove it. Raises: OSError."""
        if self._path.is_dir():
            import shutil

            shutil.rmtree(self._path)
        else:
            self._path.unlink(missing_ok=True)
