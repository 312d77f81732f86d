"""Writing `workflow.privileges-acknowledged` into a plan, with every other byte as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.errors import InputError

if TYPE_CHECKING:
    from planloom.core.diagnostics import Span
    from planloom.model.plan import Plan

KEY: Final = "privileges-acknowledged"


def acknowledge(plan: Plan, content: bytes, digest: str) -> bytes:
    """Return the plan's file with the digest in its place. Raises: InputError when the file has an unusual form."""
    text = content.decode("utf-8")
    node = plan.node
    workflow = node.map_at("workflow")
    newline = "\r\n" if "\r\n" in text else "\n"
    if KEY in workflow:
        return _replace(text, workflow.value_span(KEY), digest)
    if workflow:
        first = next(iter(workflow))
        span = workflow.key_span(first)
        line = text.split("\n")[span.line - 1]
        is_block = not line[: span.column - 1].strip()
        separator = f"{newline}{' ' * (span.column - 1)}" if is_block else ", "
        return _insert(text, span, f"{KEY}: {digest}{separator}")
    if "workflow" in node:
        message = f"{plan.path}: 'workflow' is there and empty"
        raise InputError(message, hint=f"write workflow: {{{KEY}: {digest}}}")
    return _insert(text, node.key_span("steps"), f"workflow:{newline}  {KEY}: {digest}{newline}")


def _offset(text: str, line: int, column: int) -> int:
    place = 0
    for _ in range(line - 1):
        place = text.index("\n", place) + 1
    return place + column - 1


def _insert(text: str, span: Span, addition: str) -> bytes:
    place = _offset(text, span.line, span.column)
    return (text[:place] + addition + text[place:]).encode("utf-8")


def _replace(text: str, span: Span, value: str) -> bytes:
    first, last = _offset(text, span.line, span.column), _offset(text, span.end_line, span.end_column)
    return (text[:first] + value + text[last:]).encode("utf-8")
