"""Comments that allow a finding in one place: `# planloom: allow[rule-name] reason`.

A comment beside a line allows what is found on that line; a comment on a line of its own allows what is found on the next line that
is not such a comment. It allows warnings and security findings, never what makes a plan wrong. One that allows nothing, names no rule
or gives no reason is itself a finding, so that none outlives what it was for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core.diagnostics import Diagnostic, Span
from planloom.syntax.findings import warn
from planloom.syntax.suggest import advise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from planloom.checks.rule import Rule

_COMMENT: Final = r"#[ \t]*planloom:[ \t]*allow\[([^\]\n]*)\][ \t]*([^\n]*)"

MAX_COMMENTS: Final = 1_000
"""Of one file; more of them allow nothing."""


class Allowance(NamedTuple):
    """One comment: `line` is the line whose findings it allows."""

    rules: tuple[str, ...]
    reason: str
    line: int
    span: Span


def read_allowances(path: str, content: bytes) -> list[Allowance]:
    """Return the comments of a file, in order. Costs nothing for a file without any."""
    if b"planloom:" not in content or b"allow[" not in content:
        return []
    found: list[Allowance] = []
    waiting: list[tuple[re.Match[str], int]] = []  # comments on lines of their own, which allow the line after them
    for number, line in enumerate(content.decode("utf-8", errors="replace").split("\n"), 1):
        match = re.search(_COMMENT, line) if "allow[" in line else None
        if match is not None and not line[: match.start()].strip():
            waiting.append((match, number))
            continue
        found.extend(_allowance(path, earlier, place, number) for earlier, place in waiting)
        waiting = []
        if match is not None:
            found.append(_allowance(path, match, number, number))
        if len(found) >= MAX_COMMENTS:
            break
    found.extend(_allowance(path, earlier, place, place) for earlier, place in waiting)
    return found[:MAX_COMMENTS]


def _allowance(path: str, match: re.Match[str], place: int, line: int) -> Allowance:
    names = tuple(name.strip() for name in match[1].split(","))
    return Allowance(names, match[2].strip(), line, Span(path, place, match.start() + 1, place, match.end() + 1))


def apply_allowances(
    found: Iterable[Diagnostic], sources: Mapping[str, bytes], name_rules: Callable[[], Mapping[str, Rule]]
) -> list[Diagnostic]:
    """Return what no comment allows, and what is wrong with the comments themselves. `name_rules` gives every rule by its name."""
    allowances = [a for path in sorted(sources) for a in read_allowances(path, sources[path])]
    if not allowances:
        return list(found)
    rules = name_rules()
    by_place: dict[tuple[str, int, str], list[int]] = {}
    for index, allowance in enumerate(allowances):
        for name in allowance.rules:
            by_place.setdefault((allowance.span.path, allowance.line, name), []).append(index)
    used: set[tuple[int, str]] = set()
    kept: list[Diagnostic] = []
    for diagnostic in found:
        indexes = by_place.get((diagnostic.span.path, diagnostic.span.line, diagnostic.rule), [])
        rule = rules.get(diagnostic.rule)
        if indexes and rule is not None and (rule.can_be_allowed or diagnostic.severity.value == "warning"):
            used.update((index, diagnostic.rule) for index in indexes)
        else:
            kept.append(diagnostic)
    for index, allowance in enumerate(allowances):
        kept.extend(_check_comment(allowance, [name for name in allowance.rules if (index, name) in used], rules))
    return kept


def _check_comment(allowance: Allowance, used: list[str], rules: Mapping[str, Rule]) -> Iterable[Diagnostic]:
    for name in allowance.rules:
        if name not in rules:
            help_text = advise(name, rules) or "planloom explain lists all rules"
            yield warn("unknown-allowance", f"no rule is named '{name[:60]}'", allowance.span, help=help_text)
        elif name not in used:
            yield warn(
                "unused-allowance", f"nothing is found here that allow[{name}] would allow", allowance.span, help="remove it"
            )
    if not allowance.reason:
        yield warn(
            "silent-allowance", "the comment gives no reason", allowance.span, help="write behind it why this is right here"
        )
