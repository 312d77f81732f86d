"""`claim`, `complete` and `compile` in their plain forms, without importing an option parser: these three are called most.

Whatever is not plain (help, a wave, an unknown or repeated option, a missing value) is left to the full command line, which says
what is wrong with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planloom.cli import given

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLAIM: Final = {"--work-item": "item", "--step": "step", "--attempt": "attempt", "--executor": "executor"}
COMPLETE: Final = CLAIM | {"--outcome": "outcome", "--next-action": "next_action"}
ROOT: Final = {"--root": "root"}
SHARED: Final = ROOT | {"--ledger": "ledger"}
COMPILE: Final = {"--check": "check", "--budget": "budget"}


def parse_plain(
    words: Sequence[str], options: dict[str, str], *, flags: dict[str, str] | None = None, positionals: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Return the values of `--name VALUE` options, of flags (True) and of positionals; None when there is anything else."""
    found: dict[str, Any] = {}
    names = iter(positionals)
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        key: str | None
        setting: str | bool
        if flags and word in flags:
            key, setting = flags[word], True
        elif name.startswith("-"):
            key, setting = options.get(name), value if equals else next(rest, "-")
            if setting.startswith("-"):
                return None
        else:
            key, setting = next(names, None), word
        if key is None or key in found:
            return None
        found[key] = setting
    if "root" in found:
        found["root"] = Path(found["root"])
    return found


def find_command(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what to call for these words (without the program's name), or None when they are not one of the plain forms."""
    given.forget()
    match words:
        case ["compile", *rest]:
            values = parse_plain(rest, ROOT, flags=COMPILE)
            return _compile(values) if values is not None else None
        case ["claim" | "complete" as name, *rest]:
            options = (CLAIM if name == "claim" else COMPLETE) | SHARED
            values = parse_plain(rest, options, positionals=("item", "step"))
            return _attempt(name, values) if values and values.get("item") and values.get("step") else None
        case _:
            return None


def _compile(values: dict[str, Any]) -> Callable[[], int]:
    from planloom.cli.compilation import compile_project

    given.remember("root", values.get("root"))
    return lambda: compile_project(values.pop("root", None), **values)


def _attempt(name: str, values: dict[str, Any]) -> Callable[[], int]:
    from planloom.cli import attempts

    for option in SHARED.values():
        given.remember(option, values.get(option))
    if name == "claim":
        return lambda: attempts.claim_attempt(attempts.Claiming(**values))
    return lambda: attempts.complete_attempt(attempts.Completing(**values))
