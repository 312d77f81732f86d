"""Options that every command takes, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planloom.core.errors import InputError

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


def find_root(given: Path | None) -> Path:
    """Return the project's folder: the one given, or the nearest upward with `specs/` or `artifacts/`.

    Raises: InputError when there is none.
    """
    if given is not None:
        if not given.is_dir():
            message = f"{given}: there is no such folder"
            raise InputError(message, hint="--root names the folder that holds specs/")
        return given.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "specs").is_dir() or (folder / "artifacts" / "work-items").is_dir():
            return folder
    message = f"{here} is not a planloom project: there is no specs/ here or above"
    raise InputError(message, hint="planloom init DIR lays one down; --root DIR names one elsewhere")
