"""A document as fmt sees it: parts with the comments and empty lines before them, and texts as they are written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from planloom.syntax import events as y

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACE: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands between two parts: a comment beside the first, then comments and empty lines ("") in order."""

    beside: str = ""
    lines: tuple[str, ...] = ()

    def comments(self) -> list[str]:
        """Return the comments in order."""
        return [text for text in (self.beside, *self.lines) if text]


@dataclass(slots=True)
class Leaf:
    """A scalar: `text` as written, "" for a literal block; `style` as YAML names it: plain is ""; `value` what it means."""

    gap: Gap
    text: str
    style: str
    value: str

    def comments(self) -> list[str]:
        """Return the comments before it."""
        return self.gap.comments()

    def text_on_one_line(self) -> str:
        """Return the scalar for a key or a list on one line."""
        if "\n" in self.text or self.style in ("|", ">"):
            return json.dumps(self.value, ensure_ascii=False)
        return self.text

    def as_lines(self) -> list[str]:
        """Return the lines of the scalar: the first as it follows its key, the others without indentation."""
        if self.style in ("|", ">"):
            return _block_lines(self)
        lines = self.text.split("\n")
        return [lines[0].rstrip(), *(line.strip() for line in lines[1:])] if len(lines) > 1 else lines


@dataclass(slots=True)
class Branch:
    """A mapping (children are key, value, key, value …) or a list; `end` is what stands before its closing bracket."""

    gap: Gap
    is_map: bool
    is_flow: bool
    is_on_one_line: bool = True
    children: list[Part] = field(default_factory=list)
    end: Gap = Gap()

    def comments(self) -> list[str]:
        """Return all comments before, in and at the end of it, in order."""
        return [*self.gap.comments(), *(text for child in self.children for text in child.comments()), *self.end.comments()]

    def text_on_one_line(self) -> str:
        """Return it for a list on one line."""
        return self.on_one_line()

    def on_one_line(self) -> str:
        """Return it in brackets."""
        texts = [child.text_on_one_line() for child in self.children]
        if not self.is_map:
            return f"[{', '.join(text or 'null' for text in texts)}]"
        pairs = ", ".join(f"{key}: {value or 'null'}" for key, value in zip(texts[::2], texts[1::2], strict=True))
        return f"{{{pairs}}}"


Part: TypeAlias = "Leaf | Branch"

_TRAILING: Final = re.compile(r"\n*\Z")


def _block_lines(leaf: Leaf) -> list[str]:
    """Return header and lines of a block scalar; a folded one is kept line by line, a literal one made from its value."""
    value = leaf.value
    if not value.strip("\n") or leaf.text:
        return [json.dumps(value, ensure_ascii=False)] if not leaf.text else leaf.text.split("\n")
    body = value.rstrip("\n")
    breaks = len(value) - len(body)
    mark = "2" if body[0] in " \n" else ""
    mark += "-" if breaks == 0 else "+" if breaks > 1 else ""
    return [f"|{mark}", *body.split("\n"), *[""] * max(0, breaks - 1)]


def read_tree(text: str) -> tuple[Part, Gap]:
    """Return the only document of a text that `reader.read` takes, and what stands behind it."""
    text = text.replace("\r\n", "\n")
    if y.HAS_C_PARSER:
        try:
            return _Reader(text, y.c_events(text)).document()
        except y.YAMLError:
            pass
    return _Reader(text, y.pure_events(text)).document()


class _Reader:
    """Builds the tree; `at` is where the last part ended."""

    def __init__(self, text: str, next_event: Callable[[], y.Event]) -> None:
        self.lines = text.split("\n")
        self.next = next_event
        self.at: _PLACE = (0, 0)

    def document(self) -> tuple[Part, Gap]:
        """Return the document's part, and the comments behind it."""
        self.next()
        start = self.next()
        before = Gap()
        if start.explicit:
            # The mark `---` itself is left out.
            before = self._gap((start.start_mark.line, start.start_mark.column))
            self.at = (start.end_mark.line, start.end_mark.column)
        tree = self._part(self.next())
        tree.gap = Gap(tree.gap.beside, (*before.lines, *tree.gap.lines))
        return tree, self._gap((len(self.lines) - 1, len(self.lines[-1])))

    def _part(self, event: y.Event) -> Part:
        start = (event.start_mark.line, event.start_mark.column)
        gap = self._gap(start)
        if event.__class__ is y.ScalarEvent:
            return self._leaf(event, gap)
        is_map = event.__class__ is y.MappingStartEvent
        branch = Branch(gap, is_map, bool(event.flow_style))
        if branch.is_flow:
            self.at = (event.end_mark.line, event.end_mark.column)
        while True:
            child = self.next()
            if child.__class__ in (y.MappingEndEvent, y.SequenceEndEvent):
                break
            branch.children.append(self._part(child))
        if branch.is_flow:
            branch.end = self._gap((child.start_mark.line, child.start_mark.column))
            self.at = (child.end_mark.line, child.end_mark.column)
            branch.is_on_one_line = start[0] == child.end_mark.line
        return branch

    def _leaf(self, event: y.Event, gap: Gap) -> Leaf:
        start, end = event.start_mark, event.end_mark
        style = event.style or ""
        if style not in ("|", ">"):
            self.at = self._inside(end)
            return Leaf(gap, self._slice(self._inside(start), self.at), style, event.value)
        header = self.lines[start.line][start.column :]
        _, mark, comment = header.partition(" #")
        if mark:
            gap = Gap(gap.beside or f"#{comment}".rstrip(), gap.lines)
        last = self._last_line_of_block(start.line, end.line)
        self.at = (last, len(self.lines[last]))
        return Leaf(gap, self._folded(header.split()[0], start.line, last) if style == ">" else "", style, event.value)

    def _last_line_of_block(self, first: int, end: int) -> int:
        """Return the last line with content, so that empty lines behind a block belong to what follows."""
        last = min(end, len(self.lines)) - 1
        last = max(last, first)
        while last > first and not self.lines[last].strip():
            last -= 1
        return last

    def _folded(self, header: str, first: int, last: int) -> str:
        """Return a folded block as it is written, without its indentation; "" (written anew, quoted) when it states one."""
        rows = self.lines[first + 1 : last + 1]
        if any(character.isdigit() for character in header) or "+" in header or not rows:
            return ""
        width = min(len(row) - len(row.lstrip(" ")) for row in rows if row.strip()) if any(map(str.strip, rows)) else 0
        return "\n".join((header, *(row[width:].rstrip() for row in rows)))

    def _slice(self, start: _PLACE, end: _PLACE) -> str:
        if start[0] == end[0]:
            return self.lines[start[0]][start[1] : end[1]]
        middle = self.lines[start[0] + 1 : end[0]]
        return "\n".join((self.lines[start[0]][start[1] :], *middle, self.lines[end[0]][: end[1]]))

    def _inside(self, mark: y.Event) -> _PLACE:
        """Return a mark's place; the parsers put an empty document behind the last line."""
        return min((mark.line, mark.column), (len(self.lines) - 1, len(self.lines[-1])))

    def _gap(self, until: _PLACE) -> Gap:
        """Return comments and empty lines from where the last part ended."""
        beside = ""
        lines: list[str] = []
        until = min(until, (len(self.lines) - 1, len(self.lines[-1])))
        first = self.at[0]
        for number in range(first, until[0] + 1):
            row = self.lines[number]
            begin = self.at[1] if number == first else 0
            stop = until[1] if number == until[0] else len(row)
            between = row[begin:stop]
            place = _comment_at(between, is_start=begin == 0)
            if place >= 0:
                comment = between[place:].rstrip()
                if number == first and row[:begin].strip():
                    beside = comment
                elif between[:place].strip() and not beside and not lines:
                    beside = comment  # behind `key:` or `-`, whose part begins on a later line
                else:
                    lines.append(comment)
            elif not row.strip() and number not in (first, until[0]) and (not lines or lines[-1]):
                lines.append("")
        self.at = until
        return Gap(beside, tuple(lines))


def _comment_at(text: str, *, is_start: bool) -> int:
    """Return where a comment begins in text between two parts, or -1: `#` at the beginning of a line or behind a space."""
    place = text.find("#")
    while place >= 0:
        if (place == 0 and is_start) or (place > 0 and text[place - 1] in " \t"):
            return place
        place = text.find("#", place + 1)
    return -1
