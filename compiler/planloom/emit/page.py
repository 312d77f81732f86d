"""The plan on a page: `generated/<plan>/README.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.emit.drawing import draw_mermaid
from planloom.records.compiled import STEPS_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.emit.waves import Wave
    from planloom.model.plan import Plan
    from planloom.records.compiled import CompiledPlan, CompiledStep

DRAWN_STEPS: Final = 150
"""Above this a browser refuses or nobody can read the graph (Mermaid stops at 500 edges)."""

LISTED_STEPS: Final = 1000
"""GitHub shows no page above 512 KB."""

_ESCAPES: Final = {**{mark: f"\\{mark}" for mark in "\\`*_{}[]()#+!|~-"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
_TRANSLATION: Final = str.maketrans(_ESCAPES)


def build_page(plan: Plan, compiled: CompiledPlan, steps: Sequence[CompiledStep], waves: Sequence[Wave]) -> bytes:
    """Return the page as Markdown. User text is escaped, so it stays text."""
    by_key = {step.key: step for step in steps}
    laid = [by_key[key] for key in compiled.order]
    wave_of = {step.key: number for number, wave in enumerate(waves, start=1) for step in (*wave.steps, *wave.manual)}
    parts = [
        f"<!-- Compiled by planloom from {plan.path}. Edit the plan, then run `planloom compile`. -->",
        f"# {_text(plan.name)}",
        *([_text(plan.description)] if plan.description else []),
        (
            f"Plan `{plan.id}` {_text(plan.version)}, {_count(len(laid), 'step')} in {_count(len(waves), 'wave')}, "
            f"{plan.workflow.execution} execution. Digest `sha256:{compiled.digest}`."
        ),
        *_graph(compiled, laid),
        "## Steps",
        _table(laid, wave_of),
        "## Who must approve what",
        _gates(laid),
        *_params(plan),
    ]
    return ("\n\n".join(parts) + "\n").encode("utf-8")


def _graph(compiled: CompiledPlan, laid: list[CompiledStep]) -> list[str]:
    if len(laid) > DRAWN_STEPS:
        return [f"Too many steps to draw here: `planloom graph {compiled.id} --format dot`."]
    drawn = draw_mermaid(compiled, laid).rstrip("\n")
    return [
        f"```mermaid\n{drawn}\n```",
        "Arrows are needs, dotted arrows order alone; hexagons wait for approval, round boxes are done by people.",
    ]


def _table(laid: list[CompiledStep], wave_of: dict[str, int]) -> str:
    rows = ["| step | name | wave | needs | hands on | attempts |", "|---|---|---|---|---|---|"]
    for step in laid[:LISTED_STEPS]:
        needs = f"`{'`, `'.join(step.needs)}`" if step.needs else ""
        outputs = ", ".join(map(_text, step.outputs))
        marks = " (manual)" if step.is_manual else ""
        marks += " (baseline)" if step.baseline else ""
        rows.append(f"| `{step.key}` | {_text(step.name)}{marks} | {wave_of[step.key]} | {needs} | {outputs} | {step.attempts} |")
    if len(laid) > LISTED_STEPS:
        rows.append(f"\n{len(laid) - LISTED_STEPS:,} more steps are in `{STEPS_NAME}`.")
    return "\n".join(rows)


def _gates(laid: list[CompiledStep]) -> str:
    waiting = [(step.key, step.gate) for step in laid if "gate" in step.definition]
    lines = [f"* `{key}`: {_count(gate[1], 'approval')} by {_text(gate[0])}" for key, gate in waiting if gate]
    return "\n".join(lines) or "Nobody: no step waits for an approval."


def _params(plan: Plan) -> list[str]:
    if not plan.params:
        return []
    rows = ["| parameter | type | meaning |", "|---|---|---|"]
    for param in plan.params:
        kind, meaning = param.schema.get("type", "string"), param.schema.get("description", "")
        rows.append(f"| `{param.name}` | {_text(str(kind))} | {_text(str(meaning))} |")
    return ["## Parameters", "\n".join(rows)]


def _text(text: str) -> str:
    """Return user text on one line, with everything escaped that Markdown or HTML would read."""
    line = " ".join(text.split())
    return line if _ESCAPES.keys().isdisjoint(line) else line.translate(_TRANSLATION)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
