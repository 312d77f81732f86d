"""Where in a plan the cursor is, told from the text alone: while somebody types, the file is often no YAML at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ITEM: Final = "[]"
"""The part of a route that stands for an item of a list."""

_KEY: Final = re.compile(r"""["']?([A-Za-z_][A-Za-z0-9_.-]*)["']?:(?:[ \t]+(.*)|[ \t]*)$""")
_DASH: Final = re.compile(r"-(?:[ \t]+|$)")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]*$")
_AFTER: Final = re.compile(r"[A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor is.

    Shape: `route` are the keys from the top down to the mapping or value that it is in, `[]` for an item of a list; `word` is what stands before
    it of the word that it is in, from column `start` to column `end` (0-based); `is_value` says that it stands after a key on this line;
    `siblings` are the keys that the mapping has already; `in_text` that it is inside of a text block.
    """

    route: tuple[str, ...]
    word: str
    start: int
    end: int
    is_value: bool
    siblings: frozenset[str]
    in_text: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A key or the dash of a list item on a line, and what follows it."""

    indent: int
    key: str
    rest: str

    @property
    def opens_text(self) -> bool:
        return self.rest.startswith(("|", ">"))


def find_cursor(lines: Sequence[str], line: int, column: int) -> Cursor:
    """Return where the cursor at a 0-based line and column (in code points) is."""
    if line >= len(lines):
        lines, line = [*lines, ""], len(lines)
    whole = lines[line]
    text = whole[:column]
    word = _WORD.search(text)
    start = word.start() if word else column
    end = column + len((_AFTER.match(whole[column:]) or word or [""])[0])
    parts = list(_parts(text))
    own = parts[-1] if parts and parts[-1].key else None
    level = parts[0].indent if parts else len(text) - len(text.lstrip())
    above = list(_above(lines, line, level, is_item=bool(parts) and not parts[0].key))
    chain = [*above, *parts]
    route: list[str] = []
    for part in chain:
        route.append(part.key or ITEM)
        if part.key and part.rest.startswith("["):
            route.append(ITEM)
    at = parts[-1].indent + (0 if own else _dash_width(text, parts)) if parts else level
    siblings = frozenset() if own else _siblings(lines, line, at)
    in_text = any(part.opens_text for part in above)
    return Cursor(tuple(route), text[start:], start, end, own is not None, siblings, in_text)


def _dash_width(text: str, parts: list[_Part]) -> int:
    rest = text[parts[-1].indent + 1 :]
    return 1 + len(rest) - len(rest.lstrip())


def _parts(line: str) -> Iterator[_Part]:
    """Yield the dashes and the key that a line begins with."""
    at = len(line) - len(line.lstrip())
    while found := _DASH.match(line, at):
        yield _Part(at, "", line[found.end() :])
        at = found.end()
    key = _KEY.match(line, at)
    if key and not line.startswith("#", at):
        yield _Part(at, key[1], (key[2] or "").strip())


def _above(lines: Sequence[str], line: int, level: int, *, is_item: bool) -> list[_Part]:
    """Return what encloses a place of this indentation, from the top down."""
    found: list[_Part] = []
    for number in range(line - 1, -1, -1):
        for part in reversed(list(_parts(lines[number]))):
            # The dashes of a list may stand as deep as the key that it belongs to.
            if part.indent < level or (is_item and part.key and part.indent == level):
                found.append(part)
                level, is_item = part.indent, not part.key
        if level == 0 and not is_item and found:
            break
    return found[::-1]


def _siblings(lines: Sequence[str], line: int, indent: int) -> frozenset[str]:
    """Return the keys of the mapping that has its keys at this indentation around a line."""
    found: set[str] = set()
    for number in range(line, -1, -1):
        parts = list(_parts(lines[number]))
        found.update(part.key for part in parts if part.key and part.indent == indent)
        if parts and parts[0].indent < indent:
            break  # The mapping begins here, behind a dash, or below this key.
    for number in range(line + 1, len(lines)):
        parts = list(_parts(lines[number]))
        if parts and parts[0].indent < indent:
            break
        found.update(part.key for part in parts if part.key and part.indent == indent)
    return frozenset(found)
