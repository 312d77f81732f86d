"""PL703 long-command: a command is too long.

What: A command has less than 128 KiB, and so has each variable.

Why: It is handed over in one string of the process, which Linux bounds at 131,072 bytes: the step could not start.

Fails:
    steps:
      - key: build
        run: FILL 131072

Passes:
    steps:
      - key: build
        run: sh build.sh
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL703", "long-command")

MAX_STRING: Final = 128 * 1024 - 1
"""Bytes of one argument or variable with its end. Source: execve(2), MAX_ARG_STRLEN."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each command and each variable that no process takes."""
    for plan in facts.plans:
        for step in written_steps(plan):
            if is_long(step.run):
                message = f"the command of step '{name_of(step)}' has {_say(step.run)}"
                yield FINDER.at(step.node.key_span("run"), message, help="put it in a file")
            for name, value in step.env.items():
                if (len(name) + len(value)) * 8 > MAX_STRING and is_long(f"{name}={value}"):
                    span = step.node.map_at("env").key_span(name)
                    yield FINDER.at(
                        span, f"variable '{name}' has, with its name, {_say(f'{name}={value}')}", help="put it in a file"
                    )


def is_long(text: str) -> bool:
    """Return whether a text has too many bytes; most are decided by their number of characters."""
    return len(text) * 4 > MAX_STRING and len(text.encode("utf-8")) >= MAX_STRING


def _say(text: str) -> str:
    return f"{len(text.encode('utf-8')):,} bytes; {MAX_STRING - 1:,} are the most"


RULE = FINDER.rule(__doc__, check)
