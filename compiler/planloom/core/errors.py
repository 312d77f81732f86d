"""The errors that planloom raises on purpose, each with the exit code that the command line gives.

Expected outcomes (a lost claim, a step that is not ready) are values, not errors; the command line turns
them into a `Conflict` when the user must be told. Anything that is not a `PlanloomError` is our bug.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

EXIT_DONE: Final = 0
EXIT_FINDINGS: Final = 1
EXIT_INPUT: Final = 2
EXIT_CONFLICT: Final = 3
EXIT_TRUST: Final = 4
EXIT_STORE: Final = 5


class Difference(NamedTuple):
    """What a program reads of a problem: which part of a file it is about, what belongs there and what is there; each "" where there is none."""

    field: str = ""
    expected: str = ""
    found: str = ""


NO_DIFFERENCE: Final = Difference()


class PlanloomError(Exception):
    """A problem that the user can act on.

    Shape: `message` says what and where in one line; `hint` says what to do (a command where there is one),
    and may be empty; `code` is a stable word like `E_SIGNATURE`, or empty; `difference` has the values behind the message.
    """

    exit_code: ClassVar[int] = EXIT_INPUT

    def __init__(self, message: str, *, hint: str = "", code: str = "", difference: Difference = NO_DIFFERENCE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.difference = difference


class InputError(PlanloomError):
    """Unusable input or arguments."""

    exit_code = EXIT_INPUT


class Conflict(PlanloomError):
    """The request is understood but not possible now: claim lost, not ready, baseline boundary, closed attempt."""

    exit_code = EXIT_CONFLICT


class TrustError(PlanloomError):
    """No key, a bad signature, a key that may not sign this, a chain that was rewound."""

    exit_code = EXIT_TRUST


class StoreError(PlanloomError):
    """Git or the disk refused, or holds something that can't be read."""

    exit_code = EXIT_STORE
