"""Diagnostics for programs: JSON, GitHub annotations, SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from planloom import VERSION
from planloom.core.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from planloom.core.diagnostics import Diagnostic, Span

MAX_ANNOTATIONS: Final = 10
"""GitHub shows so many errors and so many warnings of a step. Source: REST "checks/runs", annotations."""

MAX_SUMMARY: Final = 1_000_000
"""Bytes: GitHub takes 1 MiB of a step and shows nothing of more. Source: workflow commands, "Step isolation and limits"."""

JSON_SCHEMA: Final = "planloom/diagnostics/v1"
SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME: Final = "https://github.com/planloom/planloom"


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one JSON document: {schema, errors, warnings, diagnostics[]}; lines and columns are 1-based."""
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    value = {
        "schema": JSON_SCHEMA,
        "errors": errors,
        "warnings": len(diagnostics) - errors,
        "diagnostics": [_json_one(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1) + "\n"


def _json_one(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "span": _json_span(diagnostic.span),
        "labels": [{"span": _json_span(label.span), "message": label.message} for label in diagnostic.labels],
        "help": diagnostic.help,
        "fix": [{"span": _json_span(edit.span), "text": edit.text} for edit in diagnostic.fix],
    }


def _json_span(span: Span) -> dict[str, Any]:
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """Return workflow commands for what GitHub shows: the first ten errors and the first ten warnings.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, "Setting an error message".
    """
    lines: list[str] = []
    for severity in (Severity.ERROR, Severity.WARNING):
        some = [diagnostic for diagnostic in diagnostics if diagnostic.severity is severity]
        lines.extend(_annotation(diagnostic) for diagnostic in some[:MAX_ANNOTATIONS])
    return "".join(lines)


def hidden_by_github(diagnostics: Sequence[Diagnostic]) -> int:
    """Return how many diagnostics GitHub would not show as annotations."""
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    return max(0, errors - MAX_ANNOTATIONS) + max(0, len(diagnostics) - errors - MAX_ANNOTATIONS)


def _annotation(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place = {"file": span.path, "line": span.line, "col": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    if span.end_line != span.line:
        # GitHub takes columns only within one line.
        place = {"file": span.path, "line": span.line, "endLine": span.line}
    properties = ",".join(f"{name}={_escape_property(str(value))}" for name, value in place.items())
    title = _escape_property(f"{diagnostic.code} {diagnostic.rule}")
    text = f"{diagnostic.message}; {diagnostic.help}" if diagnostic.help else diagnostic.message
    return f"::{diagnostic.severity.value} {properties},title={title}::{_escape(text)}\n"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def render_summary(diagnostics: Sequence[Diagnostic]) -> str:
    """Return a Markdown table of all diagnostics, for a job summary; of more than it can hold the first ones, errors first."""
    if not diagnostics:
        return "No findings in the plans.\n"
    by_weight = sorted(diagnostics, key=lambda d: d.severity is not Severity.ERROR)
    rows = (
        f"| `{d.span.path}:{d.span.line}:{d.span.column}` | {d.code} | {_cell(d.message)} | {_cell(d.help)} |" for d in by_weight
    )
    return bound_table(["| place | code | what | what to do |", "| --- | --- | --- | --- |"], rows, len(by_weight))


def bound_table(head: Sequence[str], rows: Iterable[str], count: int) -> str:
    """Return a Markdown table of what fits into a job summary, and a line that says how many rows it leaves out."""
    kept, size = list(head), 0
    for row in rows:
        size += len(row.encode()) + 1
        if size > MAX_SUMMARY:
            left = count - (len(kept) - len(head))
            return "\n".join([*kept, "", f"{left:,} more are not shown here; the log and `--format json` have them."]) + "\n"
        kept.append(row)
    return "\n".join(kept) + "\n"


def render_drift(drifts: Sequence[tuple[str, str, str]]) -> str:
    """Return annotations of files that are not as compiling leaves them: (path, what it is, the command that repairs it)."""
    return "".join(
        f"::error file={_escape_property(path)},title=planloom::{_escape(f'{kind}: run {repair}')}\n"
        for path, kind, repair in drifts[:MAX_ANNOTATIONS]
    )


def summarise_drift(drifts: Sequence[tuple[str, str, str]]) -> str:
    """Return a Markdown table of the same, for a job summary."""
    rows = (f"| {_cell(path)} | {kind} | `{repair}` |" for path, kind, repair in drifts)
    return bound_table(["| compiled file | state | what to do |", "| --- | --- | --- |"], rows, len(drifts))


def _cell(text: str) -> str:
    """Return text that stays one cell and brings no markup of its own: a plan's text is not trusted."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", " ").replace("\n", " ")
    return "".join(f"\\{c}" if c in "\\`*_[]|!~#" else c for c in escaped)


def render_sarif(diagnostics: Sequence[Diagnostic], pages: Mapping[str, str]) -> str:
    """Return a SARIF 2.1.0 log; `pages` maps a code to one line about the rule.

    Columns count code points (`columnKind: unicodeCodePoints`). Source: OASIS SARIF 2.1.0, sections 3.14 to 3.33.
    """
    rules = {diagnostic.code: diagnostic.rule for diagnostic in diagnostics}
    codes = sorted(rules)
    run = {
        "tool": {
            "driver": {
                "name": "planloom",
                "version": VERSION,
                "informationUri": HOME,
                "rules": [
                    {"id": code, "name": _pascal(rules[code]), "shortDescription": {"text": pages.get(code, rules[code])}}
                    for code in codes
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "SRCROOT": {"description": {"text": "The top of the checkout; without one the folder that holds specs/"}}
        },
        "results": [_sarif_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in diagnostics],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=True, indent=1) + "\n"


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _sarif_result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    text = f"{diagnostic.message}. Help: {diagnostic.help}" if diagnostic.help else diagnostic.message
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": _sarif_place(diagnostic.span)}],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": label.message}, "physicalLocation": _sarif_place(label.span)}
            for number, label in enumerate(diagnostic.labels, 1)
        ]
    if diagnostic.fix:
        result["fixes"] = [{"description": {"text": diagnostic.help or "repair"}, "artifactChanges": _sarif_changes(diagnostic)}]
    return result


def _sarif_changes(diagnostic: Diagnostic) -> list[dict[str, Any]]:
    paths = sorted({edit.span.path for edit in diagnostic.fix})
    return [
        {
            "artifactLocation": _sarif_file(path),
            "replacements": [
                {"deletedRegion": _sarif_region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in diagnostic.fix
                if edit.span.path == path
            ],
        }
        for path in paths
    ]


def _sarif_file(path: str) -> dict[str, str]:
    return {"uri": "".join(_uri_character(byte) for byte in path.encode("utf-8")), "uriBaseId": "SRCROOT"}


def _uri_character(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and (character.isalnum() or character in "/-._~") else f"%{byte:02X}"


def _sarif_place(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _sarif_file(span.path), "region": _sarif_region(span)}


def _sarif_region(span: Span) -> dict[str, int]:
    return {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}


def one_line_pages(rules: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return code → the first line of its page, without the code and name."""
    return {code: page.split("\n", 1)[0].partition(": ")[2] for code, page in rules}
