"""A note of what was compiled last, so that compiling again without a change reads files and does nothing else.

The note is one digest over everything that decides the result and over the result itself. It lies in `.planloom/`, which
git ignores, and is never trusted by `--check`. Imports nothing of the compiler: that is what it saves.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom import VERSION
from planloom.core.plainfile import read_plain
from planloom.core.surroundings import is_in_git

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTE: Final = ".planloom/compiled"
_INPUTS: Final = ("specs", "specs/trust")
_PLANS: Final = (".yaml", ".yml")
_RESULTS: Final = ("generated", ".github/workflows")
_SKIPPED: Final = "generated/docs"


def fingerprint(root: Path) -> str:
    """Return the digest over specs, trust policy, compiled files, and the compiler's own files; "" when one can't be read."""
    # What is said depends on it too: a project in git is told to pin what runners install.
    total = hashlib.sha256(f"{VERSION} {is_in_git(root)}".encode())
    try:
        for path in _files(str(root)):
            content = read_plain(path, follow=True)
            total.update(f"\n{path.removeprefix(str(root))} {len(content)}\n".encode("utf-8", "surrogateescape"))
            total.update(content)
        total.update("\n".join(_compiler(str(Path(__file__).parents[1]))).encode("utf-8", "surrogateescape"))
    except OSError:
        return ""
    return total.hexdigest()


def is_unchanged(root: Path) -> str:
    """Return what was said when exactly this was compiled, or "" when anything is different or nothing is noted."""
    try:
        noted, _, said = (root / NOTE).read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return ""
    return said if noted and noted == fingerprint(root) else ""


def remember(root: Path, said: str) -> None:
    """Note that the project is compiled as it is now. Only where `.planloom/` is: a fresh checkout gets no new folder."""
    note = root / NOTE
    if note.parent.is_dir():
        try:
            note.write_text(f"{fingerprint(root)}\n{said}", encoding="utf-8")
        except OSError:
            # The note only saves time; where it can't be removed either, it is an old one, and tells that itself.
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)


def _files(root: str) -> Iterator[str]:
    """Yield what decides the result and the result. Raises: OSError for a plan that is a link or no file: checking judges it."""
    for folder in _INPUTS:
        place = f"{root}/{folder}"
        for entry in sorted(os.scandir(place), key=_name) if os.path.isdir(place) else ():  # noqa: PTH112
            if entry.name.endswith(_PLANS) and not entry.is_file(follow_symlinks=False):
                message = f"{entry.path} is not simply a file"
                raise OSError(message)
            if entry.is_file():
                yield entry.path
    for folder in _RESULTS:
        for parent, folders, names in os.walk(f"{root}/{folder}"):
            folders[:] = sorted(name for name in folders if f"{parent}/{name}" != f"{root}/{_SKIPPED}")
            yield from (f"{parent}/{name}" for name in sorted(names))


def _compiler(folder: str) -> Iterator[str]:
    """Yield a line with path, size and time of change of each module: an edited compiler has the same version."""
    folders = []
    for entry in sorted(os.scandir(folder), key=_name):
        if not entry.is_dir():
            status = entry.stat()
            yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
        elif entry.name != "__pycache__":
            folders.append(entry.path)
    for inner in folders:
        yield from _compiler(inner)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
