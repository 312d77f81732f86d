"""Actions in a process of their own, which may die."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def in_a_process(action: Callable[[], object]) -> int:
    """Run something in a process of its own and return its number; it ends with 0, 1 for an error, or as it is killed."""
    with warnings.catch_warnings():
        # Other tests may have left a thread; ours takes no lock before it is gone.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            action()
            code = 0
        os._exit(code)
    return child


def ended(child: int) -> int:
    """Wait for a process and return how it ended: its exit code, or the negative number of the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
