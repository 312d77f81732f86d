"""Writing a user's file so that nobody ever sees half of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from planloom.core.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file: a reader, and whoever looks after a crash, finds the old bytes or the new ones. Raises: StoreError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        message = f"{path} can't be written: {problem.strerror}"
        raise StoreError(message) from problem
