"""Reading files of a folder in which others may have put anything: a pipe would be waited for without end, a device may do anything."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class NotPlainError(OSError):
    """What is to be read is no plain file."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(errno.EINVAL, "it is no plain file", str(path))


def read_plain(path: Path | str, *, follow: bool = False) -> bytes:
    """Return what a plain file holds. Raises: OSError, for a pipe, a device and a folder too, and unless `follow` for a link."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link, a socket
            raise NotPlainError(path) from error
        raise
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotPlainError(path)
        return file.read()
