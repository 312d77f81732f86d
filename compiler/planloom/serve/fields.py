"""What the published schemas say about a place in a file: which fields there are, what each means, which values it takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from planloom.pipeline import PROJECT_FILE
from planloom.serve.cursor import ITEM
from planloom.syntax.shape import plan_schema, project_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planloom.syntax.plan_schema import Schema


def schema_of(path: str) -> Schema:
    """Return the schema of a file in specs/."""
    return project_schema() if path == PROJECT_FILE else plan_schema()


def schemas_at(schema: Schema, route: Iterable[str]) -> list[Schema]:
    """Return every schema that the value at the end of a route may follow; none where the language has no such place."""
    now = list(_alternatives(schema))
    for part in route:
        now = [inner for one in now for below in _below(one, part) for inner in _alternatives(below)]
    return now


def fields_at(schema: Schema, route: Iterable[str]) -> dict[str, Schema]:
    """Return the fields that a mapping at the end of a route may have, in the order of the schema."""
    return {name: field for one in schemas_at(schema, route) for name, field in one.get("properties", {}).items()}


def values_at(schema: Schema, route: Iterable[str]) -> list[str]:
    """Return the values that may stand at the end of a route, where they can be counted."""
    found: list[str] = []
    for one in schemas_at(schema, route):
        if "const" in one:
            found.append(_shown(one["const"]))
        found.extend(_shown(value) for value in one.get("enum", ()))
        if one.get("type") == "boolean":
            found.extend(["true", "false"])
    return list(dict.fromkeys(found))


def describe_field(name: str, field: Schema) -> str:
    """Return a field in Markdown: what it is, which values it takes, its default and an example."""
    lines = [f"**{name}**: {field.get('title', name)}", "", field.get("description", "")]
    values = [_shown(value) for value in field.get("enum", ())]
    if values:
        lines += ["", f"One of: {', '.join(f'`{value}`' for value in values)}"]
    if "default" in field:
        lines += ["", f"Default: `{_shown(field['default'])}`"]
    if field.get("examples"):
        lines += ["", f"Example: `{name}: {_shown(field['examples'][0])}`"]
    return "\n".join(lines)


def _alternatives(schema: Schema) -> Iterator[Schema]:
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _alternatives(one)


def _below(schema: Schema, part: str) -> Iterator[Schema]:
    if part == ITEM:
        if isinstance(schema.get("items"), dict):
            yield schema["items"]
        return
    if part in schema.get("properties", {}):
        yield schema["properties"][part]
        return
    for pattern, field in schema.get("patternProperties", {}).items():
        if re.search(pattern, part):
            yield field
            return
    if isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
