"""Diagnostics: findings about the user's files, as data.

A check yields diagnostics and never raises, prints or sorts; `sort_diagnostics` is the one place that
orders them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Span(NamedTuple):
    """A half-open range of one source file.

    Shape: `path` is relative to the project, with `/`; lines and columns are 1-based, columns count code
    points; `end_column` is exclusive. An empty range (start == end) points between two characters.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


class Severity(Enum):
    """How much a diagnostic matters: an error stops compilation, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Label(NamedTuple):
    """A second place that explains the first, for example "first defined here"."""

    span: Span
    message: str


class Edit(NamedTuple):
    """Replace the text of `span` by `text`; a safe repair is a tuple of these, not overlapping."""

    span: Span
    text: str


class Diagnostic(NamedTuple):
    """One finding.

    Shape: `code` is stable (`PL` and three digits), `rule` reads well after "allow" (`unknown-need`), `message` is one
    terse sentence without full stop, `span` the smallest text to edit, `help` what to do (may be empty),
    `fix` a safe repair (may be empty).
    """

    code: str
    rule: str
    severity: Severity
    message: str
    span: Span
    labels: tuple[Label, ...] = ()
    help: str = ""
    fix: tuple[Edit, ...] = ()


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics by place, then code, then message, each once.

    Guarantee: a total order that depends on nothing but the diagnostics.
    """
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.span, d.code, d.message)))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any diagnostic is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)
