"""Where the program begins: runs the command, turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import gc
import sys
from typing import Final

from planloom.cli import screen, streams
from planloom.cli.quick import find_command
from planloom.core.errors import PlanloomError
from planloom.core.plainfile import NotPlainError

THE_MACHINES: Final = frozenset(
    [
        "EACCES",
        "EDQUOT",
        "EEXIST",
        "EFBIG",
        "EIO",
        "EISDIR",
        "EMFILE",
        "ENAMETOOLONG",
        "ENFILE",
        "ENOSPC",
        "ENOTDIR",
        "EPERM",
        "EROFS",
    ]
)
"""Errors by which a machine says that a file can't be written or read: a full disk, a folder without the right to write."""


def main() -> None:
    """Run the command line; a PlanloomError becomes a message and its exit code, anything else is our bug."""
    streams.prepare()
    quick = find_command(sys.argv[1:])
    try:
        if quick is not None:
            status = quick()
        else:
            from planloom.cli.main import run

            status = run()
    except PlanloomError as error:
        screen.refuse(error)
        status = error.exit_code
    except KeyboardInterrupt:
        screen.say("stopped")
        status = 130
    except OSError as error:
        status = refuse_for_the_machine(error)
    # The process ends: what it holds goes with it, and Python need not look for cycles in all of it a last time.
    gc.freeze()
    sys.exit(status)


def refuse_for_the_machine(error: OSError) -> int:
    """Say what the machine refuses and return the exit code of a store that can't be used. Raises: the error, when it is our bug."""
    from planloom.core.errors import EXIT_STORE, StoreError

    if not isinstance(error, NotPlainError) and errno.errorcode.get(error.errno or 0) not in THE_MACHINES:
        raise error
    where = f"{error.filename}: " if error.filename else ""
    hint = "make room, or see that it may be written to; what was recorded is kept, so run the command again"
    if isinstance(error, NotPlainError):
        hint = "planloom doctor   # looks for what is wrong"
    screen.refuse(StoreError(f"{where}{error.strerror}", hint=hint))
    return EXIT_STORE
