"""The standard streams, made so that nothing else has to ask whether they are there: closed ones lead nowhere, readers may go away."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LAST_STANDARD: Final = 2


class _Lasting(io.FileIO):
    """A stream that drops what is written once its reader went away."""

    is_gone = False

    def write(self, content: ReadableBuffer, /) -> int:
        """Write, or drop: the command ends what it began, with the exit status that it would have had."""
        try:
            return super().write(content)
        except BrokenPipeError:
            self.is_gone = True
            return memoryview(content).nbytes


def prepare() -> None:
    """Let stdin, stdout and stderr be written and read whatever the caller did with them (`>&-`, `| head`)."""
    _fill_gaps()
    # Streams that somebody put in their place in this process are theirs.
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _lasting(1, sys.stdout)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _lasting(2, sys.stderr)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process


def is_read() -> bool:
    """Return whether somebody may still read stdout: what is shown again and again ends with its reader."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return not (isinstance(raw, _Lasting) and raw.is_gone)


def _fill_gaps() -> None:
    """Open the null device in place of a closed stream: a lock or a record would get its number, and be written into by a child."""
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > _LAST_STANDARD:
            os.close(number)
            return
        os.set_inheritable(number, True)  # noqa: FBT003 - it takes no keyword


def _lasting(number: int, stream: TextIO | None) -> TextIO:
    if stream is not None and stream.isatty():
        return stream
    errors = stream.errors if stream is not None else "replace"
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, "w", closefd=False)),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors=errors,
        line_buffering=number == _LAST_STANDARD,
    )
