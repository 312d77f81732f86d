"""Where this command was told to work, `--root` and `--ledger`, so that every command it names works there too.

A suggestion that loses the ledger splits a history: the next command would begin the same work item again, in files. Commands
know nothing of this; `screen` adds the options to whatever it names.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

WITH_LEDGER: Final = frozenset(
    [
        *("run", "status", "why", "open", "claim", "complete", "approve", "revert", "abandon", "migrate", "close", "verify"),
        *("export", "report", "delegate", "exec", "collect", "doctor", "keys trust", "keys revoke", "keys rules"),
    ]
)
"""Commands with `--ledger`, and with `--root` too. A list, because a runner that only claims never imports the commands."""

WITH_ROOT: Final = WITH_LEDGER | {
    *("validate", "compile", "diff", "graph", "fmt", "import", "pin"),
    *("keys new", "keys list", "keys show", "keys rotate", "keys sign"),
}
"""Commands with `--root`."""

_COMMAND: Final = r"\bplanloom (keys [a-z]+|serve [a-z]+|[a-z]+)\b(?![-/]|\.\w)([^;&#`\n]*)"
"""A command in a line for a shell, or in a sentence: its name, and what stands behind it."""

_GIT: Final = r"\bgit (add|rm|commit|push)\b"
"""What git is told to do with files of the project, whose paths are those below its folder."""

_given: dict[str, str] = {}


def remember(option: str, value: str | Path | None) -> None:
    """Keep what an option was given as (`root`, `ledger`), or forget it where there is none."""
    _given.pop(option, None)
    if value is not None and str(value):
        _given[option] = str(value)


def forget() -> None:
    """Begin anew: a process may run several commands."""
    _given.clear()


def repeat(text: str) -> str:
    """Return a command line, or a sentence with commands in it, in which each works where this one does.

    The options stand behind the command's name: where a command ends can't be seen in a sentence.
    """
    if "root" in _given:
        text = re.sub(_GIT, lambda found: f"git -C {shlex.quote(_given['root'])} {found[1]}", text)
    return re.sub(_COMMAND, _complete, text) if _given else text


def _complete(found: re.Match[str]) -> str:
    name, rest = found[1], found[2]
    if name == "init" and "root" in _given and not rest.strip():
        return f"planloom init {shlex.quote(_given['root'])}{rest}"
    wanted = {"root": name in WITH_ROOT, "ledger": name in WITH_LEDGER and not _names_history(name, rest)}
    added = [
        f" --{option} {shlex.quote(_given[option])}"
        for option, is_wanted in wanted.items()
        if is_wanted and option in _given and f"--{option}" not in rest
    ]
    return f"planloom {name}{''.join(added)}{rest}"


def _names_history(name: str, rest: str) -> bool:
    """Return whether `verify` is given a folder or bundle: that is a history of its own, in no ledger."""
    return name == "verify" and bool(rest.strip()) and not rest.lstrip().startswith("-")
