"""Options that every command takes, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planloom.cli import given
from planloom.cli.place import find_root

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")


def examples(*lines: tuple[str, str]) -> str:
    """Return the end of a help page: (what it does, what to type), each on a line of its own that can be pasted into a shell.

    The comment stands above: at its end a shell like zsh would take it for arguments.
    """
    return "\b\nExamples:\n" + "".join(f"  # {what}\n  {command}\n" for what, command in lines)


def _remember(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Let the commands that are named work where this one does."""
    del context
    given.remember(str(option.name), value)
    return value


def root_option(function: Function) -> Function:
    """Add `--root DIR`: where the project is (default: the nearest folder upward that holds one)."""
    return click.option(
        "--root",
        type=click.Path(path_type=Path),
        default=None,
        metavar="DIR",
        callback=_remember,
        help="Where the project is (default: here or above).",
    )(function)


def format_option(function: Function) -> Function:
    """Add `--format text|json`."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to print the result.",
    )(function)


def ledger_option(function: Function) -> Function:
    """Add `--ledger files[:DIR]|git[:REMOTE]`."""
    return click.option(
        "--ledger",
        default="",
        metavar="WHERE",
        callback=_remember,
        help="files[:DIR] or git[:REMOTE] (default: files; git in GitHub Actions).",
    )(function)


__all__ = ["examples", "find_root", "format_option", "ledger_option", "root_option"]
