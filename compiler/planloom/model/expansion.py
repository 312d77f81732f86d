"""`foreach`: one step as written → one step for each combination of its axes' values."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core.names import each_variable, is_step_key
from planloom.syntax.findings import error
from planloom.syntax.nodes import MapNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.diagnostics import Diagnostic
    from planloom.syntax.nodes import Node

MAX_COMBINATIONS: Final = 1024
"""Steps that one `foreach` may make."""

_OTHER: Final = r"[^a-z0-9]+"

_EACH: Final = r"\$(?:\{(EACH_[A-Z0-9_]+)\}|(EACH_[A-Z0-9_]+))"
"""A variable of an axis, as a shell writes it."""


class Variant(NamedTuple):
    """One combination: the key of the step it makes, and the value of each axis as text."""

    key: str
    each: Mapping[str, str]


def text_of(value: Node) -> str:
    """Return a scalar as text, as YAML writes it: true, not True."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fill(pattern: str, each: Mapping[str, str]) -> str:
    """Return an output pattern with the axes' values in the places of their variables (`$EACH_PYTHON`, `${EACH_PYTHON}`).

    A value stands for itself, also where it has characters of patterns. Variables of no axis stay; PL326 reports them.
    """
    if "$" not in pattern:
        return pattern
    from glob import escape

    values = {each_variable(axis): escape(value) for axis, value in each.items()}
    return re.sub(_EACH, lambda found: values.get(found[1] or found[2], found[0]), pattern)


def expand(key: str, step: MapNode) -> tuple[tuple[Variant, ...], tuple[Diagnostic, ...]]:
    """Return the variants of a step, axes in the order of the file, the last one fastest, and what is wrong with them.

    Shape: a step without `foreach` has one variant with its own key. `build` with python 3.12 makes `build-3-12`.
    """
    axes = step.get("foreach")
    if not isinstance(axes, MapNode):
        return (Variant(key, {}),), ()
    count = 1
    for axis in axes:
        count *= len(axes.list_at(axis))
    if count > MAX_COMBINATIONS:
        message = f"foreach of '{key}' makes {count} steps; {MAX_COMBINATIONS} are the most"
        return (), (error("foreach-too-big", message, step.key_span("foreach"), help="split the step"),)
    found: list[Diagnostic] = []
    names = list(axes)
    columns = [[text_of(value) for value in axes.list_at(name)] for name in names]
    variants: dict[str, Variant] = {}
    for values in itertools.product(*columns):
        name = "-".join((key, *(re.sub(_OTHER, "-", value.lower()).strip("-") for value in values)))
        if not is_step_key(name):
            message = f"foreach of '{key}' makes the key '{name[:80]}', which can't name a step"
            found.append(
                error(
                    "foreach-collision",
                    message,
                    step.key_span("foreach"),
                    help="at most 63 characters, some of them letters or digits",
                )
            )
        elif name in variants:
            message = f"foreach of '{key}' makes '{name}' twice"
            found.append(
                error("foreach-collision", message, step.key_span("foreach"), help="values must differ in letters or digits")
            )
        else:
            variants[name] = Variant(name, dict(zip(names, values, strict=True)))
    return tuple(variants.values()), tuple(found)
