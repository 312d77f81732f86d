"""Safe repairs: the edits of diagnostics, applied to the text of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.core.diagnostics import Diagnostic, Edit


def apply_fixes(diagnostics: Iterable[Diagnostic], sources: Mapping[str, bytes]) -> tuple[dict[str, bytes], int]:
    """Return the files that repairs change, with their new bytes, and how many diagnostics were repaired.

    Shape: a diagnostic is repaired whole or not at all; of two whose edits overlap the first one is. Bytes outside the edits
    stay as they are.
    """
    edits: dict[str, list[Edit]] = {}
    repaired = 0
    for diagnostic in diagnostics:
        if not diagnostic.fix or any(edit.span.path not in sources for edit in diagnostic.fix):
            continue
        if any(_overlaps(edit, other) for edit in diagnostic.fix for other in edits.get(edit.span.path, ())):
            continue
        repaired += 1
        for edit in diagnostic.fix:
            edits.setdefault(edit.span.path, []).append(edit)
    return {path: _apply(sources[path], some) for path, some in sorted(edits.items())}, repaired


def _overlaps(one: Edit, other: Edit) -> bool:
    a, b = one.span, other.span
    return a == b or ((a.line, a.column) < (b.end_line, b.end_column) and (b.line, b.column) < (a.end_line, a.end_column))


def _apply(content: bytes, edits: list[Edit]) -> bytes:
    text = content.decode("utf-8")
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    # From the end, so that earlier places stay where they are.
    for edit in sorted(edits, key=lambda e: e.span, reverse=True):
        first = starts[edit.span.line - 1] + edit.span.column - 1
        last = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        text = text[:first] + edit.text + text[last:]
    return text.encode("utf-8")
