"""How commands show what is found: on stdout or stderr, and on GitHub as annotations and in the job summary."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from planloom.cli import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.core.diagnostics import Diagnostic


def workflow_commands(root: Path, diagnostics: Sequence[Diagnostic]) -> str:
    """Return the workflow commands of what GitHub shows."""
    from planloom.report.diagnostics_formats import render_github

    below = below_checkout(root)
    return render_github([one._replace(span=one.span._replace(path=below + one.span.path)) for one in diagnostics])


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
