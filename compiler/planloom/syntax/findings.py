"""The codes of what reading, shape and values can have wrong, and how such a diagnostic is made.

A code is stable: it is never given to another meaning. The pages that explain them lie with the rules (`checks.rules`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Diagnostic, Edit, Label, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

CODES: Final[dict[str, str]] = {
    # unreadable
    "syntax-error": "PL101",
    "not-utf-8": "PL102",
    "utf-16": "PL103",
    "byte-order-mark": "PL104",
    "control-character": "PL105",
    "hidden-character": "PL106",
    "tab-indentation": "PL107",
    "duplicate-key": "PL108",
    "anchor": "PL109",
    "alias": "PL110",
    "merge-key": "PL111",
    "tag": "PL112",
    "several-documents": "PL113",
    "deep-nesting": "PL114",
    "big-file": "PL115",
    "long-text": "PL116",
    "empty-file": "PL117",
    "yaml-directive": "PL118",
    "odd-key": "PL119",
    "big-number": "PL120",
    "escaped-control": "PL121",
    "outside-file": "PL122",
    # shape
    "unknown-key": "PL201",
    "missing-key": "PL202",
    "wrong-type": "PL203",
    "unknown-choice": "PL204",
    "bad-name": "PL205",
    "out-of-range": "PL206",
    "too-few": "PL207",
    "too-many": "PL208",
    "unquoted-number": "PL210",
    "unknown-schema": "PL212",
    # values
    "duplicate-step": "PL301",
    "run-and-steps": "PL302",
    "foreach-collision": "PL303",
    "foreach-too-big": "PL304",
    "bad-param": "PL305",
    # comments
    "unused-allowance": "PL340",
    "unknown-allowance": "PL341",
    "silent-allowance": "PL342",
}
"""Rule name → code, for everything found before the rules run."""


def error(
    rule: str,
    message: str,
    span: Span,
    *,
    labels: Sequence[Label] = (),
    help: str = "",  # noqa: A002 - the field's name
    fix: Sequence[Edit] = (),
) -> Diagnostic:
    """Return an error of this rule."""
    return Diagnostic(CODES[rule], rule, Severity.ERROR, message, span, tuple(labels), help, tuple(fix))


def warn(rule: str, message: str, span: Span, *, help: str = "") -> Diagnostic:  # noqa: A002 - the field's name
    """Return a warning of this rule."""
    return Diagnostic(CODES[rule], rule, Severity.WARNING, message, span, (), help)
