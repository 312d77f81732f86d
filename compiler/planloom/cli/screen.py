"""What the user sees: stdout is the product, stderr the talk."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from planloom.core import canonical

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.core.errors import PlanloomError


def product(text: str) -> None:
    """Write to stdout what the command was called for; a missing final newline is added."""
    click.echo(text, nl=not text.endswith("\n"))


def product_json(value: Json) -> None:
    """Write a JSON value to stdout, one line, canonical."""
    click.echo(canonical.encode(value).decode("utf-8"))


def say(text: str) -> None:
    """Write a line to stderr: progress, what was done, what comes next."""
    click.echo(text, err=True)


def suggest(command: str) -> None:
    """Say which command comes next."""
    say(f"Next: {command}")


def refuse(error: PlanloomError) -> None:
    """Say why the command could not be done and what to do instead; on GitHub as an annotation too."""
    code = f" [{error.code}]" if error.code else ""
    say(f"{style('error', 'red', sys.stderr)}{code}: {error.message}")
    if error.hint:
        say(f"  {error.hint}")
    if is_github():
        text = error.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        click.echo(f"::error title=planloom::{text}", err=True)


def style(text: str, colour: str, stream: TextIO) -> str:
    """Return the text in a colour when the stream is a terminal and `NO_COLOR` is not set (https://no-color.org)."""
    return click.style(text, fg=colour, bold=True) if wants_colour(stream) else text


def wants_colour(stream: TextIO) -> bool:
    """Return whether to write colours to this stream."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_github() -> bool:
    """Return whether this runs in a GitHub Actions job."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
