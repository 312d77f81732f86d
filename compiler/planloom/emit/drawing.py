"""A compiled plan as a drawing: Mermaid, Graphviz DOT, JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from planloom.records.compiled import CompiledPlan, CompiledStep


def draw_mermaid(plan: CompiledPlan, steps: Iterable[CompiledStep]) -> str:
    """Return a Mermaid flowchart: arrows are needs, dotted ones barriers; round boxes are done by people, hexagons wait for approval."""
    laid = _in_order(plan, steps)
    # Numbers, not keys: `end` and other words of Mermaid's own are fine step keys.
    ids = {step.key: f"s{number}" for number, step in enumerate(laid, start=1)}
    lines = ["flowchart LR"]
    for step in laid:
        left, right = _mermaid_shape(step)
        lines.append(f'  {ids[step.key]}{left}"{step.key}"{right}')
    for before, after, is_need in _edges(laid):
        lines.append(f"  {ids[before]} {'-->' if is_need else '-.->'} {ids[after]}")
    return "\n".join(lines) + "\n"


def draw_dot(plan: CompiledPlan, steps: Iterable[CompiledStep]) -> str:
    """Return a Graphviz digraph with the same meaning of shapes and lines."""
    laid = _in_order(plan, steps)
    lines = [f'digraph "{plan.id}" {{', "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for step in laid:
        shape = "hexagon" if step.gate else "ellipse" if step.is_manual else "box"
        lines.append(f'  "{step.key}" [shape={shape}];')
    for before, after, is_need in _edges(laid):
        lines.append(f'  "{before}" -> "{after}"{"" if is_need else " [style=dotted]"};')
    lines.append("}")
    return "\n".join(lines) + "\n"


def draw_json(plan: CompiledPlan, steps: Iterable[CompiledStep]) -> str:
    """Return nodes and edges as JSON, in launch order."""
    laid = _in_order(plan, steps)
    nodes = [
        {
            "key": step.key,
            "name": step.name,
            "order": step.order,
            "position": step.position,
            "parallelizable": step.parallelizable,
            "manual": step.is_manual,
            "baseline": step.baseline,
            "gate": {"role": step.gate[0], "approvals": step.gate[1]} if step.gate else None,
        }
        for step in laid
    ]
    edges = [{"from": a, "to": b, "kind": "needs" if is_need else "barrier"} for a, b, is_need in _edges(laid)]
    value = {"plan": plan.id, "version": plan.version, "digest": plan.digest, "nodes": nodes, "edges": edges}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _in_order(plan: CompiledPlan, steps: Iterable[CompiledStep]) -> tuple[CompiledStep, ...]:
    by_key = {step.key: step for step in steps}
    return tuple(by_key[key] for key in plan.order)


def _mermaid_shape(step: CompiledStep) -> tuple[str, str]:
    if step.gate:
        return "{{", "}}"
    return ("([", "])") if step.is_manual else ("[", "]")


def _edges(steps: Iterable[CompiledStep]) -> Iterator[tuple[str, str, bool]]:
    for step in steps:
        needs = frozenset(step.needs)
        for before in step.predecessors:
            yield before, step.key, before in needs


FORMATS: dict[str, Callable[[CompiledPlan, Iterable[CompiledStep]], str]] = {
    "mermaid": draw_mermaid,
    "dot": draw_dot,
    "json": draw_json,
}
