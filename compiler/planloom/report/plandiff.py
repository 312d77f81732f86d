"""A comparison of plans as text, JSON and Markdown: new privileges first."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.checks.comparing import ADDED, CHANGED, REMOVED
from planloom.report.diagnostics import visible
from planloom.report.diagnostics_formats import MAX_SUMMARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.checks.comparing import FieldChange, PlanChange
    from planloom.trust.policydiff import PolicyChange

JSON_SCHEMA: Final = "planloom/diff/v1"
MAX_LINES: Final = 40
"""Lines of one changed command that are shown."""

_SIGNS: Final = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


@dataclass(frozen=True, slots=True)
class ItemEffect:
    """What moving an open work item to the new version would do.

    Shape: step keys in plan order: completed ones that would start again, those ready before and after.
    """

    item: str
    plan: str
    invalidated: tuple[str, ...]
    ready_before: tuple[str, ...]
    ready_after: tuple[str, ...]


def verdict(changes: Sequence[PlanChange]) -> str:
    """Return the comparison in one sentence."""
    if not changes:
        return "The plans mean the same."
    steps = [step.kind for change in changes for step in change.steps]
    parts = [f"{_count(steps.count(kind), 'step')} {kind}" for kind in (ADDED, REMOVED, CHANGED) if kind in steps]
    weaker = [privilege for change in changes for privilege in change.privileges]
    open_ones = [privilege for change in changes if not change.acknowledged for privilege in change.privileges]
    if weaker:
        state = f"{len(open_ones)} not acknowledged" if open_ones else "all acknowledged"
        parts.append(f"{_count(len(weaker), 'new privilege')} ({state})")
    else:
        parts.append("no new privileges")
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def render_text(changes: Sequence[PlanChange], effects: Sequence[ItemEffect], policy: Sequence[PolicyChange] = ()) -> str:
    """Return the comparison for a terminal; changes of the trust policy come first, they are privileges too."""
    lines: list[str] = []
    if policy:
        lines += ["trust policy changed (specs/trust/policy.json)"]
        lines += [f"  {'!' if change.weakens else '~'} {visible(change.text)}" for change in policy] + [""]
    # Those of all plans before the details of any: nothing long can push them out of sight.
    for change in changes:
        lines += _text_privileges(change)
    for change in changes:
        lines.append(f"{change.id} {change.kind} ({visible(change.path)})")
        lines += [f"  {field.field}: {_short(field.before)} → {_short(field.after)}" for field in change.fields]
        for step in change.steps:
            lines.append(f"  {_SIGNS[step.kind]} step {step.key}")
            for field in step.fields:
                lines += [f"      {line}" for line in _text_field(field)]
        lines += [f"  {line}" for line in _longest(change)]
        lines += [f"  {line}" for effect in effects if effect.plan == change.id for line in _effect(effect)]
        lines.append("")
    return "\n".join((*lines, verdict(changes))) + "\n"


def _text_privileges(change: PlanChange) -> list[str]:
    if not change.privileges:
        return []
    state = "acknowledged in the plan" if change.acknowledged else "not acknowledged"
    return [
        f"new privileges of {change.id} ({state}):",
        *(f"  ! {f'step {p.step} ' if p.step else ''}{visible(p.message)}" for p in change.privileges),
        "",
    ]


def _text_field(field: FieldChange) -> list[str]:
    if "\n" not in field.before + field.after:
        return [f"{field.field}: {_short(field.before)} → {_short(field.after)}"]
    return [f"{field.field}:", *(f"  {visible(line)}" for line in _unified(field))]


def _unified(field: FieldChange) -> list[str]:
    rows = difflib.unified_diff(field.before.splitlines(), field.after.splitlines(), lineterm="", n=1)
    lines = [row for row in rows if not row.startswith(("---", "+++", "@@"))]
    return [*lines[:MAX_LINES], f"… {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else lines


def _short(text: str) -> str:
    shown = visible(text)
    return (shown if len(shown) <= 100 else shown[:100] + "…") or "none"


def _longest(change: PlanChange) -> list[str]:
    before, after = len(change.longest_before), len(change.longest_after)
    if before == after or change.kind != CHANGED:
        return []
    return [f"longest path: {before} → {after} steps ({' → '.join(change.longest_after[:20])}{' …' if after > 20 else ''})"]


def _effect(effect: ItemEffect) -> list[str]:
    lines = [f"work item {effect.item}, when it is migrated:"]
    if effect.invalidated:
        lines.append(f"  done and to be done again: {', '.join(effect.invalidated)}")
    if effect.ready_before != effect.ready_after:
        lines.append(f"  ready: {', '.join(effect.ready_before) or 'none'} → {', '.join(effect.ready_after) or 'none'}")
    return lines if len(lines) > 1 else [f"work item {effect.item} keeps all its work when it is migrated"]


def render_json(changes: Sequence[PlanChange], effects: Sequence[ItemEffect], policy: Sequence[PolicyChange] = ()) -> str:
    """Return the comparison as one JSON document."""
    value = {
        "schema": JSON_SCHEMA,
        "verdict": verdict(changes),
        "acknowledged": all(change.acknowledged for change in changes),
        "plans": [_json_plan(change) for change in changes],
        "trustPolicy": [{"text": change.text, "weakens": change.weakens} for change in policy],
        "workItems": [
            {
                "workItem": effect.item,
                "plan": effect.plan,
                "invalidated": list(effect.invalidated),
                "readyBefore": list(effect.ready_before),
                "readyAfter": list(effect.ready_after),
            }
            for effect in effects
        ],
    }
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1) + "\n"


def _json_plan(change: PlanChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "path": change.path,
        "kind": change.kind,
        "acknowledged": change.acknowledged,
        "privilegeDigest": change.privilege_digest if change.privileges else "",
        "privileges": [{"kind": p.kind, "step": p.step, "message": p.message} for p in change.privileges],
        "fields": [_json_field(field) for field in change.fields],
        "steps": [{"key": s.key, "kind": s.kind, "fields": [_json_field(field) for field in s.fields]} for s in change.steps],
        "longestPath": {"before": list(change.longest_before), "after": list(change.longest_after)},
    }


def _json_field(field: FieldChange) -> Mapping[str, str]:
    return {"field": field.field, "before": field.before, "after": field.after}


def render_markdown(changes: Sequence[PlanChange], effects: Sequence[ItemEffect], policy: Sequence[PolicyChange] = ()) -> str:
    """Return the comparison for a job summary. A plan's text is not trusted: it stays text."""
    lines = ["## What changes in the plans", "", _plain(verdict(changes)), ""]
    if policy:
        lines += ["### The trust policy changes", ""]
        lines += [f"- {'**more may be signed:** ' if change.weakens else ''}{_plain(change.text)}" for change in policy]
        lines.append("")
    # Those of all plans before the details of any: a summary may be cut, and nothing long can push them out of sight.
    for change in changes:
        if change.privileges:
            state = "acknowledged in the plan" if change.acknowledged else "**not acknowledged**"
            lines += [f"### New privileges of {_plain(change.id)}, {state}", ""]
            lines += [f"- {f'step {_plain(p.step)} ' if p.step else ''}{_plain(p.message)}" for p in change.privileges]
            lines.append("")
    for change in changes:
        lines += [f"### {_plain(change.id)} {change.kind}", ""]
        fields = [("plan", field) for field in change.fields]
        fields += [(step.key, field) for step in change.steps for field in step.fields]
        rows = [(where, field) for where, field in fields if "\n" not in field.before + field.after]
        alone = [step for step in change.steps if not step.fields]
        if alone:
            lines += [*(f"- step {_plain(step.key)} {step.kind}" for step in alone), ""]
        if rows:
            lines += ["| where | what | before | after |", "| --- | --- | --- | --- |"]
            lines += [
                f"| {_plain(where)} | {f.field} | {_plain(_short(f.before))} | {_plain(_short(f.after))} |" for where, f in rows
            ]
            lines.append("")
        for where, field in fields:
            if "\n" in field.before + field.after:
                lines += [f"{_plain(where)}, {field.field}:", "", *_fenced(_unified(field)), ""]
        notes = [*_longest(change), *(line.strip() for e in effects if e.plan == change.id for line in _effect(e))]
        if notes:
            lines += [*(f"- {_plain(note)}" for note in notes), ""]
    return _bound(lines)


def _bound(lines: Sequence[str]) -> str:
    """Return the lines as text, cut where a job summary is full: of one that is too big GitHub shows nothing."""
    size, fence = 0, ""
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > MAX_SUMMARY:
            rest = [fence] if fence else []
            return "\n".join([*lines[:number], *rest, "", "The rest does not fit here: `planloom diff` shows all."]) + "\n"
        if line.startswith("```"):
            fence = "" if fence else line.removesuffix("diff")
    return "\n".join(lines)


def _fenced(rows: Sequence[str]) -> list[str]:
    """Return lines as a block of code with a fence that none of them can close."""
    longest = max((len(run) for row in rows for run in re.findall(r"`+", row)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}diff", *(visible(row) for row in rows), fence]


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, no links, no line of its own."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", " ").replace("\n", " ")
    return "".join(f"\\{c}" if c in "\\`*_[]|!~#@" else c for c in escaped)
