"""Kinds of values in a record: how each is written, read strictly, and described for the published schemas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from planloom.core.canonical import MAX_INTEGER
from planloom.records.references import Dependency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULTS: Final = ("success", "failure", "error", "timeout", "cancellation", "skip")
"""OpenTelemetry CI/CD semantic conventions, `cicd.pipeline.task.run.result`."""

GOOD_RESULTS: Final = frozenset({"success", "skip"})

HEX64: Final = re.compile(r"[0-9a-f]{64}")
NONCE: Final = re.compile(r"[0-9a-f]{32}")
TIMESTAMP_SHAPE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def expect(condition: bool, what: str) -> None:  # noqa: FBT001 - an assertion about input
    """Raise ValueError naming `what` unless the condition holds."""
    if not condition:
        raise ValueError(what)


def read_text(value: Any) -> str:
    """Return a text."""
    # Verifying 100,000 records calls this four million times: no further call in it.
    if not isinstance(value, str):
        message = "text"
        raise TypeError(message)
    return value


def read_matching(pattern: re.Pattern[str], value: Any) -> str:
    """Return a text that the pattern matches whole."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        message = "text"
        raise ValueError(message)
    return value


def read_digest(value: Any) -> str:
    """Return a SHA-256 as 64 hex digits."""
    return read_matching(HEX64, value)


def read_optional_digest(value: Any) -> str:
    """Return a SHA-256, or the empty text."""
    return "" if value == "" else read_digest(value)


def read_timestamp(value: Any) -> str:
    """Return a timestamp (`core.ports`)."""
    return read_matching(TIMESTAMP_SHAPE, value)


def read_optional_timestamp(value: Any) -> str:
    """Return a timestamp, or the empty text."""
    return "" if value == "" else read_timestamp(value)


def read_integer(value: Any) -> int:
    """Return an integer that every JSON reader keeps exact; true and false are none."""
    if value.__class__ is not int or not -MAX_INTEGER <= value <= MAX_INTEGER:
        message = "integer"
        raise ValueError(message)
    return value


def read_natural(value: Any) -> int:
    """Return an integer from 1 on."""
    if value.__class__ is not int or not 1 <= value <= MAX_INTEGER:
        message = "positive integer"
        raise ValueError(message)
    return value


def read_flag(value: Any) -> bool:
    """Return true or false."""
    expect(isinstance(value, bool), "true or false")
    return bool(value)


def read_result(value: Any) -> str:
    """Return one of `RESULTS`."""
    expect(value in RESULTS, "result")
    return str(value)


def read_texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts."""
    expect(isinstance(value, list), "list")
    return tuple(read_text(item) for item in value)


def read_digests(value: Any) -> tuple[str, ...]:
    """Return a list of digests."""
    expect(isinstance(value, list), "list")
    return tuple(read_digest(item) for item in value)


def _read_dependencies(value: Any) -> tuple[Dependency, ...]:
    expect(isinstance(value, list), "list")
    return tuple(Dependency(read_text(d["step"]), read_digest(d["digest"]["sha256"])) for d in value)


def _write_dependencies(value: tuple[Dependency, ...]) -> Any:
    return [{"step": d.step, "digest": {"sha256": d.digest}} for d in value]


def _scalars(value: Any) -> dict[str, str | int | bool]:
    expect(isinstance(value, dict), "object")
    for key, item in value.items():
        expect(isinstance(key, str), "scalars")
        expect(isinstance(item, str | bool) or read_integer(item) == item, "scalars")
    return dict(value)


def _amounts(value: Any) -> dict[str, int]:
    expect(isinstance(value, dict), "object")
    return {read_text(k): read_natural(v) for k, v in value.items()}


def _mapping(value: Any) -> dict[str, str]:
    expect(isinstance(value, dict), "object")
    return {read_text(k): read_text(v) for k, v in value.items()}


class Kind(NamedTuple):
    """How a field's value is written, read and described (JSON Schema)."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


def _same(value: Any) -> Any:
    return value


TEXT: Final = Kind(_same, read_text, {"type": "string"})
DIGEST: Final = Kind(_same, read_digest, {"type": "string", "pattern": "^[0-9a-f]{64}$"})
OPTIONAL_DIGEST: Final = Kind(_same, read_optional_digest, {"type": "string", "pattern": "^([0-9a-f]{64})?$"})
TIMESTAMP: Final = Kind(_same, read_timestamp, {"type": "string", "format": "date-time"})
OPTIONAL_TIMESTAMP: Final = Kind(_same, read_optional_timestamp, {"type": "string"})
INTEGER: Final = Kind(_same, read_integer, {"type": "integer"})
NATURAL: Final = Kind(_same, read_natural, {"type": "integer", "minimum": 1})
FLAG: Final = Kind(_same, read_flag, {"type": "boolean"})
RESULT: Final = Kind(_same, read_result, {"enum": list(RESULTS)})
TEXTS: Final = Kind(list, read_texts, {"type": "array", "items": {"type": "string"}})
DIGESTS: Final = Kind(list, read_digests, {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}})
SCALARS: Final = Kind(dict, _scalars, {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}})
AMOUNTS: Final = Kind(dict, _amounts, {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}})
MAPPING: Final = Kind(dict, _mapping, {"type": "object", "additionalProperties": {"type": "string"}})
DEPENDENCIES: Final = Kind(
    _write_dependencies,
    _read_dependencies,
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["step", "digest"],
            "properties": {
                "step": {"type": "string"},
                "digest": {
                    "type": "object",
                    "required": ["sha256"],
                    "properties": {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                },
            },
        },
    },
)
