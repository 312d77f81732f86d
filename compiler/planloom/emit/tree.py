"""Compiled files against a folder: what differs and why, and writing all or nothing.

A file is ours when it lies under `generated/` (but not in `generated/docs/`) or is a workflow whose first line says so. No manifest
is kept: it would be one more file to conflict in.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom import VERSION
from planloom.core.errors import InputError, StoreError
from planloom.core.plainfile import read_plain
from planloom.records.compiled import HEADER_NAME, STEPS_NAME, decode_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

GENERATED: Final = "generated/"
DOCS: Final = "generated/docs/"
WORKFLOWS: Final = ".github/workflows/"
HEADER: Final = b"# Compiled by planloom "
_STAGED: Final = ".planloom-new"

_DIGEST: Final = rb'(?:plan sha256:|Digest `sha256:|"digest": ?")([0-9a-f]{64})'
_COMPILER: Final = rb'^\{"compiler":"([^"]*)"'


class Kind(Enum):
    """In which way a file differs; the value is the word that people see."""

    MISSING = "missing"
    STALE = "stale"
    EDITED = "edited by hand"
    EXTRA = "left over"
    UNTRACKED = "not in git"


class Drift(NamedTuple):
    """One file that is not as compiling would leave it. `found` is None when missing, `expected` when left over."""

    path: str
    kind: Kind
    expected: bytes | None
    found: bytes | None


class Written(NamedTuple):
    """What writing did: paths, sorted."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


def read_ours(root: Path) -> dict[str, bytes]:
    """Return the files of ours in a project, by path, sorted. Raises: StoreError when one can't be read."""
    found: dict[str, bytes] = {}
    try:
        for path in _walk(root, GENERATED):
            if not path.startswith(DOCS):
                found[path] = read_plain(root / path, follow=True)
        for path in _walk(root, WORKFLOWS):
            content = read_plain(root / path, follow=True) if path.endswith((".yml", ".yaml")) else b""
            if content.startswith(HEADER):
                found[path] = content
    except OSError as error:
        raise _unreadable(error) from error
    return dict(sorted(found.items()))


def compare(
    expected: Mapping[str, bytes], found: Mapping[str, bytes], tracked: Collection[str] | None = None
) -> tuple[Drift, ...]:
    """Return the differences, sorted by path. `tracked` holds the paths that git knows; None when that does not matter."""
    drifts = []
    for path in sorted({*expected, *found}):
        wanted, has = expected.get(path), found.get(path)
        if wanted is None:
            drifts.append(Drift(path, Kind.EXTRA, None, has))
        elif has is None:
            drifts.append(Drift(path, Kind.MISSING, wanted, None))
        elif wanted != has:
            drifts.append(Drift(path, _blame(path, wanted, has, found), wanted, has))
        elif tracked is not None and path not in tracked:
            drifts.append(Drift(path, Kind.UNTRACKED, wanted, has))
    return tuple(drifts)


def _blame(path: str, wanted: bytes, has: bytes, found: Mapping[str, bytes]) -> Kind:
    """Tell an old file from an edited one: an old one states another plan digest, or was made by another compiler."""
    if path.endswith(f"/{STEPS_NAME}"):
        return _blame_lines(has)
    header = found.get(f"{path.rpartition('/')[0]}/{HEADER_NAME}", b"")
    old = re.search(_DIGEST, has) or (re.search(_DIGEST, header) if path.startswith(GENERATED) else None)
    new = re.search(_DIGEST, wanted)
    if old is None or new is None or old[1] != new[1]:
        return Kind.STALE
    compiler = re.search(_COMPILER, header)
    return Kind.STALE if compiler and compiler[1].decode() != VERSION else Kind.EDITED


def _blame_lines(content: bytes) -> Kind:
    """A line's own digest shows that the line is whole; edited by hand it no longer matches."""
    try:
        decode_steps(content)
    except StoreError:
        return Kind.EDITED
    return Kind.STALE


def write_tree(root: Path, expected: Mapping[str, bytes]) -> Written:
    """Make the project's files of ours exactly `expected`, all or nothing.

    Every new file is staged beside its place first; renaming comes last and is taken back when it fails.
    Raises: InputError when a path is taken by a file that is not ours; StoreError when the disk refuses (nothing is changed).
    """
    found = read_ours(root)
    drifts = compare(expected, found)
    changed = {drift.path: drift.expected for drift in drifts if drift.expected is not None}
    extra = tuple(drift.path for drift in drifts if drift.kind is Kind.EXTRA)
    check_places(root, changed)
    staged: list[Path] = []
    try:
        for path, content in changed.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            stage = target.with_name(target.name + _STAGED)
            staged.append(stage)
            stage.write_bytes(content)
        _put_in_place(root, changed, extra, found)
    except OSError as error:
        for stage in staged:
            with suppress(OSError):
                stage.unlink(missing_ok=True)
                _remove_empty(root, stage.parent)
        message = f"the compiled files can't be written: {error.strerror or error}"
        raise StoreError(message, hint="nothing was changed; make the folder writable and compile again") from error
    return Written(tuple(changed), extra, len(expected) - len(changed))


def _put_in_place(root: Path, changed: Mapping[str, bytes], extra: tuple[str, ...], found: Mapping[str, bytes]) -> None:
    done: list[str] = []
    try:
        for path in changed:
            target = root / path
            target.with_name(target.name + _STAGED).replace(target)
            done.append(path)
        for path in extra:
            (root / path).unlink()
            done.append(path)
    except OSError:
        for path in done:
            if path in found:
                (root / path).write_bytes(found[path])
            else:
                (root / path).unlink(missing_ok=True)
        raise
    for folder in sorted({(root / path).parent for path in extra}, reverse=True):
        _remove_empty(root, folder)


def check_places(root: Path, paths: Iterable[str]) -> None:
    """See that compiled files can be written to these paths. Raises: InputError for a file that is not ours, a folder, a link that leads out."""
    inside = root.resolve()
    for path in paths:
        target = root / path
        if not target.parent.resolve().is_relative_to(inside):
            message = f"{path} would be written outside of the project, through a link"
            raise InputError(message, hint="replace the link by a folder")
        if path.startswith(WORKFLOWS) and target.exists() and not read_plain(target, follow=True).startswith(HEADER):
            message = f"{path} exists and was not written by planloom"
            raise InputError(message, hint="rename or delete it, or set another workflow.prefix in the plan")
        if target.is_dir():
            message = f"{path} is a folder"
            raise InputError(message, hint="remove it")


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _walk(root: Path, folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(root / folder):
        folders.sort()
        base = os.path.relpath(parent, root).replace(os.sep, "/")
        for name in sorted(names):
            if not name.endswith(_STAGED):
                yield f"{base}/{name}"


def _unreadable(error: OSError) -> StoreError:
    return StoreError(
        f"{error.filename or 'a compiled file'} can't be read: {error.strerror or error}",
        hint="check the rights of generated/ and .github/",
    )
