"""What the YAML parser refused, in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Diagnostic, Label, Span
from planloom.syntax.events import MarkedYAMLError, YAMLError
from planloom.syntax.findings import error

if TYPE_CHECKING:
    from planloom.syntax.events import Event

ADVICE: Final = (
    ("mapping values are not allowed", "put the text in quotes, or look at the indentation"),
    ("unexpected end of stream", "a quote or bracket is opened here and never closed"),
    ("unexpected ':'", "put the text in quotes"),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("cannot start any token", "put the text in quotes"),
    ("expected <block end>", "look at the indentation: this line stands in the wrong column"),
    ("did not find expected key", "look at the indentation: this line stands in the wrong column"),
    ("did not find expected '-' indicator", "look at the indentation: this line stands in the wrong column"),
    ("expected ',' or", "a bracket is not closed before this"),
    ("did not find expected ',' or", "a bracket is not closed before this"),
    ("escape", "use single quotes, in which a backslash is a backslash"),
    ("undefined alias", "plans have no aliases: write the value out"),
)
"""Part of the parser's problem → what usually repairs it."""


def explain_refusal(path: str, text: str, refusal: YAMLError) -> Diagnostic:
    """Return the diagnostic for a refusal of the parser: the place it names, in our words."""
    if not isinstance(refusal, MarkedYAMLError) or refusal.problem_mark is None:
        return error("syntax-error", "not YAML", Span(path, 1, 1, 1, 1))
    lines = text.split("\n")
    span = _place(path, lines, refusal.problem_mark)
    line = lines[span.line - 1]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message = "a tab can't indent YAML"
        column = line.index("\t") + 1
        return error("tab-indentation", message, Span(path, span.line, column, span.line, column + 1), help="indent with spaces")
    problem = " ".join(str(refusal.problem or "not YAML").split())[:200]
    labels = []
    if refusal.context and refusal.context_mark is not None:
        labels.append(Label(_place(path, lines, refusal.context_mark), " ".join(str(refusal.context).split())[:200]))
    advice = next((text for part, text in ADVICE if part in problem), "")
    return error("syntax-error", f"not YAML: {problem}", span, labels=labels, help=advice)


def _place(path: str, lines: list[str], mark: Event) -> Span:
    """Return the mark's place, kept inside the text: the parsers count some line ends differently."""
    line = min(mark.line, len(lines) - 1)
    column = min(mark.column, len(lines[line]))
    return Span(path, line + 1, column + 1, line + 1, column + 1)
