"""A plan laid out in the one stable way: what `planloom fmt` writes.

Two spaces, lists indented under their key, one line for what was on one line and fits, at most one empty line, comments where they were,
quotes as they were. The data never changes: the result is read again and compared, and so are the comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.errors import InputError
from planloom.syntax.layout_tree import Branch, Gap, Leaf, read_tree
from planloom.syntax.nodes import to_plain
from planloom.syntax.reader import read

if TYPE_CHECKING:
    from planloom.syntax.layout_tree import Part

MAX_WIDTH: Final = 130
"""Columns up to which a list or mapping stays on one line."""

MAX_ROUNDS: Final = 5
"""Twice is the rule: once to lay out, once to see that nothing changes."""


def lay_out(path: str, content: bytes) -> bytes:
    """Return the file in the stable layout.

    Guarantee: the same data, the same comments in the same order, and laying out again changes nothing. Raises: InputError for a
    file that has errors as YAML.
    """
    node, found = read(path, content)
    if found:
        first = found[0]
        message = f"{path}:{first.span.line}:{first.span.column}: {first.message}"
        raise InputError(message, hint="planloom validate   # reports every mistake")
    # A comment that finds a new place may be indented differently there: the layout is what changes nothing any more.
    result = content
    for _ in range(MAX_ROUNDS):
        before, result = result, _write(result)
        again, wrong = read(path, result)
        if wrong or to_plain(again) != to_plain(node) or _comments(content) != _comments(result):
            break
        if result == before:
            return result
    message = f"{path} has a form that fmt does not know, and was left as it is"
    raise InputError(message, hint="write multi-line lists and texts in the usual block form")


def _write(content: bytes) -> bytes:
    tree, tail = read_tree(content.decode("utf-8"))
    writer = _Writer()
    writer.block(tree, 0)
    writer.gap(tail, 0)
    return ("\n".join(writer.lines).strip("\n") + "\n").encode("utf-8")


def _comments(content: bytes) -> list[str]:
    tree, tail = read_tree(content.decode("utf-8"))
    return [*tree.comments(), *tail.comments()]


class _Writer:
    """Collects lines. `indent` is always the column at which the entries of a block stand."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def gap(self, gap: Gap, indent: int) -> None:
        """Write the comments and empty lines that stand before something."""
        if gap.beside and self.lines:
            self.lines[-1] += f"  {gap.beside}"
        elif gap.beside:
            self.lines.append(gap.beside)
        for line in gap.lines:
            if line:
                self.lines.append(" " * indent + line)
            elif self.lines and self.lines[-1]:
                self.lines.append("")

    def block(self, part: Part, indent: int) -> None:
        """Write a mapping or list as a block; anything else as a line of its own."""
        if not isinstance(part, Branch) or not part.children or self._fits(part, indent):
            self.gap(part.gap, indent)
            self.lines.append(" " * indent)
            self._inline(part, indent)
        elif part.is_map:
            for key, value in zip(part.children[::2], part.children[1::2], strict=True):
                self.gap(part.gap if key is part.children[0] else Gap(), indent)
                self.gap(key.gap, indent)
                self.lines.append(f"{' ' * indent}{key.text_on_one_line()}:")
                self._value(value, indent)
        else:
            self.gap(part.gap, indent)
            for item in part.children:
                self._item(item, indent)
        if isinstance(part, Branch):
            self.gap(part.end, indent)

    def _value(self, value: Part, indent: int) -> None:
        """Write what follows `key:`."""
        if isinstance(value, Branch) and value.children and not self._fits(value, indent):
            self.gap(Gap(value.gap.beside), indent)
            value.gap = Gap("", value.gap.lines)
            self.block(value, indent + 2)
        else:
            lines = value.gap.lines
            beside, value.gap = value.gap.beside, Gap()
            if isinstance(value, Branch) or value.as_lines()[0]:
                self.lines[-1] += " "
            place = len(self.lines) - 1
            self._inline(value, indent)
            if beside and isinstance(value, Leaf) and value.style in ("|", ">"):
                # Behind the header of a block: anywhere else it would be part of the text.
                self.lines[place] += f"  {beside}"
                beside = ""
            self.gap(Gap(beside, lines), indent + 2)
            if isinstance(value, Branch):
                self.gap(value.end, indent + 2)

    def _item(self, item: Part, indent: int) -> None:
        """Write `- ` and an item; the entries of a block stand two columns further."""
        self.gap(item.gap, indent)
        item.gap = Gap()
        if isinstance(item, Branch) and item.children and not self._fits(item, indent):
            place = len(self.lines)
            first = item.children[0]
            if item.is_map or isinstance(first, Leaf):
                self.gap(first.gap, indent)
                first.gap = Gap()
                place = len(self.lines)
            self.block(item, indent + 2)
            line = self.lines[place]
            self.lines[place] = f"{line[:indent]}- {line[indent + 2 :]}"
        else:
            self.lines.append(f"{' ' * indent}- ")
            self._inline(item, indent)
            if isinstance(item, Branch):
                self.gap(item.end, indent)
            self.lines[-1] = self.lines[-1].rstrip()

    def _inline(self, part: Part, indent: int) -> None:
        """Add something to the last line; texts of several lines go on below, two columns further."""
        if isinstance(part, Branch):
            self.lines[-1] += part.on_one_line()
            return
        first, *rest = part.as_lines()
        self.lines[-1] += first
        self.lines.extend(" " * (indent + 2) + line if line else "" for line in rest)

    def _fits(self, part: Branch, indent: int) -> bool:
        """Return whether a list or mapping stays on one line: it was on one, without comments, and is not too wide."""
        if not part.is_flow or not part.is_on_one_line or part.comments():
            return False
        used = len(self.lines[-1]) if self.lines else indent
        return used + 1 + len(part.on_one_line()) <= MAX_WIDTH or not part.children
