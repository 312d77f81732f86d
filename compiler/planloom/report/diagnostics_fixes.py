"""Safe repairs: the edits of diagnostics, applied to the text of a file."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.core.diagnostics import Diagnostic, Edit, Span


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
        if any(_overlaps_some(edit, edits.get(edit.span.path, [])) for edit in diagnostic.fix):
            continue
        repaired += 1
        for edit in diagnostic.fix:
            insort(edits.setdefault(edit.span.path, []), edit, key=_place)
    return {path: _apply(sources[path], some) for path, some in sorted(edits.items())}, repaired


def _place(edit: Edit) -> Span:
    return edit.span


def _overlaps_some(edit: Edit, others: list[Edit]) -> bool:
    """Return whether an edit overlaps one of others, which are sorted and don't overlap: only its neighbours can."""
    index = bisect_left(others, edit.span, key=_place)
    return any(_overlaps(edit, other) for other in others[max(0, index - 1) : index + 1])


def _overlaps(one: Edit, other: Edit) -> bool:
    a, b = one.span, other.span
    return a == b or ((a.line, a.column) < (b.end_line, b.end_column) and (b.line, b.column) < (a.end_line, a.end_column))


def _apply(content: bytes, edits: list[Edit]) -> bytes:
    text = content.decode("utf-8")
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    pieces, at = [], 0
    for edit in edits:
        first = starts[edit.span.line - 1] + edit.span.column - 1
        pieces += [text[at:first], edit.text]
        at = starts[edit.span.end_line - 1] + edit.span.end_column - 1
    return "".join((*pieces, text[at:])).encode("utf-8")
