"""Making the published JSON Schemas: plan, project, matrix, schedule and every record. They ship as data (`emit.published`).

python -m planloom.emit.schemas --write | --check
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from planloom.emit.published import FOLDER, read_schemas
from planloom.emit.waves import MATRIX_SCHEMA
from planloom.records.bodies import FIELDS, FOLDERS
from planloom.records.record import PREDICATE_TYPE, SCHEMA_VERSION, STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SHA256: Final = {
    "type": "object",
    "required": ["sha256"],
    "properties": {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
}
_TEXT: Final = {"type": "string"}
_KEYS: Final = {"type": "array", "items": _TEXT}
_ENTRY: Final = {
    "stepKey": _TEXT,
    "order": {"type": "integer"},
    "parallelizable": {"type": "boolean"},
    "runsOn": {"type": ["string", "array", "object"]},
    "environment": _TEXT,
    "timeoutMinutes": {"type": "integer", "minimum": 1},
    "jobTimeoutMinutes": {"type": "integer", "minimum": 1},
    "workItemId": _TEXT,
    "attempt": _TEXT,
    "source": _TEXT,
}


def build_schemas() -> dict[str, bytes]:
    """Return file name → JSON Schema, for `generated/schema/`."""
    from planloom.syntax.project_schema import PROJECT
    from planloom.syntax.step_schema import PLAN

    schemas: dict[str, Mapping[str, Any]] = {
        "plan": PLAN,
        "project": PROJECT,
        "matrix": _matrix(),
        "schedule": _schedule(),
        "record": _records(),
    }
    return {
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"
        for name, schema in sorted(schemas.items())
    }


def _object(properties: Mapping[str, Any], *, optional: tuple[str, ...] = (), extra: Any = None) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "required": [k for k in properties if k not in optional],
        "properties": dict(properties),
    }
    if extra is not None:
        schema["additionalProperties"] = extra
    return schema


def _plan_ref(digest: Mapping[str, Any]) -> dict[str, Any]:
    return _object({"name": _TEXT, "version": _TEXT, "digest": digest})


def _matrix() -> dict[str, Any]:
    free = {"type": ["string", "integer", "boolean"]}
    entry = _object(_ENTRY, optional=("workItemId", "attempt", "source"), extra=free)
    wave = _object(
        {
            "wave": {"type": "integer", "minimum": 1},
            "manual": _KEYS,
            "matrices": {"type": "object", "additionalProperties": {"type": "array", "items": entry}},
        }
    )
    return {
        "$schema": DIALECT,
        "$id": "urn:planloom:matrix:v1",
        "title": "Ready matrices of a plan, wave by wave",
        **_object(
            {
                "schema": {"const": MATRIX_SCHEMA},
                "schemaVersion": {"const": 1},
                "plan": _plan_ref({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
                "waves": {"type": "array", "items": wave},
            }
        ),
    }


def _schedule() -> dict[str, Any]:
    ready = {"key": _TEXT, "name": _TEXT, "order": {"type": "integer"}, "parallelizable": {"type": "boolean"}}
    blocked = _object({"key": _TEXT, "blockedBy": _KEYS, "reason": _TEXT})
    return {
        "$schema": DIALECT,
        "$id": "urn:planloom:schedule:v1",
        "title": "What is ready, running and blocked in a work item, and why",
        **_object(
            {
                "schema": {"const": "planloom/schedule/v1"},
                "schemaVersion": {"const": 1},
                "workItemId": _TEXT,
                "plan": _plan_ref(_TEXT),
                "readySteps": {"type": "array", "items": _object(ready)},
                "runningSteps": {"type": "array", "items": _object({"key": _TEXT, "blockedBy": _KEYS, "reason": _TEXT})},
                "blockedSteps": {"type": "array", "items": blocked},
                "doneSteps": {"type": "array", "items": _object({"key": _TEXT})},
                "launchOrder": _KEYS,
                "audit": _object({"at": _TEXT, "actor": _TEXT, "reason": _TEXT}),
            }
        ),
    }


def _records() -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": PREDICATE_TYPE,
        "title": "Record: the in-toto Statement v1 in the envelope of a file below artifacts/",
        "oneOf": [{"$ref": f"#/$defs/{event}"} for event in FIELDS],
        "$defs": {"frame": _frame(), **{event: _record(event) for event in FIELDS}},
    }


def _frame() -> dict[str, Any]:
    """Return the schema of what every statement has; unknown keys of the predicate are allowed, as in-toto asks."""
    predicate = {
        "schemaVersion": {"const": SCHEMA_VERSION},
        "event": _TEXT,
        "chain": _object({"name": _TEXT, "index": {"type": "integer", "minimum": 1}, "previous": _SHA256}),
        "nonce": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "workItem": _TEXT,
        "plan": _plan_ref(_SHA256),
        "step": _object({"key": _TEXT, "order": {"type": "integer"}, "digest": _SHA256}),
        "attempt": _object({"number": {"type": "integer", "minimum": 1}, "id": _TEXT}),
        "actor": _TEXT,
        "builder": _object({"id": _TEXT, "runId": _TEXT, "runAttempt": _TEXT, "commit": _TEXT}),
        "at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "body": {"type": "object"},
    }
    return {
        "title": "What every record has",
        **_object(
            {
                "_type": {"const": STATEMENT_TYPE},
                "subject": {"type": "array", "minItems": 1, "items": _object({"name": _TEXT, "digest": _SHA256})},
                "predicateType": {"const": PREDICATE_TYPE},
                "predicate": _object(predicate, optional=("step", "attempt")),
            }
        ),
    }


def _record(event: str) -> dict[str, Any]:
    """Return the schema of one event's statement, beside the frame."""
    body = _object({field.key: field.kind.schema for field in FIELDS[event]})
    return {
        "title": f"Record '{event}', below artifacts/{FOLDERS[event]}/",
        "allOf": [{"$ref": "#/$defs/frame"}],
        **_object({"predicate": _object({"event": {"const": event}, "body": body})}),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the schemas into the package, or compare those that are there; return the exit code."""
    if list(arguments) == ["--write"]:
        FOLDER.mkdir(exist_ok=True)
        for name, content in build_schemas().items():
            (FOLDER / name).write_bytes(content)
        return 0
    if list(arguments) != ["--check"]:
        sys.stderr.write("usage: python -m planloom.emit.schemas --write | --check\n")
        return 2
    if read_schemas() != build_schemas():
        sys.stderr.write("the schemas in the package are not what the code says\nNext: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
