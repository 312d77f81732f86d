"""PL312 outside-workspace: a path leads out of the workspace.

What: Outputs and working directories are relative to the checkout: no `/` or `~` first, no drive, no `..`, no
backslash, and nothing in `.git` or `.planloom`.

Why: A step could hand on, or overwrite, files that are not the project's, keys among them, and on another runner the
place would not exist.

Fails:
    steps:
      - key: build
        run: make
        outputs: [../dist/*.whl]

Passes:
    steps:
      - key: build
        run: make
        outputs: [dist/*.whl]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL312", "outside-workspace")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each output pattern and working directory that is not a plain relative path."""
    for plan in facts.plans:
        reported: set[tuple[str, int]] = set()
        # Every step of a foreach: its values are part of the patterns.
        for step in plan.steps if facts.stating(plan, "outputs") else ():
            for index, pattern in enumerate(step.outputs):
                if (reason := why_outside(pattern)) and (name_of(step), index) not in reported:
                    reported.add((name_of(step), index))
                    span = step.node.list_at("outputs").item_span(index)
                    yield FINDER.at(span, f"output '{pattern[:80]}' {reason}", help="write it relative to the checkout")
        for step in facts.stating(plan, "working-directory"):
            if reason := why_outside(step.working_directory):
                span = step.node.value_span("working-directory")
                yield FINDER.at(span, f"folder '{step.working_directory}' {reason}", help="write it relative to the checkout")


def why_outside(path: str) -> str:
    """Return why a path may lead out of the workspace, or the empty string."""
    if "\\" in path:
        return "has a backslash"
    if path.startswith(("/", "~")) or path[1:2] == ":":
        return "is not relative"
    if "." not in path:
        return ""
    parts = path.lower().split("/")
    if ".." in parts:
        return "leads upward"
    if next((part for part in parts if part != "."), "") == ".planloom":
        return "lies in .planloom"
    return "lies in .git" if ".git" in parts else ""


RULE = FINDER.rule(__doc__, check)
