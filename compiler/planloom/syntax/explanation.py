"""Why a value does not have its shape: jsonschema's findings, each at the smallest text to edit, in our words.

This is the only door to jsonschema. Its errors come in no order and point at the parent for extra and missing keys; here
they get the span of the key itself.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

from planloom.core.diagnostics import Diagnostic, Edit, Span
from planloom.syntax.findings import error
from planloom.syntax.importing.imported import make_key
from planloom.syntax.nodes import ListNode, MapNode, Node
from planloom.syntax.suggest import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema.exceptions import ValidationError

    from planloom.syntax.plan_schema import Schema

TYPE_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


MAX_STRANGE: Final = 50
"""Unknown keys of one mapping that are reported: after so many it is another kind of mapping."""


FOREIGN: Final = {
    "Step": {
        "uses": "GitHub steps stand below `steps:`, as `- uses: …`",
        "with": "GitHub steps stand below `steps:`, with their `uses` and `with`",
        "if": "a condition belongs to a GitHub step below `steps:`, or into the command",
        "continue-on-error": "it belongs to a GitHub step below `steps:`; a step that failed stops those that need it",
        "services": "start what the command needs in the command, or in GitHub steps",
        "strategy": "write `foreach: {name: [value, value]}`",
        "depends-on": "write `needs: [step]`",
        "depends_on": "write `needs: [step]`",
        "dependsOn": "write `needs: [step]`",
        "after": "write `needs: [step]`",
        "id": "a step is named by `key`",
        "command": "write `run: command`",
        "script": "write `run: command`",
        "image": "write `container: image@sha256:…`",
        "timeout": "write `timeout-minutes: 30`",
        "retry": "write `attempts: 3`, which counts the first try too",
        "retries": "write `attempts: 3`, which counts the first try too",
        "artifacts": "write `outputs: [files]`",
    },
    "planloom plan": {
        "jobs": "a plan has `steps`; planloom import FILE makes a plan of a workflow",
        "on": "what else starts a plan stands below `workflow: {on: …}`",
        "inputs": "write `params: {name: {type: string}}`",
        "env": "variables of every step stand below `defaults: {env: …}`",
        "permissions": "permissions of every step stand below `defaults: {permissions: …}`",
        "runs-on": "the runner of every step stands below `defaults: {runs-on: …}`",
    },
}
"""Title of a schema → keys that other languages have there → what to write here. Misspellings are found by `advise`."""

_PLAIN_LIST: Final = re.compile(r"[A-Za-z0-9_./*-]+(?: *, *[A-Za-z0-9_./*-]+)*")
_YES: Final = frozenset({"yes", "on", "y", "true"})
_NO: Final = frozenset({"no", "off", "n", "false"})


def explain(schema: Schema, node: Node, place: Span) -> list[Diagnostic]:
    """Return every reason why `node` is not valid, by place; `place` is the node's own. Never empty for an invalid node."""
    found: list[Diagnostic] = []
    for problem in Draft202012Validator(schema).iter_errors(node):
        found.extend(_explain_one(problem, node, place))
    return sorted(found, key=lambda d: (d.span, d.code, d.message))


def _explain_one(problem: ValidationError, node: Node, place: Span) -> Iterator[Diagnostic]:
    value, span, name = _locate(node, place, list(problem.absolute_path))
    if name == "this" and isinstance(problem.schema, dict) and "title" in problem.schema:
        name = f"a {problem.schema['title'].lower()}"
    match problem.validator:
        case "additionalProperties":
            yield from _extra_keys(problem, value)
        case "required":
            yield from _missing_keys(problem, value, span)
        case "anyOf":
            yield from _best_alternative(problem, node, place)
        case _:
            yield _value_problem(problem, value, span, name)


def _locate(node: Node, place: Span, route: list[str | int]) -> tuple[Node, Span, str]:
    """Return the value at the end of a route, its place, and what to call it: the key that holds it."""
    span, name = place, "this"
    for part in route:
        if isinstance(node, MapNode) and isinstance(part, str):
            span, name = node.value_span(part), f"'{part}'"
            if isinstance(node[part], MapNode | ListNode) or span.column == span.end_column:
                span = node.key_span(part)
            node = node[part]
        elif isinstance(node, ListNode) and isinstance(part, int):
            span, node = node.item_span(part), node[part]
            name = f"item {part + 1} of {name}" if not name.startswith("item") else name
    return node, span, name


def _extra_keys(problem: ValidationError, value: Node) -> Iterator[Diagnostic]:
    if not isinstance(value, MapNode):
        return
    schema: Any = problem.schema
    known = list(schema.get("properties", {}))
    patterns = list(schema.get("patternProperties", {}))
    strange = 0
    for key in value:
        if strange >= MAX_STRANGE:
            break
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        strange += 1
        span = value.key_span(key)
        if patterns:
            yield error("bad-name", f"'{_cut(key)}' can't be a name here", span, help=_pattern_help(patterns[0]))
            continue
        if foreign := FOREIGN.get(schema.get("title", ""), {}).get(key):
            yield error("unknown-key", f"unknown key '{key}'", span, help=foreign)
            continue
        suggestion = advise(key, [name for name in known if name not in value])
        fix = [Edit(span, suggestion.split("'")[1])] if suggestion else []
        help_text = suggestion or f"known here: {', '.join(sorted(known))}"
        yield error("unknown-key", f"unknown key '{_cut(key)}'", span, help=help_text, fix=fix)


def _missing_keys(problem: ValidationError, value: Node, span: Span) -> Iterator[Diagnostic]:
    schema: Any = problem.schema
    # One error a missing key; each repeats the whole list, so only the one that this error names is reported.
    for key in schema["required"]:
        if isinstance(value, MapNode) and key not in value and problem.message.startswith(repr(key)):
            example = schema.get("properties", {}).get(key, {}).get("examples", [""])[0]
            help_text = f"add `{key}: {example}`" if isinstance(example, str | int) else f"add `{key}:`"
            yield error("missing-key", f"'{key}' is missing", span, help=help_text)


def _best_alternative(problem: ValidationError, node: Node, place: Span) -> Iterator[Diagnostic]:
    """Explain by the alternative that has the value's type; when none has, by all types."""
    value, span, name = _locate(node, place, list(problem.absolute_path))
    alternatives: Any = problem.validator_value
    parts = [(part, index) for index, part in enumerate(alternatives) if _has_type(value, part.get("type"))]
    if not parts:
        types = [TYPE_WORDS[part["type"]] for part in alternatives]
        yield _wrong_type(value, span, name, types, problem.schema)
        return
    for inner in problem.context or ():
        if inner.schema_path and inner.schema_path[0] == parts[0][1]:
            yield from _explain_one(inner, node, place)


def _has_type(value: Node, name: str | None) -> bool:
    kinds = {"string": str, "object": MapNode, "array": ListNode, "boolean": bool, "integer": int}
    return name is not None and isinstance(value, kinds[name])


def _value_problem(problem: ValidationError, value: Node, span: Span, name: str) -> Diagnostic:
    schema: Any = problem.schema
    limit: Any = problem.validator_value
    shown = f"'{_cut(str(value))}'" if isinstance(value, str | int | float) else name
    match problem.validator:
        case "type":
            types = [limit] if isinstance(limit, str) else list(limit)
            return _wrong_type(value, span, name, [TYPE_WORDS[kind] for kind in types], schema)
        case "enum" | "const":
            choices = [limit] if isinstance(limit, str) else list(limit)
            help_text = advise(str(value), choices) or f"one of: {', '.join(choices)}"
            return error("unknown-choice", f"{name} can't be {shown}", span, help=help_text)
        case "pattern":
            return error("bad-name", f"{name} can't be {shown}", span, help=_pattern_help(limit, schema, str(value)))
        case "minimum" | "maximum":
            bounds = f"{schema.get('minimum', '…')} to {schema.get('maximum', '…')}"
            return error("out-of-range", f"{name} can't be {shown}", span, help=f"from {bounds}")
        case "minLength" | "minItems" | "minProperties":
            return error("too-few", f"{name} is empty", span, help="write something, or leave the key out")
        case "maxLength" | "maxItems":
            size, unit = _size(value)
            return error("too-many", f"{name} has {size:,} {unit}", span, help=f"at most {limit:,} {unit}")
        case _:
            return error("wrong-type", f"{name} does not fit", span, help=_cut(problem.message))


def _size(value: Node) -> tuple[int, str]:
    """Return how much a text, list or mapping holds, and of what."""
    if isinstance(value, str):
        return len(value), "characters"
    return (len(value), "items") if isinstance(value, ListNode | MapNode) else (0, "items")


def _wrong_type(value: Node, span: Span, name: str, types: list[str], schema: Any) -> Diagnostic:
    expected = " or ".join(types)
    example = _example(name, schema)
    if value is None:
        return error("wrong-type", f"{name} has no value", span, help=example or f"give it {expected}, or leave the key out")
    if "text" in types and isinstance(value, int | float):
        message = f"{name} is a number or a word of YAML here, and must be text"
        return error("unquoted-number", message, span, help="put it in quotes", fix=quote(span))
    kind = "a mapping" if isinstance(value, MapNode) else "a list" if isinstance(value, ListNode) else "text"
    if isinstance(value, bool):
        kind = "true or false"
    elif isinstance(value, int | float):
        kind = "a number"
    meant, fix = _meant(value, span, types, holds_texts=_holds_texts(schema))
    help_text = f"write {meant}" if meant else example
    return error("wrong-type", f"{name} must be {expected}, and is {kind}", span, help=help_text, fix=fix)


def _holds_texts(schema: Any) -> bool:
    """Return whether a list of texts is one of the forms that a schema takes."""
    forms = schema.get("anyOf", [schema])
    return any(form.get("items", {}).get("type") == "string" for form in forms)


def _meant(value: Node, span: Span, types: list[str], *, holds_texts: bool) -> tuple[str, tuple[Edit, ...]]:
    """Return what a text was probably meant to be, and the edits that make it that: [b], true, 5. Nothing when in doubt."""
    if not isinstance(value, str) or span.line != span.end_line:
        return "", ()
    meant = ""
    if holds_texts and _PLAIN_LIST.fullmatch(value):
        meant = f"[{value}]"
    elif "true or false" in types and value.lower() in _YES | _NO:
        meant = "true" if value.lower() in _YES else "false"
    elif "a whole number" in types and value.isascii() and value.isdigit():
        meant = str(int(value)) if len(value) < 10 else ""
    return meant, (Edit(span, meant),) if meant else ()


def _example(name: str, schema: Any) -> str:
    """Return what to write instead, from the examples of the schema: of a key as `key: value`, of an item the item."""
    examples = schema.get("examples") if isinstance(schema, dict) else None
    if not examples:
        return ""
    shown = _flow(examples[0])
    return f"for example `{name[1:-1]}: {shown}`" if name.startswith("'") else f"for example `{shown}`"


def _flow(value: Any) -> str:
    """Return a value as it may stand on one line of a plan."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ./@*-]*", value):
        return value
    return json.dumps(value)


def quote(span: Span) -> tuple[Edit, Edit]:
    """Return the edits that put the text of a span in quotes as it is written: 3.10 stays 3.10."""
    before = Span(span.path, span.line, span.column, span.line, span.column)
    after = Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column)
    return Edit(before, '"'), Edit(after, '"')


def _pattern_help(pattern: str, schema: Any = None, value: str = "") -> str:
    if pattern.startswith(("^[a-z0-9]", "^[a-z][")):
        meant = make_key(value, "")
        return f"lower-case letters, digits and hyphens, at most 63 characters{f': {meant}' if meant else ''}"
    if schema is not None and schema.get("examples"):
        return f"for example {schema['examples'][0]}"
    if pattern.startswith("^[A-Za-z_]"):
        return "letters, digits and underscores, no digit first"
    return f"must match {pattern}"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
