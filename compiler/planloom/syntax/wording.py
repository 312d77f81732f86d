"""What the YAML parser refused, in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Diagnostic, Label, Span
from planloom.syntax.events import MarkedYAMLError, YAMLError
from planloom.syntax.findings import error

if TYPE_CHECKING:
    from planloom.syntax.events import Event

_INDENTATION: Final = "look at the indentation: this line stands in the wrong column"
_QUOTES: Final = "look at the quotes and brackets before this: one ends too early"

ADVICE: Final = (
    ("sequence entries are not allowed", "put the text in quotes, or begin the list on the next line"),
    ("expected chomping or indentation", "the text begins on the next line, indented"),
    ("mapping values are not allowed", "put the text in quotes, or look at the indentation"),
    ("unexpected end of stream", "a quote or bracket is opened here and never closed"),
    ("unexpected ':'", "put the text in quotes"),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("cannot start any token", "put the text in quotes"),
    ("expected <block end>", _INDENTATION),
    ("did not find expected key", _INDENTATION),
    ("did not find expected '-' indicator", _INDENTATION),
    ("expected ',' or", "a bracket is not closed before this"),
    ("did not find expected ',' or", "a bracket is not closed before this"),
    ("escape", "use single quotes, in which a backslash is a backslash"),
    ("undefined alias", "plans have no aliases: write the value out"),
    ("<stream end>", "something is opened before this and never closed"),
)
"""Part of the parser's problem → what usually repairs it."""

WORDS: Final = (
    ("the node content", "a value"),
    ("'<stream end>'", "the end of the file"),
    ("unexpected end of stream", "the end of the file"),
    ("'<block mapping start>'", "a mapping"),
    ("'<block sequence start>'", "a list"),
    ("'<block end>'", "the end of the block"),
    ("<block end>", "the end of the block"),
    ("'<scalar>'", "text"),
    ("while parsing a flow sequence", "this list begins here"),
    ("while parsing a flow mapping", "this mapping begins here"),
    ("while parsing a flow node", "a value begins here"),
    ("while parsing a block node", "a value begins here"),
    ("while parsing a block collection", "this list begins here"),
    ("while parsing a block mapping", "this mapping begins here"),
    ("while scanning a quoted scalar", "this text begins here"),
    ("while scanning a double-quoted scalar", "this text begins here"),
    ("while scanning a plain scalar", "this text begins here"),
    ("while scanning a block scalar", "this text begins here"),
    ("while scanning a simple key", "this key"),
    ("while scanning for the next token", "here"),
)
"""The parser's words → ours."""


def explain_refusal(path: str, text: str, refusal: YAMLError) -> Diagnostic:
    """Return the diagnostic for a refusal of the parser: the place it names, in our words."""
    if not isinstance(refusal, MarkedYAMLError) or refusal.problem_mark is None:
        return error("syntax-error", "not YAML", Span(path, 1, 1, 1, 1))
    lines = text.split("\n")
    span = _before_the_end(_place(path, lines, refusal.problem_mark), lines)
    line = lines[span.line - 1]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message = "a tab can't indent YAML"
        column = line.index("\t") + 1
        return error("tab-indentation", message, Span(path, span.line, column, span.line, column + 1), help="indent with spaces")
    problem = str(refusal.problem or "")
    labels = []
    if refusal.context and refusal.context_mark is not None:
        place = _before_the_end(_place(path, lines, refusal.context_mark), lines)
        if place != span:
            labels.append(Label(place, _say(str(refusal.context))))
    advice = next((text for part, text in ADVICE if part in problem), "")
    if advice == _INDENTATION and line[: span.column - 1].strip():
        advice = _QUOTES  # A line is in the wrong column only where it begins.
    return error("syntax-error", f"not YAML: {_say(problem)}" if problem else "not YAML", span, labels=labels, help=advice)


def _say(text: str) -> str:
    """Return the parser's text in our words, on one line."""
    said = " ".join(text.split())
    for theirs, ours in WORDS:
        said = said.replace(theirs, ours)
    return said[:200]


def _before_the_end(span: Span, lines: list[str]) -> Span:
    """Return the place itself, or, when only blank space follows it, the end of the last line that says something."""
    last = next((number for number in range(len(lines), 0, -1) if lines[number - 1].strip()), 0)
    if not last or span.line < last:
        return span
    column = len(lines[last - 1].rstrip()) + 1
    return span if (span.line, span.column) < (last, column) else Span(span.path, last, column, last, column)


def _place(path: str, lines: list[str], mark: Event) -> Span:
    """Return the mark's place, kept inside the text: the parsers count some line ends differently."""
    line = min(mark.line, len(lines) - 1)
    column = min(mark.column, len(lines[line]))
    return Span(path, line + 1, column + 1, line + 1, column + 1)
