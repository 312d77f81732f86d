"""How commands show what is found: on stdout or stderr, and on GitHub as annotations and in the job summary."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from planloom.cli import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.core.diagnostics import Diagnostic, Span


def workflow_commands(root: Path, diagnostics: Sequence[Diagnostic]) -> str:
    """Return the workflow commands of what GitHub shows."""
    from planloom.report.diagnostics_formats import render_github

    return render_github(from_checkout(root, diagnostics))


def from_checkout(root: Path, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return diagnostics whose places, all of them, are named from the top of the checkout."""
    below = below_checkout(root)

    def move(span: Span) -> Span:
        return span._replace(path=below + span.path)

    return [
        one._replace(
            span=move(one.span),
            labels=tuple(label._replace(span=move(label.span)) for label in one.labels),
            fix=tuple(edit._replace(span=move(edit.span)) for edit in one.fix),
        )
        for one in diagnostics
    ]


def below_checkout(root: Path) -> str:
    """Return what stands before a project's paths for GitHub, which knows files from the top of the checkout: "" or "sub/"."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    top = Path(workspace).resolve() if workspace else root
    return f"{root.relative_to(top).as_posix()}/" if root != top and root.is_relative_to(top) else ""


def annotate(root: Path, diagnostics: Sequence[Diagnostic]) -> None:
    """Write annotations to stderr when this runs in a job of GitHub."""
    if screen.is_github() and diagnostics:
        screen.announce(workflow_commands(root, diagnostics), sys.stderr)


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
