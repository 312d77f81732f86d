"""A JSON Schema as one fast yes-or-no function.

`compile_schema` turns the part of JSON Schema 2020-12 that our schemas use into closures; jsonschema explains only what they refuse. A property
test holds that both always agree. Keywords outside the part are refused when compiling, so that none is ignored silently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.syntax.plan_schema import Schema

    Accept: TypeAlias = Callable[[Any], bool]

ANNOTATIONS: Final = frozenset({"$schema", "$id", "title", "description", "default", "examples"})

_OBJECT: Final = frozenset({"properties", "patternProperties", "additionalProperties", "required", "minProperties"})
_ARRAY: Final = frozenset({"items", "minItems", "maxItems"})
_STRING: Final = frozenset({"minLength", "maxLength", "pattern"})
_NUMBER: Final = frozenset({"minimum", "maximum"})
_SAYS_KIND: Final = {"string": _STRING, "array": _ARRAY, "object": _OBJECT}
"""By type the keywords whose test looks at the type itself, so that no second test has to."""
_KNOWN: Final = ANNOTATIONS | _OBJECT | _ARRAY | _STRING | _NUMBER | {"type", "enum", "const", "anyOf"}


def compile_schema(schema: Schema) -> Accept:
    """Return a function that says whether a value is valid. Raises: ValueError for a keyword that it does not know."""
    unknown = schema.keys() - _KNOWN
    if unknown:
        message = f"no accept function for {sorted(unknown)}"
        raise ValueError(message)
    tests: list[Accept] = []
    kind = schema.get("type")
    if kind is not None and not (isinstance(kind, str) and _SAYS_KIND.get(kind, frozenset()) & schema.keys()):
        tests.append(_type_test(kind))
    if "const" in schema:
        tests.append(_enum_test([schema["const"]]))
    if "enum" in schema:
        tests.append(_enum_test(schema["enum"]))
    if "anyOf" in schema:
        tests.append(_any_test([compile_schema(part) for part in schema["anyOf"]]))
    for keywords, make in ((_STRING, _string_test), (_NUMBER, _number_test), (_ARRAY, _array_test), (_OBJECT, _object_test)):
        if keywords & schema.keys():
            tests.append(make(schema))
    return _all(tests)


def _all(tests: list[Accept]) -> Accept:
    match tests:
        case []:
            return lambda _value: True
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)
        case _:
            return lambda value: all(test(value) for test in tests)


def _is_integer(value: Any) -> bool:
    # JSON Schema counts 1.0 as an integer (2020-12 validation section 6.1.1), and jsonschema follows it.
    return value.__class__ is int or (value.__class__ is float and value.is_integer())


_TYPES: Final[dict[str, Accept]] = {
    "string": lambda value: value.__class__ is str,
    "boolean": lambda value: value is True or value is False,
    "integer": _is_integer,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}


def _type_test(names: str | list[str]) -> Accept:
    if isinstance(names, str):
        return _TYPES[names]
    return _any_test([_TYPES[name] for name in names])


def _any_test(tests: list[Accept]) -> Accept:
    def test(value: Any) -> bool:
        for accept in tests:  # noqa: SIM110 - a plain loop: this runs for every value of `env`
            if accept(value):
                return True
        return False

    return test


def _enum_test(allowed: list[str]) -> Accept:
    choices = frozenset(allowed)
    return lambda value: value.__class__ is str and value in choices


def _search(pattern: str) -> Accept:
    """Return whether a text has a pattern, as a function that compiles it when it is first asked: a plan states few of the fields that there are."""
    search: Callable[[str], object] | None = None

    def test(text: str) -> bool:
        nonlocal search
        if search is None:
            search = re.compile(pattern).search
        return search(text) is not None

    return test


def _string_test(schema: Schema) -> Accept:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1 << 62)
    search = _search(schema["pattern"]) if "pattern" in schema else None
    other = schema.get("type") != "string"

    def test(value: Any) -> bool:
        if value.__class__ is not str:
            return other
        return least <= len(value) <= most and (search is None or search(value))

    return test


def _number_test(schema: Schema) -> Accept:
    least, most = schema.get("minimum", -(1 << 62)), schema.get("maximum", 1 << 62)

    def test(value: Any) -> bool:
        if value.__class__ is not int and value.__class__ is not float:
            return True
        return bool(least <= value <= most)

    return test


def _array_test(schema: Schema) -> Accept:
    least, most = schema.get("minItems", 0), schema.get("maxItems", 1 << 62)
    accept = compile_schema(schema["items"]) if "items" in schema else None
    other = schema.get("type") != "array"

    def test(value: Any) -> bool:
        if not isinstance(value, list):
            return other
        return least <= len(value) <= most and (accept is None or all(map(accept, value)))

    return test


def _object_test(schema: Schema) -> Accept:
    required = frozenset(schema.get("required", ()))
    least = schema.get("minProperties", 0)
    entries = _pattern_entries(schema) if "patternProperties" in schema else _named_entries(schema)
    other = schema.get("type") != "object"

    def test(value: Any) -> bool:
        if not isinstance(value, dict):
            return other
        return len(value) >= least and required <= value.keys() and entries(value)

    return test


def _additional(schema: Schema) -> Accept:
    rest = schema.get("additionalProperties", True)
    return compile_schema(rest) if isinstance(rest, dict) else (lambda _value: bool(rest))


def _named_entries(schema: Schema) -> Accept:
    properties = {name: compile_schema(part) for name, part in schema.get("properties", {}).items()}
    find, other = properties.get, _additional(schema)

    def entries(value: dict[str, Any]) -> bool:
        # A plain loop: this runs for every key of every step.
        for name, item in value.items():  # noqa: SIM110
            if not find(name, other)(item):
                return False
        return True

    return entries


def _pattern_entries(schema: Schema) -> Accept:
    properties = {name: compile_schema(part) for name, part in schema.get("properties", {}).items()}
    patterns = [(_search(pattern), compile_schema(part)) for pattern, part in schema["patternProperties"].items()]
    other = _additional(schema)

    def accept_entry(name: str, item: Any) -> bool:
        is_known = name in properties
        if is_known and not properties[name](item):
            return False
        for search, accept in patterns:
            if search(name):
                is_known = True
                if not accept(item):
                    return False
        return is_known or other(item)

    def entries(value: dict[str, Any]) -> bool:
        for name, item in value.items():  # noqa: SIM110 - as above
            if not accept_entry(name, item):
                return False
        return True

    return entries
