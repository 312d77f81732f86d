"""A rule's page: its docstring, taken apart. What, why, a failing example, the repaired one.

The form of a docstring:

    PL401 unknown-need: one line without a full stop at most.

    What: a paragraph.

    Why: a paragraph.

    Fails:
        indented YAML; `--- NAME` begins a file of that name, `bytes` after "Fails" a Python bytes expression

    Passes:
        indented YAML

`FILL n` stands for n letters. A trust policy is written in short, `name: role role`, and spelt out by the tests.
An example that begins with `steps:` leaves out the head of a plan, see `HEAD`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
"""What an example leaves out when it does not begin with `schema:`."""

EXAMPLE_PATH: Final = "specs/demo.yaml"

_SECTION: Final = re.compile(r"^(What|Why|Fails|Passes)(?: \((bytes)\))?:[ \n]", re.MULTILINE)
_FILL: Final = re.compile(r"\bFILL ([0-9]+)")
_FILE: Final = re.compile(r"^--- (\S+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """An example as people read it, and as files: path → bytes."""

    text: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's page, taken apart."""

    code: str
    name: str
    title: str
    what: str
    why: str
    fails: Example
    passes: Example


def parse_page(docstring: str) -> Page:
    """Return the page of a rule's docstring. Raises: ValueError when a part is missing, which is our mistake."""
    head = " ".join(docstring.strip().partition("\n\n")[0].split())
    code_and_name, _, title = head.rstrip(".").partition(": ")
    code, _, name = code_and_name.partition(" ")
    parts: dict[str, tuple[str, str]] = {}
    found = list(_SECTION.finditer(docstring))
    for match, following in zip(found, [*found[1:], None], strict=True):
        end = following.start() if following else len(docstring)
        parts[match[1]] = (docstring[match.end() :][: end - match.end()], match[2] or "")
    if len(parts) != 4 or not title:
        message = f"the docstring of {code} {name} lacks a part"
        raise ValueError(message)
    return Page(
        code,
        name,
        title,
        _paragraph(parts["What"][0]),
        _paragraph(parts["Why"][0]),
        _example(*parts["Fails"]),
        _example(*parts["Passes"]),
    )


def _paragraph(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _example(text: str, kind: str) -> Example:
    text = textwrap.dedent(text.strip("\n")).rstrip() + "\n"
    if kind == "bytes":
        return Example(text, {EXAMPLE_PATH: _evaluate(ast.parse(text.strip(), mode="eval").body)})
    files: dict[str, bytes] = {}
    pieces = _FILE.split(text)
    if pieces[0].strip():
        files[EXAMPLE_PATH] = _complete(pieces[0])
    for path, content in zip(pieces[1::2], pieces[2::2], strict=True):
        files[path] = _complete(content) if path.endswith(".yaml") else content.encode("utf-8")
    return Example(text, files)


def _complete(text: str) -> bytes:
    text = _FILL.sub(lambda match: "x" * int(match[1]), text)
    has_head = re.search(r"^schema:", text, re.MULTILINE) is not None
    return (text if has_head else HEAD + text).encode("utf-8")


def _evaluate(node: ast.expr) -> bytes:
    """Return the bytes of a literal, of a sum or of a product; nothing else is evaluated."""
    match node:
        case ast.Constant(value=bytes() as value):
            return value
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _evaluate(left) + _evaluate(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int() as times)):
            return _evaluate(left) * times
        case _:
            message = "an example is bytes, a sum or a product of them"
            raise ValueError(message)
