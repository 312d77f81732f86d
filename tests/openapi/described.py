"""Holds what goes over the wire against GitHub's own description of its API.

A fake answers less than GitHub does, so fields may be missing from an answer; what is there must be there at GitHub too, with that type.
Which of the missing ones a reader needs, its own checks say.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator

from openapi.extract import EXTRACT

if TYPE_CHECKING:
    from collections.abc import Iterator

ANYWHERE = {401, 403, 404}
"""Refusals that every address may give ("Troubleshooting the REST API"), whether the description names them there or not."""


@dataclass(frozen=True)
class Exchange:
    """One request and what it was answered; `sent` and `got` are None for no body."""

    method: str
    url: str
    sent: Any
    status: int
    got: Any


@cache
def description() -> dict[str, Any]:
    """Return the extract of GitHub's description."""
    loaded: dict[str, Any] = json.loads(EXTRACT.read_text(encoding="utf-8"))
    return loaded


def find_operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """Return an address of the description and its operation, None when there is no such one; literal parts go before others."""
    for template in sorted(description()["paths"], key=lambda one: one.count("{")):
        match = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)), path)
        if match and method.lower() in description()["paths"][template]:
            return template, description()["paths"][template][method.lower()]
    return None


def find_faults(exchange: Exchange) -> list[str]:
    """Return what an exchange does that GitHub's description does not say, each in a line."""
    url = urlsplit(exchange.url)
    named = f"{exchange.method} {url.path}"
    found = find_operation(exchange.method, url.path)
    if found is None:
        return [f"{named}: there is no such address"]
    template, operation = found
    faults = [*_parameters(template, operation, exchange.url), *_request(operation, exchange.sent), *_answer(operation, exchange)]
    return [f"{named}: {fault}" for fault in faults]


def _parameters(template: str, operation: dict[str, Any], url: str) -> Iterator[str]:
    parsed = urlsplit(url)
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    match = re.fullmatch(pattern, parsed.path)
    given = {("path", name): unquote(text) for name, text in (match.groupdict() if match else {}).items()}
    given |= {("query", name): text for name, text in parse_qsl(parsed.query, keep_blank_values=True)}
    known = {(one["in"], one["name"]): one for one in map(_open, operation.get("parameters", []))}
    for place in sorted(given.keys() - known.keys()):
        yield f"no {place[0]} parameter {place[1]}"
    for place, one in known.items():
        if place in given:
            text = given[place]
            value = int(text) if one["schema"].get("type") == "integer" and text.isdigit() else text
            yield from (f"{place[1]}={text}: {error}" for error in _errors(one["schema"], value, strict=True))
        elif one.get("required"):
            yield f"{place[1]} is missing"


def _request(operation: dict[str, Any], sent: Any) -> Iterator[str]:
    body = _open(operation.get("requestBody", {}))
    if sent is None:
        if body.get("required"):
            yield "the request lacks its body"
    elif not body:
        yield "the request has a body"
    else:
        schema = body["content"]["application/json"]["schema"]
        yield from (f"request: {error}" for error in (*_errors(schema, sent, strict=True), *_errors(schema, sent, strict=False)))


def _answer(operation: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    answers = operation["responses"]
    if str(exchange.status) not in answers:
        if exchange.status not in ANYWHERE:
            yield f"status {exchange.status} is never given"
        elif not (isinstance(exchange.got, dict) and isinstance(exchange.got.get("message"), str)):
            yield f"status {exchange.status} without a message"
        return
    content = _open(answers[str(exchange.status)]).get("content", {})
    media = content.get("application/json")
    if media is None:
        if exchange.got is not None and exchange.status < 400:
            yield f"status {exchange.status} comes without a body"
    else:
        yield from (f"answer: {error}" for error in _errors(media["schema"], exchange.got, strict=False))


def answer_schema(method: str, path: str) -> dict[str, Any]:
    """Return the schema of a good answer as the description has it."""
    found = find_operation(method, path)
    assert found is not None
    schema: dict[str, Any] = _open(found[1]["responses"]["200"])["content"]["application/json"]["schema"]
    return schema


def answer_example(method: str, path: str) -> Any:
    """Return the first example of a good answer that the description gives."""
    found = find_operation(method, path)
    assert found is not None
    examples = _open(found[1]["responses"]["200"])["content"]["application/json"]["examples"]
    return _open(next(iter(examples.values())))["value"]


def is_allowed(schema: dict[str, Any], value: Any, example: Any) -> bool:
    """Return whether GitHub may answer this: it breaks no rule that its own example keeps (three of them lack a field that is required)."""
    return set(_errors(schema, value, strict=True)) <= set(_errors(schema, example, strict=True))


def _errors(schema: dict[str, Any], value: Any, *, strict: bool) -> Iterator[str]:
    for error in _validator(json.dumps(schema), strict).iter_errors(value):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        yield f"{place or 'the whole'}: {error.message[:200]}"


@cache
def _validator(schema: str, strict: bool) -> Draft202012Validator:
    found = {name.rpartition("/")[2]: one for name, one in description()["components"].items() if "/schemas/" in name}
    components = {
        "schemas": {name: _translate(one, strict=strict) for name, one in found.items()},
        "parts": {name: _translate(one, strict=strict, closed=False) for name, one in found.items()},
    }
    return Draft202012Validator({**_translate(json.loads(schema), strict=strict), "components": components})


def _translate(schema: Any, *, strict: bool, closed: bool = True) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema; when not strict nothing is required, and what is not named is refused."""
    if isinstance(schema, list):
        return [_translate(one, strict=strict, closed=closed) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: _translate(one, strict=strict) for name, one in value.items()}
        elif key in {"oneOf", "anyOf"}:
            # Without what is required, several of them fit.
            made["anyOf"] = _translate(value, strict=strict, closed=closed)
        elif key == "allOf":
            # Each of them names only a part.
            made[key] = _translate(value, strict=strict, closed=False)
        elif key in {"items", "additionalProperties"}:
            made[key] = _translate(value, strict=strict)
        elif key == "$ref":
            made[key] = value if closed else value.replace("/schemas/", "/parts/")
        elif key == "required" and not strict:
            continue
        elif key != "nullable":
            made[key] = value
    if not strict and closed and schema.get("properties"):
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


def _open(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = description()["components"][value["$ref"]] if "$ref" in value else value
    return found
