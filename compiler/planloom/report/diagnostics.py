"""Diagnostics as text: path:line:column, the line itself, a caret under the words, second places, what to do."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planloom.core.diagnostics import Diagnostic, Span

    Paint = Callable[[str, str], str]

MAX_WIDTH: Final = 120
"""Characters of a source line that are shown; a plan's text is not trusted to be short."""

_BEFORE: Final = 40
"""Characters of a cut line that are shown before the place."""

_CUT: Final = "…"

_TAB: Final = 4

MAX_PATHS: Final = 10
"""Files that are named when not everything is shown."""

MAX_FRAMES: Final = 50
"""Findings that are shown in full; a plan that was generated may have thousands of the same kind."""


def no_paint(text: str, colour: str) -> str:
    """Return the text as it is."""
    del colour
    return text


def ansi_paint(text: str, colour: str) -> str:
    """Return the text in a colour for a terminal (ECMA-48 SGR)."""
    codes = {"red": "31;1", "yellow": "33;1", "blue": "34;1", "bold": "1"}
    return f"\x1b[{codes[colour]}m{text}\x1b[0m"


def render_text(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, bytes], paint: Paint = no_paint, most: int | None = MAX_FRAMES
) -> str:
    """Return diagnostics with code frames, and a last line that counts all; the empty string for none.

    Above `most` (None: no bound) errors come before warnings, and one line says how many more there are, where, and how to see them.
    """
    if not diagnostics:
        return ""
    lines = Lines(sources)
    shown, rest = choose(diagnostics, most)
    blocks = [_render_one(diagnostic, lines, paint) for diagnostic in shown]
    if rest:
        blocks.append(f"{describe_rest(rest)}; planloom validate --all shows them, --format json too\n")
    return "\n".join((*blocks, count(diagnostics))) + "\n"


def choose(diagnostics: Sequence[Diagnostic], most: int | None) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Return the diagnostics to show, at most so many and errors before warnings, and the others; each in the order given."""
    if most is None or len(diagnostics) <= most:
        return list(diagnostics), []
    by_weight = sorted(range(len(diagnostics)), key=lambda index: diagnostics[index].severity is not Severity.ERROR)
    chosen = frozenset(by_weight[:most])
    shown = [diagnostic for index, diagnostic in enumerate(diagnostics) if index in chosen]
    return shown, [diagnostic for index, diagnostic in enumerate(diagnostics) if index not in chosen]


def describe_rest(rest: Sequence[Diagnostic]) -> str:
    """Return "1,150 more: specs/a.yaml 900 errors, specs/b.yaml 250 warnings"; many files are summed up."""
    by_path: dict[str, list[Diagnostic]] = {}
    for diagnostic in rest:
        by_path.setdefault(diagnostic.span.path, []).append(diagnostic)
    parts = [f"{visible(path)} {count(some)}" for path, some in by_path.items()]
    if len(parts) > MAX_PATHS:
        parts = [*parts[:MAX_PATHS], f"{len(parts) - MAX_PATHS} more files"]
    return f"{len(rest):,} more: {'; '.join(parts)}"


def render(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, bytes], style: str, *, colour: bool = False, is_all: bool = False
) -> str:
    """Return diagnostics in a format: text, json, github or sarif. `colour` and `is_all` (no bound) are for text."""
    if style == "text":
        return render_text(diagnostics, sources, ansi_paint if colour else no_paint, None if is_all else MAX_FRAMES)
    from planloom.report import diagnostics_formats as formats

    if style == "json":
        return formats.render_json(diagnostics)
    if style == "github":
        return formats.render_github(diagnostics)
    from planloom.checks.catalogue import RULES

    return formats.render_sarif(diagnostics, formats.one_line_pages((rule.code, rule.page) for rule in RULES))


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """Return "2 errors, 1 warning"."""
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [
        f"{number:,} {word}{'s' if number != 1 else ''}" for number, word in ((errors, "error"), (warnings, "warning")) if number
    ]
    return ", ".join(parts) or "no findings"


class Lines:
    """The lines of the sources, each file split once."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._lines: dict[str, list[str]] = {}

    def get(self, path: str, number: int) -> str:
        """Return a line by its 1-based number, or the empty string."""
        if path not in self._lines:
            text = self._sources.get(path, b"").removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
            self._lines[path] = text.split("\n")
        lines = self._lines[path]
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


def _render_one(diagnostic: Diagnostic, lines: Lines, paint: Paint) -> str:
    is_error = diagnostic.severity is Severity.ERROR
    colour = "red" if is_error else "yellow"
    span = diagnostic.span
    place = paint(f"{span.path}:{span.line}:{span.column}", "bold")
    kind = paint(diagnostic.severity.value, colour)
    out = [f"{place}: {kind}: {visible(diagnostic.message)} [{diagnostic.code} {diagnostic.rule}]"]
    width = len(str(max([span.line, *(label.span.line for label in diagnostic.labels)])))
    out.extend(_frame(span, "", lines, width, lambda text: paint(text, colour)))
    for label in diagnostic.labels:
        if label.span.path != span.path:
            out.append(f"{' ' * width} --> {label.span.path}:{label.span.line}:{label.span.column}")
        out.extend(_frame(label.span, label.message, lines, width, lambda text: paint(text, "blue")))
    if diagnostic.help:
        out.append(f"{' ' * width} = help: {visible(diagnostic.help)}")
    return "\n".join(out) + "\n"


def _frame(span: Span, message: str, lines: Lines, width: int, paint: Callable[[str], str]) -> list[str]:
    """Return the source line with its number, and the line with the caret and the label's message."""
    line = lines.get(span.path, span.line)
    if not line.strip():
        return [f"{' ' * width} = {visible(message)}"] if message else []
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    end = max(min(end, len(line)), start + 1)
    shown, first, last = _window(line, start)
    before = columns(shown[: start - first + len(_CUT)] if first else shown[:start])
    marks = max(1, columns(line[start : min(end, last)]))
    text = f" {visible(message)}" if message else ""
    return [
        f"{span.line:>{width}} | {visible(shown)}",
        f"{' ' * width} | {' ' * before}{paint('^' * marks + text)}",
    ]


def _window(line: str, start: int) -> tuple[str, int, int]:
    """Return what is shown of a line, cut around the place that matters, and which part of the line that is."""
    if len(line) <= MAX_WIDTH:
        return line, 0, len(line)
    first = max(0, min(start - _BEFORE, len(line) - MAX_WIDTH))
    last = min(first + MAX_WIDTH, len(line))
    return f"{_CUT if first else ''}{line[first:last]}{_CUT if last < len(line) else ''}", first, last


def visible(text: str) -> str:
    """Return text in which nothing moves the cursor, hides or reorders: control and format characters as escapes, tabs as spaces."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return f"\\u{ord(character):04x}"
    return character


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes once it is visible: wide characters two, combining ones none."""
    if text.isascii() and "\t" not in text:
        return len(visible(text))
    total = 0
    for character in visible(text):
        if not unicodedata.combining(character):
            total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total
