"""Our own writer of a small part of YAML 1.2.

The bytes depend on nothing but the tree: no library version, no locale, no Unicode tables. Block style throughout, short
lists of words in flow style; text is plain when every YAML reader takes it for the same text, a `|` block when it has
several ordinary lines, and in JSON's double quotes otherwise. Nothing is ever folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeGuard


class Noted:
    """A scalar with a comment behind it."""

    __slots__ = ("note", "value")

    def __init__(self, value: str | int | bool, note: str) -> None:  # noqa: FBT001 - a scalar of any type
        self.value = value
        self.note = note


Tree: TypeAlias = "Mapping[str, Tree] | Sequence[Tree] | Noted | str | int | bool | None"

_PLAIN: Final = re.compile(r"(?:[A-Za-z_/$]|\./)[A-Za-z0-9_./$@(){}[\]'=!&|*,;+-]*(?: [A-Za-z0-9_./$@(){}[\]'=!&|*,;+-]+)*")
_WORD: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_RESERVED: Final = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
"""Words that some YAML (1.1 or 1.2) reads as something else than text, in lower case."""

# These take long to compile, so they are compiled when a text first needs them: most are ASCII.
_UNUSUAL_ASCII: Final = r"[\x00-\x09\x0b-\x1f\x7f]"
_UNUSUAL: Final = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2000-\u202f\ud800-\uffff\U0010fffe\U0010ffff]"
"""Characters that a `|` block does not hold. What it may hold would make an expression that takes longer still."""

_ESCAPED_ASCII: Final = r'["\\\x00-\x1f\x7f]'
_ESCAPED: Final = r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]'
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]"
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_FLOW_WIDTH: Final = 100


def write(tree: Mapping[str, Tree], header: Sequence[str] = ()) -> bytes:
    """Return a document: comment lines, then the mapping; UTF-8, lines end in LF, the last one too.

    Guarantee: equal trees give equal bytes, and any YAML 1.2 reader gets the tree back (notes aside).
    """
    lines = [f"# {_comment(line)}" if line else "#" for line in header]
    _mapping(tree, 0, lines)
    return ("\n".join(lines) + "\n").encode("utf-8")


def quote(text: str) -> str:
    """Return text in double quotes, with fixed ranges escaped."""
    pattern = _ESCAPED_ASCII if text.isascii() else _ESCAPED
    return '"' + re.sub(pattern, lambda m: _SHORT.get(m[0]) or f"\\u{ord(m[0]):04x}", text) + '"'


def _mapping(tree: Mapping[str, Tree], indent: int, lines: list[str]) -> None:
    pad = " " * indent
    for key, value in tree.items():
        _entry(f"{pad}{_scalar(key)}:", value, indent, lines)


def _entry(head: str, value: Tree, indent: int, lines: list[str]) -> None:
    """Write `head` (a key with its colon) and the value that belongs to it."""
    if isinstance(value, Mapping) and value:
        lines.append(head)
        _mapping(value, indent + 2, lines)
    elif _is_list(value) and value and not _is_flow(value):
        lines.append(head)
        _list(value, indent + 2, lines)
    else:
        lines.extend(_inline(head, value, indent + 2))


def _list(items: Sequence[Tree], indent: int, lines: list[str]) -> None:
    pad = " " * indent
    for item in items:
        if isinstance(item, Mapping) and item:
            inner: list[str] = []
            _mapping(item, indent + 2, inner)
            # The first key stands beside the dash.
            lines.append(f"{pad}- {inner[0].lstrip(' ')}")
            lines.extend(inner[1:])
        elif _is_list(item) and item and not _is_flow(item):
            lines.append(f"{pad}-")
            _list(item, indent + 2, lines)
        else:
            lines.extend(_inline(f"{pad}-", item, indent + 2))


def _inline(head: str, value: Tree, indent: int) -> list[str]:
    if isinstance(value, str) and "\n" in value and _is_block(value):
        pad = " " * indent
        mark = "|" if value.endswith("\n") else "|-"
        return [f"{head} {mark}", *(pad + line if line else "" for line in value.removesuffix("\n").split("\n"))]
    return [f"{head} {_value(value)}"]


def _is_block(text: str) -> bool:
    """Whether a text of several lines begins with a visible character, ends in at most one line end, and has only ordinary ones."""
    if text.startswith(("\n", " ", "\u00a0")) or text[0] > "\uffff" or text.endswith("\n\n"):
        return False
    return re.search(_UNUSUAL_ASCII if text.isascii() else _UNUSUAL, text) is None


def _value(value: Tree) -> str:
    match value:
        case Noted():
            return f"{_value(value.value)} # {_comment(value.note)}"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _scalar(value)
        case Mapping():
            return "{}"
        case _:
            return f"[{', '.join(_value(item) for item in value)}]"


def _comment(text: str) -> str:
    """Return text that stays on its line: a file's name may hold anything."""
    return text if text.isascii() and text.isprintable() else re.sub(_CONTROL, "?", text)


def _scalar(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _RESERVED
    return text if is_plain else quote(text)


def _is_list(value: Tree) -> TypeGuard[Sequence[Tree]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_flow(items: Sequence[Tree]) -> bool:
    """Whether a list is written on its line: short words only, so that no flow indicator can appear in them."""
    words = [item for item in items if isinstance(item, str) and _WORD.fullmatch(item)]
    return len(words) == len(items) and sum(map(len, words)) + 2 * len(words) <= _FLOW_WIDTH
