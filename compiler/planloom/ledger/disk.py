"""Files that are there whole or not at all, and stay after a power cut; and a lock that dies with its holder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from planloom.ledger.points import Hook

NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What link(2) answers on file systems that have no hard links."""

FEW: Final = 8
"""Fewer files than this are waited for one by one: threads would cost more than they save."""

WAITERS: Final = 16

HINTS: Final = {
    errno.ENOSPC: "the disk is full: free some space and repeat the command",
    errno.EDQUOT: "the disk quota is used up: free some space and repeat the command",
    errno.EROFS: "the file system is read-only: records can't be written here",
    errno.EACCES: "you may not write here: check who owns the folder",
    errno.EPERM: "you may not write here: check who owns the folder",
    errno.E2BIG: "too many records for one push on this system: give it a larger stack limit (ulimit -s unlimited)",
    errno.EIO: "the disk reports an error: check it before you go on",
}


def refusal(error: OSError, path: Path) -> StoreError:
    """Return an error of the operating system as ours, naming the file."""
    where = error.filename or path
    hint = HINTS.get(error.errno or 0, "planloom doctor   # looks for what is wrong")
    return StoreError(f"{where}: {error.strerror or error}", hint=hint)


def write_new(path: Path, content: bytes, at: Hook) -> None:
    """Write a file that must not exist yet, and wait until the disk has it. Raises: OSError (then it is removed again)."""
    try:
        _write(path, content)
        at("files: content written")
        sync(path)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    at("files: content synced")


def write_together(files: Mapping[Path, bytes], at: Hook) -> None:
    """Write files that must not exist yet, and wait until the disk has all of them. Raises: OSError (then some may be there)."""
    for path, content in files.items():
        _write(path, content)
    at("files: content written")
    sync_all(files)
    at("files: content synced")


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file that must not exist yet, whole and to stay, or not at all. Raises: FileExistsError, OSError."""
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    try:
        _write(beside, content, mode)
        sync(beside)
        publish(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    sync(path.parent)


def _write(path: Path, content: bytes, mode: int = 0o666) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def publish(temporary: Path, final: Path) -> None:
    """Give a written file its name; never replaces one. Raises: FileExistsError, OSError."""
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Without hard links the writers' lock is what keeps two from the same name.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        temporary.rename(final)


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the folders in which a new name has to be synced. Raises: OSError."""
    if folder.is_dir():
        return []
    changed = make_folders(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    return [*changed, folder.parent]


def sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names. Raises: OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Iterable[Path]) -> None:
    """Wait until the disk has several files or folders. Raises: OSError.

    The disk answers many that wait at once as quickly as one: 256 files take 0.04 s instead of 0.7 s (ext4).
    """
    waiting = list(paths)
    if len(waiting) < FEW:
        for path in waiting:
            sync(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(WAITERS) as pool:
        list(pool.map(sync, waiting))


@contextlib.contextmanager
def locked(path: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the lock at `path` while the block runs; the kernel lets go of it when the process dies, however it dies.

    An exclusive lock creates the file; a shared one needs only to read it. Raises: OSError (FileNotFoundError for a shared lock
    where nothing was ever written).
    """
    flags = os.O_RDWR | os.O_CREAT if exclusive else os.O_RDONLY
    while True:
        handle = os.open(path, flags | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            if _is_same(handle, path):
                yield
                return
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder itself as the lock while the block runs, where no file of ours may lie yet. Raises: OSError when it can't be opened.

    A file system that locks files only (NFS) gives no lock: then the block runs without.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_same(handle: int, path: Path) -> bool:
    # Somebody may have swept the file away while we waited: then others lock a new one, and we hold nothing.
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
