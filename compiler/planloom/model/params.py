"""Parameters: JSON Schemas of values that are given when a work item is opened."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final, cast

from planloom.model.plan import Param
from planloom.syntax.findings import error
from planloom.syntax.nodes import MapNode, to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.diagnostics import Diagnostic

MAX_TRIES: Final = 1_000_000
"""Steps that matching a default against its own pattern may take; beyond, only opening a work item checks it."""

_ATOM: Final = r"(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[:=!]|\(\?P<\w+>|[*+]|\{[0-9]*,?[0-9]*\}|[()|?]"
"""What matters of a regular expression: escapes and classes as one, groups, repetitions."""


def build_params(node: MapNode, found: list[Diagnostic]) -> tuple[Param, ...]:
    """Return the parameters of a plan; add to `found` what is wrong with them."""
    params = []
    for name, entry in node.items():
        if isinstance(entry, MapNode):
            schema = cast("dict[str, Any]", to_plain(entry))
            schema.setdefault("type", "string")
            found.extend(_check_param(name, entry, schema))
            params.append(Param(name, schema, entry))
    return tuple(params)


def _check_param(name: str, node: MapNode, schema: Mapping[str, Any]) -> list[Diagnostic]:
    """Report a pattern that is none, and a default or choice that the parameter itself would refuse."""
    reason = why_no_pattern(str(schema.get("pattern", "")))
    if reason:
        message = f"the pattern of '{name}' is no regular expression: {reason}"
        return [error("bad-param", message, node.value_span("pattern"), help="repair the pattern")]
    found = []
    for key in ("default", "enum"):
        values = schema.get(key, [])
        for index, value in enumerate(values if isinstance(values, list) else [values]):
            reason = why_refused(schema, value, with_choices=key == "default")
            if reason:
                span = node.list_at("enum").item_span(index) if key == "enum" else node.value_span(key)
                found.append(error("bad-param", f"{key} '{value}' of '{name}' {reason}", span, help="change one of the two"))
    return found


def why_no_pattern(pattern: str) -> str:
    """Return why a text is no regular expression, or the empty string."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of forms that a later version may read differently
        try:
            re.compile(pattern)
        except re.error as problem:
            return problem.msg
        except (OverflowError, RecursionError):
            return "it repeats or nests too much"
    return ""


def why_refused(schema: Mapping[str, Any], value: object, *, with_choices: bool = True) -> str:
    """Return why a parameter does not take a value, or the empty string. The pattern must be sound."""
    kinds = {"string": str, "integer": int, "boolean": bool}
    kind = schema.get("type", "string")
    if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"is not of type {kind}"
    if with_choices and "enum" in schema and value not in schema["enum"]:
        return "is none of its choices"
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return "has the wrong length"
        if "pattern" in schema and _is_cheap(schema["pattern"], value) and re.search(schema["pattern"], value) is None:
            return "does not match its pattern"
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return "is out of its range"
    return ""


def is_explosive(pattern: str) -> bool:
    """Return whether a repeated group holds a repetition or a choice: matching it can take exponential time.

    Guarantee: linear in the pattern; says yes to some harmless patterns, and never no to `(a+)+` and its like.
    """
    holds: list[bool] = [False]
    closed = False  # the group that was closed just now held a repetition or a choice
    for part in re.findall(_ATOM, pattern):
        repeats = part in "*+" or part.startswith("{")
        if repeats and closed:
            return True
        closed = False
        if part.startswith("("):
            holds.append(False)
        elif part == ")":
            if len(holds) > 1:
                closed = holds.pop()
                holds[-1] = holds[-1] or closed
        elif repeats or part == "|":
            holds[-1] = True
    return False


def _is_cheap(pattern: str, value: str) -> bool:
    """Return whether matching is surely quick: no repeated repetition, and few others, since each multiplies the tries."""
    if is_explosive(pattern):
        return False
    repetitions = sum(part in "*+" or part.startswith("{") for part in re.findall(_ATOM, pattern))
    return bool((len(value) + 1) ** min(repetitions, 20) <= MAX_TRIES)
