"""The answers to an editor's questions, in its own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from planloom.core.diagnostics import Severity
from planloom.serve.cursor import ITEM, find_cursor
from planloom.serve.fields import describe_field, fields_at, schema_of, values_at
from planloom.serve.positions import to_range, to_units
from planloom.serve.steps import describe_step, guess_keys, key_at, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.core.diagnostics import Diagnostic, Edit, Span
    from planloom.model.plan import Plan
    from planloom.serve.cursor import Cursor
    from planloom.serve.steps import Named

NEEDS = ("steps", ITEM, "needs", ITEM)


def describe_diagnostic(
    one: Diagnostic, lines: Mapping[str, Sequence[str]], encoding: str, uris: Mapping[str, str]
) -> types.Diagnostic:
    """Return a diagnostic; `lines` and `uris` by path, for the places that it names beside its own."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uris[label.span.path], _range(label.span, lines, encoding)), label.message
        )
        for label in one.labels
        if label.span.path in uris
    ]
    return types.Diagnostic(
        range=_range(one.span, lines, encoding),
        message=f"{one.message}\n{one.help}" if one.help else one.message,
        severity=types.DiagnosticSeverity.Error if one.severity is Severity.ERROR else types.DiagnosticSeverity.Warning,
        code=one.code,
        source="planloom",
        related_information=related or None,
    )


def _range(span: Span, lines: Mapping[str, Sequence[str]], encoding: str) -> types.Range:
    return to_range(span, lines.get(span.path, ()), encoding)


def text_edits(edits: Sequence[Edit], lines: Sequence[str], encoding: str) -> list[types.TextEdit]:
    """Return edits of one file."""
    return [types.TextEdit(to_range(edit.span, lines, encoding), edit.text) for edit in edits]


def complete(
    path: str, lines: Sequence[str], line: int, column: int, encoding: str, steps: Sequence[Named], plan: Plan | None
) -> list[types.CompletionItem]:
    """Return what may be written at a place: keys of steps in `needs`, names of fields, values that can be counted."""
    cursor = find_cursor(lines, line, column)
    if cursor.in_text:
        return []
    schema = schema_of(path)
    if cursor.route == NEEDS or cursor.route == (*NEEDS[:-1],):
        return [
            _item(lines, line, cursor, encoding, key, types.CompletionItemKind.Reference, "step")
            for key in _keys(lines, steps, plan)
        ]
    items = [
        _item(lines, line, cursor, encoding, value, types.CompletionItemKind.Value, "")
        for value in values_at(schema, cursor.route)
    ]
    if not cursor.is_value:
        for name, field in fields_at(schema, cursor.route).items():
            if name not in cursor.siblings - {cursor.word}:
                kind = types.CompletionItemKind.Field
                item = _item(lines, line, cursor, encoding, f"{name}: ", kind, field.get("title", ""), name)
                item.documentation = types.MarkupContent(types.MarkupKind.Markdown, describe_field(name, field))
                items.append(item)
    return items


def _keys(lines: Sequence[str], steps: Sequence[Named], plan: Plan | None) -> list[str]:
    keys = [step.key for step in steps] or list(guess_keys(lines))
    made = [key for group in (plan.groups.values() if plan else ()) for key in group]
    return list(dict.fromkeys([*keys, *made]))


def _item(
    lines: Sequence[str],
    line: int,
    cursor: Cursor,
    encoding: str,
    text: str,
    kind: types.CompletionItemKind,
    detail: str,
    label: str = "",
) -> types.CompletionItem:
    whole = lines[line] if line < len(lines) else ""
    start, end = (types.Position(line, to_units(whole, at, encoding)) for at in (cursor.start, cursor.end))
    return types.CompletionItem(
        label=label or text,
        kind=kind,
        detail=detail or None,
        filter_text=label or text,
        text_edit=types.TextEdit(types.Range(start, end), text),
    )


def hover(path: str, lines: Sequence[str], line: int, column: int, steps: Sequence[Named], plan: Plan | None) -> str:
    """Return what is known of the word at a place, in Markdown; "" for nothing."""
    found = key_at(steps, line + 1, column + 1)
    if found is not None:
        step = origin_of(found[0], steps, plan.groups if plan else {})
        return describe_step(step, steps, plan) if step is not None else ""
    text = lines[line] if line < len(lines) else ""
    at = find_cursor(lines, line, column)
    if at.in_text:
        return ""
    # The key's own field: the text up to its colon says where it is.
    colon = text.find(":", at.start)
    name = text[at.start : at.end]
    if not name or colon != at.end + (1 if text[at.end : at.end + 1] in {'"', "'"} else 0):
        return ""
    inside = find_cursor(lines, line, at.start)
    field = fields_at(schema_of(path), inside.route).get(name)
    return describe_field(name, field) if field is not None else ""
