"""Outputs: the files that a step hands on, found by its patterns, kept in a store, restored and checked for the steps that need them."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from planloom.core import canonical
from planloom.core.errors import InputError, StoreError, TrustError
from planloom.records.record import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SUBJECTS: Final = 256
"""Above this many outputs the record names one list of them: an envelope stays under 65,536 bytes (C2SP tlog-tiles entry bundles)."""

MANIFEST: Final = "outputs.manifest.json"


class Store(Protocol):
    """Where outputs are kept between steps."""

    def fetch(self, location: str, digest: str, target: Path) -> None:
        """Write the file with this SHA-256 to `target`. Raises: StoreError when it is not there any more."""
        ...


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """A folder of files named by their SHA-256; local, or shared by several machines."""

    folder: Path

    def put(self, source: Path, digest: str) -> None:
        """Keep a copy of a file. The same content is kept once."""
        target = self._path(digest)
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # Copied under a name of our own first: a reader never sees half a file.
        partial = target.with_name(f"{digest}.{os.getpid()}.part")
        shutil.copyfile(source, partial)
        partial.replace(target)

    def fetch(self, location: str, digest: str, target: Path) -> None:
        """Write the file with this SHA-256 to `target`. Raises: StoreError when it is not here."""
        del location
        source = self._path(digest)
        if not source.is_file():
            message = f"the output {target.name} (sha256:{digest[:12]}…) is not kept any more"
            raise StoreError(message, hint="planloom delegate --retry STEP makes it anew")
        shutil.copyfile(source, target)

    def has(self, digest: str) -> bool:
        """Return whether the file is here."""
        return self._path(digest).is_file()

    def _path(self, digest: str) -> Path:
        return self.folder / "sha256" / digest[:2] / digest


@dataclass(frozen=True, slots=True)
class CombinedStore:
    """The local folder first, then what the record's location names (`remote` may be None)."""

    local: DirectoryStore
    remote: Store | None

    def fetch(self, location: str, digest: str, target: Path) -> None:
        """Write the file with this SHA-256 to `target`. Raises: StoreError when it is nowhere."""
        if self.remote is None or location == "directory" or self.local.has(digest):
            self.local.fetch(location, digest, target)
        else:
            self.remote.fetch(location, digest, target)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_safe_path(name: str) -> bool:
    """Return whether an output's name stays inside the workspace and means the same on every system."""
    path = PurePosixPath(name)
    return (
        bool(name)
        and not path.is_absolute()
        and str(path) == name
        and ".." not in path.parts
        and "\\" not in name
        and ":" not in name
        and not any(ord(c) < 32 or ord(c) == 127 for c in name)
        and path.parts[0].lower() not in {".git", ".planloom"}
    )


def find_outputs(workspace: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that match the patterns, sorted by name, relative to the workspace.

    Raises: InputError when a pattern matches nothing, or something that is not a plain file inside the workspace.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = glob.glob(pattern, root_dir=workspace, recursive=True, include_hidden=True)  # noqa: PTH207 - knows root_dir and hidden files
        files = [m for m in matches if (workspace / m).is_file()]
        if not files:
            message = f"output '{pattern}' was not made"
            raise InputError(message, hint="`outputs` lists files that the step leaves in the workspace")
        found.update(str(PurePosixPath(m)) for m in files)
    for name in sorted(found):
        inside = (workspace / name).resolve().is_relative_to(workspace.resolve())
        if not is_safe_path(name) or not inside:
            message = f"output '{name}' is not a plain path inside the workspace"
            raise InputError(message, hint="`outputs` takes relative paths without '..'")
    return tuple(Path(name) for name in sorted(found))


def describe_outputs(workspace: Path, files: Iterable[Path]) -> tuple[Subject, ...]:
    """Return name and digest of each file."""
    return tuple(Subject(f.as_posix(), file_digest(workspace / f)) for f in files)


def write_manifest(subjects: tuple[Subject, ...]) -> bytes:
    """Return the list of outputs as canonical JSON, for a step that has too many of them for one record."""
    return canonical.encode({"schema": "planloom/manifest/v1", "files": {s.name: s.digest for s in subjects}}) + b"\n"


def read_manifest(content: bytes) -> tuple[Subject, ...]:
    """Return the outputs that a manifest lists. Raises: TrustError (`E_ARTIFACT`) when it is not one."""
    try:
        value = canonical.decode(content.removesuffix(b"\n"))
    except canonical.CanonicalError as error:
        raise TrustError(f"the list of outputs can't be read: {error.message}", code="E_ARTIFACT") from error
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict):
        message = "the list of outputs can't be read"
        raise TrustError(message, code="E_ARTIFACT")
    return tuple(Subject(name, str(digest)) for name, digest in files.items())


def restore_outputs(workspace: Path, subjects: Iterable[Subject], store: Store, location: str) -> tuple[str, ...]:
    """Put the outputs of an earlier step into the workspace and check each; returns the names of those that were written.

    A file that is there already with the right content is left alone; another content is replaced: outputs belong to the step that
    makes them. Raises: StoreError when one is not kept any more, TrustError (`E_ARTIFACT`) when the kept one is not the one signed.
    """
    written = []
    for subject in subjects:
        if not is_safe_path(subject.name):
            message = f"output '{subject.name}' is not a plain path inside the workspace"
            raise TrustError(message, code="E_SUBJECT_PATH")
        target = workspace / subject.name
        if target.is_file() and file_digest(target) == subject.digest:
            continue
        if not target.parent.resolve().is_relative_to(workspace.resolve()):
            message = f"output '{subject.name}' would be written outside the workspace"
            raise TrustError(message, code="E_SUBJECT_PATH")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            store.fetch(location, subject.digest, partial)
            if file_digest(partial) != subject.digest:
                message = f"output {subject.name} is not the one that was signed"
                raise TrustError(message, code="E_ARTIFACT")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        written.append(subject.name)
    return tuple(written)
