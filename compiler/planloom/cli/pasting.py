"""Which of several repairs is a command line that can be pasted as it stands; the others are advice for people."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOOLS: Final = frozenset(["chmod", "gh", "git"])
"""Other programs whose command lines we name; a repair that begins with one of them is nothing else."""


def choose_command(repairs: Iterable[str], otherwise: str = "planloom verify") -> str:
    """Return the first repair that is a command line, or another command where all of them are sentences."""
    return next((repair for repair in repairs if is_command(repair)), otherwise)


def is_command(text: str) -> bool:
    """Return whether a text is a command line, whole: known programs, and of planloom known commands, options and no word too many."""
    return all(_is_call(part) for part in re.split(r" && ", text))


def _is_call(text: str) -> bool:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return False  # an apostrophe of a sentence
    if not words or words[0] != "planloom":
        return bool(words) and words[0] in _TOOLS
    from planloom.cli.main import planloom

    command: click.Command = planloom
    rest = words[1:]
    try:
        while isinstance(command, click.Group):
            _, found, rest = command.resolve_command(click.Context(command), rest) if rest else ("", None, [])
            if found is None:
                return False
            command = found
        # Not resilient: an unknown option, a wrong choice or a word too many is what tells a sentence from a command.
        parser = command.make_parser(click.Context(command))
        _, left, _ = parser.parse_args(rest)
    except click.UsageError:
        return False
    return not left
