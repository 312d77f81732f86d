"""`claim` and `complete` in their plain forms, without importing an option parser: runners call these two most.

Whatever is not plain (help, a wave, an unknown or repeated option, a missing value) is left to the full command line, which says
what is wrong with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLAIM: Final = {"--work-item": "item", "--step": "step", "--attempt": "attempt", "--executor": "executor"}
COMPLETE: Final = CLAIM | {"--outcome": "outcome", "--next-action": "next_action"}
SHARED: Final = {"--ledger": "ledger", "--root": "root"}


def parse_plain(words: Sequence[str], options: dict[str, str]) -> dict[str, Any] | None:
    """Return the values of `--name VALUE` options and up to two positionals (item, step); None when it is anything else."""
    found: dict[str, Any] = {}
    names = iter(("item", "step"))
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            key = options.get(name)
            value = value if equals else next(rest, "-")
            if value.startswith("-"):
                return None
        else:
            key, value = next(names, None), word
        if key is None or key in found:
            return None
        found[key] = value
    if "root" in found:
        found["root"] = Path(found["root"])
    return found if found.get("item") and found.get("step") else None


def find_command(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what to call for these words (without the program's name), or None when they are not a plain claim or complete."""
    options = {"claim": CLAIM, "complete": COMPLETE}.get(words[0]) if words else None
    values = parse_plain(words[1:], options | SHARED) if options is not None else None
    if values is None:
        return None
    from planloom.cli import attempts

    if words[0] == "claim":
        return lambda: attempts.claim_attempt(attempts.Claiming(**values))
    return lambda: attempts.complete_attempt(attempts.Completing(**values))
