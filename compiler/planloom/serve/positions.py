"""Between our places (1-based lines, columns in code points) and those of an editor (0-based, mostly in UTF-16 units)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.core.diagnostics import Span

_ENDS: Final = re.compile(r"\r\n|\n|\r")
_ENCODINGS: Final = {"utf-8": "utf-8", "utf-16": "utf-16-le"}
_WIDTHS: Final = {"utf-8": 1, "utf-16": 2}


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as editors count them (LSP 3.17, "Text Documents"): at LF, CR LF and CR only."""
    return _ENDS.split(text)


def to_units(line: str, column: int, encoding: str) -> int:
    """Return a column (0-based, in code points) in an editor's units."""
    if encoding not in _ENCODINGS or line.isascii():
        return column
    return len(line[:column].encode(_ENCODINGS[encoding], "surrogatepass")) // _WIDTHS[encoding]


def from_units(line: str, units: int, encoding: str) -> int:
    """Return an editor's column in code points; one inside of a character counts as before it."""
    if encoding not in _ENCODINGS or line.isascii():
        return min(units, len(line))
    start = line.encode(_ENCODINGS[encoding], "surrogatepass")[: units * _WIDTHS[encoding]]
    return len(start.decode(_ENCODINGS[encoding], "ignore"))


def to_range(span: Span, lines: Sequence[str], encoding: str) -> types.Range:
    """Return a span as an editor's range; one beyond the text ends at its end."""
    return types.Range(
        _position(span.line, span.column, lines, encoding), _position(span.end_line, span.end_column, lines, encoding)
    )


def _position(line: int, column: int, lines: Sequence[str], encoding: str) -> types.Position:
    if line > len(lines):
        last = lines[-1] if lines else ""
        return types.Position(max(0, len(lines) - 1), to_units(last, len(last), encoding))
    text = lines[line - 1]
    return types.Position(line - 1, to_units(text, min(column - 1, len(text)), encoding))
