"""How commands show what is found: on stdout or stderr, and on GitHub as annotations and in the job summary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from planloom.cli import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.core.diagnostics import Diagnostic


def annotate(diagnostics: Sequence[Diagnostic]) -> None:
    """Write annotations of what GitHub shows, to stderr, when this runs in one of its jobs."""
    from planloom.report.diagnostics_formats import render_github

    if screen.is_github() and diagnostics:
        screen.say(render_github(diagnostics).rstrip("\n"))


def summarise(diagnostics: Sequence[Diagnostic]) -> None:
    """Write all findings into the job summary, when this runs in a job of GitHub: of annotations it shows ten."""
    from planloom.report.diagnostics_formats import render_summary

    if diagnostics:
        add_to_summary(render_summary(diagnostics))


def add_to_summary(text: str) -> None:
    """Append Markdown to the job summary, when this runs in a job of GitHub."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if screen.is_github() and path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
