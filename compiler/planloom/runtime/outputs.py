"""Outputs: the files that a step hands on, found by its patterns, kept in a store, restored and checked for the steps that need them."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

from planloom.core import canonical
from planloom.core.errors import InputError, StoreError, TrustError
from planloom.records.references import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_SUBJECTS: Final = 256
"""Above this many outputs the record names one list of them: an envelope stays under 65,536 bytes (C2SP tlog-tiles entry bundles)."""

MAX_SUBJECT_BYTES: Final = 40_000
SUBJECT_BYTES: Final = 110
"""What one output takes in a record beside its name, about; base64 adds a third to the sum."""

MANIFEST: Final = "outputs.manifest.json"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


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
        """Keep a copy of a file. The same content is kept once; a copy that was damaged is replaced."""
        target = self._path(digest)
        if self._holds(digest):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # Copied under a name of our own first: a reader never sees half a file.
        partial = _partial(target)
        shutil.copyfile(source, partial)
        partial.replace(target)

    def put_bytes(self, content: bytes, digest: str) -> None:
        """Keep content that is in no file; see `put`."""
        target = self._path(digest)
        if self._holds(digest):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(target)
        partial.write_bytes(content)
        partial.replace(target)

    def fetch(self, location: str, digest: str, target: Path) -> None:
        """Write the file with this SHA-256 to `target`. Raises: StoreError when it is not here."""
        del location
        source = self._path(digest)
        if not source.is_file():
            message = f"an output of an earlier step (sha256:{digest[:12]}…) is not kept on this machine"
            hint = (
                "planloom run --store DIR   # with a folder that every machine shares; or, for the step that made it, "
                "planloom delegate --structured-work-item ITEM --retry STEP --take-back"
            )
            raise StoreError(message, hint=hint)
        shutil.copyfile(source, target)

    def has(self, digest: str) -> bool:
        """Return whether the file is here."""
        return self._path(digest).is_file()

    def _holds(self, digest: str) -> bool:
        # Looked at, not only looked for: what a power cut or a hand has spoilt would else stand in the way of every later attempt.
        return self.has(digest) and file_digest(self._path(digest)) == digest

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


def _partial(target: Path) -> Path:
    """Return a name beside the target that nobody else writes to: several steps of one process may make the same file at once."""
    return target.with_name(f".{target.name[:200]}.{os.getpid()}-{threading.get_ident()}.part")


def is_digest(value: object) -> bool:
    """Return whether a value is a SHA-256 in hex digits, as records write it."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_safe_path(name: object) -> bool:
    """Return whether an output may be called this: what verifying accepts, and nothing that git or planloom keep for themselves."""
    from planloom.trust.audit.links import is_safe_name

    return isinstance(name, str) and is_safe_name(name) and name.partition("/")[0].lower() not in {".git", ".planloom"}


def find_outputs(workspace: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that match the patterns, sorted by name, relative to the workspace.

    Raises: InputError when a pattern matches nothing, or something that is not a plain file inside the workspace.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = glob.glob(pattern, root_dir=workspace, recursive=True, include_hidden=True)  # noqa: PTH207 - knows root_dir and hidden files
        files = [m for m in matches if (workspace / m).is_file()]
        if not files:
            raise _no_file(workspace, pattern, matches)
        found.update(str(PurePosixPath(m)) for m in files)
    spelt: dict[str, str] = {}
    for name in sorted(found):
        inside = (workspace / name).resolve().is_relative_to(workspace.resolve())
        if not is_safe_path(name) or not inside:
            shown = name.encode("utf-8", "backslashreplace").decode()
            message = f"output '{shown}' is not a plain path inside the workspace"
            raise InputError(message, hint="`outputs` takes relative paths without '..', and none in .git/ or .planloom/")
        twin = spelt.setdefault(name.casefold(), name)
        if twin != name:
            message = f"outputs '{twin}' and '{name}' are one file where capitals make no difference"
            raise InputError(message, hint="rename one of them")
    return tuple(Path(name) for name in sorted(found))


def _no_file(workspace: Path, pattern: str, matches: Sequence[str]) -> InputError:
    """Return why a pattern has no file, in a sentence that helps where it is all that a record keeps."""
    hint = "`outputs` lists files that the step leaves in the workspace"
    if not matches:
        return InputError(f"output '{pattern}' was not made", hint=hint)
    if all((workspace / match).is_dir() for match in matches):
        files = f"{pattern.rstrip('/')}/**"
        return InputError(f"output '{pattern}' is a folder; '{files}' means the files in it", hint=f"outputs: ['{files}']")
    return InputError(f"output '{pattern}' is no plain file", hint=hint)


def describe_outputs(workspace: Path, files: Iterable[Path]) -> tuple[Subject, ...]:
    """Return name and digest of each file."""
    return tuple(Subject(f.as_posix(), file_digest(workspace / f)) for f in files)


def fits_record(subjects: tuple[Subject, ...]) -> bool:
    """Return whether a record can name these outputs one by one."""
    return len(subjects) <= MAX_SUBJECTS and sum(len(s.name.encode()) + SUBJECT_BYTES for s in subjects) <= MAX_SUBJECT_BYTES


def write_manifest(subjects: tuple[Subject, ...]) -> bytes:
    """Return the list of outputs as canonical JSON, for a step that has too many of them for one record."""
    files: list[canonical.Json] = [{"name": s.name, "digest": s.digest} for s in subjects]
    return canonical.encode({"schema": "planloom/manifest/v1", "files": files}) + b"\n"


def read_manifest(content: bytes) -> tuple[Subject, ...]:
    """Return the outputs that a manifest lists. Raises: TrustError (`E_ARTIFACT`) when it is not one."""
    try:
        value: Any = canonical.decode(content.removesuffix(b"\n"))
        subjects = tuple(Subject(entry["name"], entry["digest"]) for entry in value["files"])
    except (canonical.CanonicalError, KeyError, TypeError, IndexError) as error:
        message = "the list of outputs can't be read"
        raise TrustError(message, code="E_ARTIFACT") from error
    if not all(is_safe_path(s.name) and is_digest(s.digest) for s in subjects):
        message = "the list of outputs names something that is not a plain file"
        raise TrustError(message, code="E_ARTIFACT")
    return subjects


def open_manifest(subjects: Iterable[Subject], store: Store, location: str) -> tuple[Subject, ...]:
    """Return the outputs that a record's list names, after checking the list itself. Raises: StoreError, TrustError."""
    with tempfile.TemporaryDirectory(prefix="planloom-") as folder:
        restore_outputs(Path(folder), subjects, store, location)
        path = Path(folder) / MANIFEST
        return read_manifest(path.read_bytes() if path.is_file() else b"")


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
        partial = _partial(target)
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
