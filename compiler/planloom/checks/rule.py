"""What a rule is: a code, a name, and a function over everything that was read.

A rule yields diagnostics and does nothing else: it does not raise, print, sort or read files. Its module's docstring is its page
(`checks.pages`): what, why, a failing example and the repaired one, both executed as tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planloom.core.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planloom.checks.facts import Facts
    from planloom.core.diagnostics import Edit, Label, Span


class Rule(NamedTuple):
    """One rule. `check` is None for what is found earlier, while reading, shaping or building."""

    code: str
    name: str
    severity: Severity
    page: str
    check: Callable[[Facts], Iterator[Diagnostic]] | None = None
    is_strict: bool = False

    @property
    def can_be_allowed(self) -> bool:
        """Whether a comment may allow what it finds: warnings, and security findings that somebody has looked at."""
        return not self.is_strict and (self.severity is Severity.WARNING or self.code.startswith("PL6"))


class Finder(NamedTuple):
    """Makes the diagnostics of one rule."""

    code: str
    name: str
    severity: Severity = Severity.ERROR
    is_strict: bool = False

    def at(
        self,
        span: Span,
        message: str,
        *,
        labels: Sequence[Label] = (),
        help: str = "",  # noqa: A002 - the field's name
        fix: Sequence[Edit] = (),
        severity: Severity | None = None,
    ) -> Diagnostic:
        """Return a diagnostic of this rule."""
        return Diagnostic(self.code, self.name, severity or self.severity, message, span, tuple(labels), help, tuple(fix))

    def rule(self, page: str | None, check: Callable[[Facts], Iterator[Diagnostic]]) -> Rule:
        """Return the rule itself; `page` is the module's docstring."""
        return Rule(self.code, self.name, self.severity, page or "", check, self.is_strict)


def found_early(page: str | None, severity: Severity = Severity.ERROR) -> Rule:
    """Return the rule of a page whose findings come from elsewhere: reading, shape, building, comments.

    The page's first line names it; no comment allows what it finds.
    """
    code, _, name = (page or "").partition(":")[0].partition(" ")
    return Rule(code, name, severity, page or "", is_strict=True)


def error(code: str, name: str, *, is_strict: bool = False) -> Finder:
    """Return what makes the diagnostics of a rule whose findings stop compilation; a strict one no comment allows."""
    return Finder(code, name, is_strict=is_strict)


def warning(code: str, name: str) -> Finder:
    """Return what makes the diagnostics of a rule whose findings don't stop compilation."""
    return Finder(code, name, Severity.WARNING)
