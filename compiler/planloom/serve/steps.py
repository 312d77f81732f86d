"""The steps of a plan as an editor asks for them: where each is named, who needs it, what it does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Edit, Span
from planloom.core.errors import InputError
from planloom.core.names import is_step_key
from planloom.syntax.nodes import ListNode, MapNode
from planloom.syntax.scalars import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planloom.model.plan import Plan
    from planloom.syntax.nodes import Node

_STEP_LINE: Final = re.compile(r"""^\s*-\s+key:\s*["']?([a-z0-9][a-z0-9-]*)""")
_RUN_LINES: Final = 6
"""Lines of a command that a hover shows."""


@dataclass(frozen=True, slots=True)
class Need:
    """A need as written: the key, and its place."""

    key: str
    span: Span


@dataclass(frozen=True, slots=True)
class Named:
    """A step as written: its key, the key's place, and its needs."""

    key: str
    span: Span
    needs: tuple[Need, ...]
    node: MapNode


def find_steps(node: Node) -> tuple[Named, ...]:
    """Return the steps of a document, whatever else is wrong with it."""
    steps = node.get("steps") if isinstance(node, MapNode) else None
    return tuple(_named(step) for step in steps or () if _has_key(step)) if isinstance(steps, ListNode) else ()


def guess_keys(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the step keys of a text that can't be read just now."""
    return tuple(dict.fromkeys(found[1] for line in lines if (found := _STEP_LINE.match(line))))


def _has_key(step: Node) -> bool:
    return isinstance(step, MapNode) and isinstance(step.get("key"), str)


def _named(step: Node) -> Named:
    if not isinstance(step, MapNode):
        raise TypeError
    needs = step.get("needs")
    found: list[Need] = []
    if isinstance(needs, ListNode):
        found = [Need(key, needs.item_span(i)) for i, key in enumerate(needs) if isinstance(key, str)]
    return Named(str(step["key"]), step.value_span("key"), tuple(found), step)


def key_at(steps: Sequence[Named], line: int, column: int) -> tuple[str, Span] | None:
    """Return the key that stands at a place (1-based), as a step's own or as a need, and where it stands."""
    for step in steps:
        for key, span in ((step.key, step.span), *((need.key, need.span) for need in step.needs)):
            if span.line == line and span.column <= column <= span.end_column:
                return key, span
    return None


def origin_of(key: str, steps: Sequence[Named], groups: Mapping[str, Sequence[str]]) -> Named | None:
    """Return the step that a key means: its own, or the `foreach` that it was made from."""
    for step in steps:
        if step.key == key or key in groups.get(step.key, ()):
            return step
    return None


def uses_of(step: Named, steps: Sequence[Named], groups: Mapping[str, Sequence[str]]) -> Iterator[Need]:
    """Yield every need that means a step or one that its `foreach` makes."""
    meant = {step.key, *groups.get(step.key, ())}
    for other in steps:
        for need in other.needs:
            if need.key in meant:
                yield need


def rename(
    step: Named, new: str, steps: Sequence[Named], groups: Mapping[str, Sequence[str]], lines: Sequence[str]
) -> tuple[Edit, ...]:
    """Return the edits that give a step another key, everywhere in its plan. Raises: InputError when it can't have this key."""
    if not is_step_key(new):
        message = f"'{new}' can't be a step's key: lower-case letters, digits and '-' only, at most 63"
        raise InputError(message)
    taken = origin_of(new, steps, groups)
    if taken is not None and taken.key != step.key:
        message = f"the plan has a step '{new}' already"
        raise InputError(message)
    places = [(step.key, step.span), *((need.key, need.span) for need in uses_of(step, steps, groups))]
    return tuple(Edit(span, _written(new + key[len(step.key) :], span, lines)) for key, span in places)


def _written(key: str, span: Span, lines: Sequence[str]) -> str:
    """Return a key as it stands in YAML: in the quotes that it had, and in quotes where it would be read as something else."""
    before = lines[span.line - 1][span.column - 1 : span.column]
    if before in {'"', "'"}:
        return f"{before}{key}{before}"
    return f'"{key}"' if key.lower() in WORDS or key[0].isdigit() else key


def describe_step(step: Named, steps: Sequence[Named], plan: Plan | None) -> str:
    """Return a step in Markdown: name, what it needs and who needs it, its gate, the beginning of its command."""
    groups = plan.groups if plan else {}
    lines = [f"**{step.key}**" + (f": {step.node['name']}" if isinstance(step.node.get("name"), str) else "")]
    made = groups.get(step.key, ())
    if made:
        lines += ["", f"Makes {len(made)} steps: {', '.join(made[:8])}{', …' if len(made) > 8 else ''}"]
    lines += ["", f"Needs: {', '.join(need.key for need in step.needs) or 'nothing'}"]
    meant = {step.key, *made}
    needed_by = [other.key for other in steps if any(need.key in meant for need in other.needs)]
    lines += ["", f"Needed by: {', '.join(needed_by) or 'nothing'}"]
    gate = next((s.gate for s in plan.steps if (s.group or s.key) == step.key), None) if plan else None
    if gate is not None:
        lines += ["", f"Waits for {gate.approvals} approval{'' if gate.approvals == 1 else 's'} by {gate.role}"]
    command = step.node.get("run")
    if isinstance(command, str):
        shown = command.strip().splitlines()
        more = ["…"] if len(shown) > _RUN_LINES else []
        lines += ["", "```sh", *shown[:_RUN_LINES], *more, "```"]
    elif "steps" not in step.node:
        lines += ["", "A person or an agent does it: it has no command."]
    return "\n".join(lines)
