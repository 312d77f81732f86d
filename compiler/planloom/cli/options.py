"""Options that every command takes, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planloom.cli.place import find_root

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")


def root_option(function: Function) -> Function:
    """Add `--root DIR`: where the project is (default: the nearest folder upward that holds one)."""
    return click.option(
        "--root",
        type=click.Path(path_type=Path),
        default=None,
        metavar="DIR",
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
        help="files[:DIR] or git[:REMOTE] (default: files; git in GitHub Actions).",
    )(function)


__all__ = ["find_root", "format_option", "ledger_option", "root_option"]
