"""Does a document have the shape of a plan (or a project file)? Fast when it has; explained when it has not."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.syntax.accept import compile_schema
from planloom.syntax.findings import error
from planloom.syntax.nodes import ListNode, MapNode, Node
from planloom.syntax.plan_schema import PLAN_SCHEMA_ID
from planloom.syntax.project_schema import PROJECT, PROJECT_SCHEMA_ID
from planloom.syntax.step_schema import PLAN, STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.syntax.plan_schema import Schema

MAX_EXPLAINED: Final = 200
"""Refused steps that are explained; after so many the mistake is a general one."""


class Shape(NamedTuple):
    """What the shape check found.

    Shape: `node` is the document without the top-level keys that have a wrong shape, None when nothing is left to build; `refused`
    are the indexes of the steps that can't be built.
    """

    node: MapNode | None
    diagnostics: tuple[Diagnostic, ...] = ()
    refused: frozenset[int] = frozenset()


def plan_schema() -> Schema:
    """Return the published JSON Schema of a plan; nobody changes it."""
    return PLAN


def project_schema() -> Schema:
    """Return the published JSON Schema of the project file; nobody changes it."""
    return PROJECT


def check_plan(node: Node, place: Span) -> Shape:
    """Return what is wrong with the shape of a plan; `place` is where to point when there is no mapping at all."""
    wrong = _check_root(node, PLAN_SCHEMA_ID, place)
    if wrong is not None or not isinstance(node, MapNode):
        return Shape(None, (wrong,) if wrong else ())
    found: list[Diagnostic] = []
    if not _accept_head()(node):
        found.extend(_explain(_head_schema(), node, place))
        node = _sound_part(node, _head_schema())
    steps = node.get("steps")
    refused: list[int] = []
    if isinstance(steps, ListNode):
        refused = _refused_steps(steps)
        for index in refused[:MAX_EXPLAINED]:
            found.extend(_explain(STEP, steps[index], steps.item_span(index)))
        if len(refused) > MAX_EXPLAINED:
            message = f"{len(refused) - MAX_EXPLAINED} more steps have a wrong shape"
            found.append(error("too-many", message, steps.item_span(refused[MAX_EXPLAINED]), help="repair the first ones first"))
    return Shape(node if "steps" in node else None, tuple(found), frozenset(refused))


def check_project(node: Node, place: Span) -> Shape:
    """Return what is wrong with the shape of a project file."""
    wrong = _check_root(node, PROJECT_SCHEMA_ID, place)
    if wrong is not None or not isinstance(node, MapNode):
        return Shape(None, (wrong,) if wrong else ())
    if _accept_project()(node):
        return Shape(node)
    return Shape(_sound_part(node, PROJECT), tuple(_explain(PROJECT, node, place)))


def _check_root(node: Node, expected: str, place: Span) -> Diagnostic | None:
    if not isinstance(node, MapNode):
        return error("wrong-type", "the file must be a mapping", place, help=f"begin with `schema: {expected}`")
    stated = node.get("schema")
    if "schema" in node and stated != expected:
        shown = f"'{stated}'" if isinstance(stated, str) else "this"
        help_text = f"write `schema: {expected}`"
        if stated in (PLAN_SCHEMA_ID, PROJECT_SCHEMA_ID):
            help_text = "specs/planloom.yaml is the project file, every other file in specs/ a plan"
        return error(
            "unknown-schema", f"{shown[:80]} is no schema of this kind of file", node.value_span("schema"), help=help_text
        )
    return None


def _refused_steps(steps: ListNode) -> list[int]:
    accept = _accept_step()
    return [index for index, step in enumerate(steps) if not accept(step)]


def _sound_part(node: MapNode, schema: Schema) -> MapNode:
    """Return the mapping without the keys that are unknown or whose value has a wrong shape."""
    sound = MapNode(node.source, node.mark)
    for index, (key, value) in enumerate(node.items()):
        known = schema["properties"].get(key)
        if known is not None and compile_schema(known)(value):
            sound[key] = value
            sound.marks += node.marks[2 * index : 2 * index + 2]
    return sound


def _head_schema() -> Schema:
    steps = {key: value for key, value in PLAN["properties"]["steps"].items() if key != "items"}
    return PLAN | {"properties": PLAN["properties"] | {"steps": steps}}


@lru_cache(maxsize=1)
def _accept_head() -> Callable[[Node], bool]:
    return compile_schema(_head_schema())


@lru_cache(maxsize=1)
def _accept_step() -> Callable[[Node], bool]:
    return compile_schema(STEP)


@lru_cache(maxsize=1)
def _accept_project() -> Callable[[Node], bool]:
    return compile_schema(PROJECT)


def _explain(schema: Schema, node: Node, place: Span) -> list[Diagnostic]:
    # jsonschema takes 0.2 s to import, so only a refused document pays for it.
    from planloom.syntax.explanation import explain

    return explain(schema, node, place)
