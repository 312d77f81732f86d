"""Nodes: a YAML document as data in which every key and value knows its place.

A mapping is a `dict`, a sequence a `list`, a scalar a plain Python value, so that everything which reads data reads
nodes. Places are kept beside the data, one integer each, because a Span object a scalar would cost more time and memory than
the data itself; spans are made when somebody asks, which is only when something is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from planloom.syntax.source import Source

if TYPE_CHECKING:
    from typing import Self

    from planloom.core.diagnostics import Span

LENGTH_BITS: Final = 26
"""Bits of an offset and of a length: more than the characters of the biggest file that is read (40 MiB)."""

_LENGTH: Final = (1 << LENGTH_BITS) - 1

Scalar: TypeAlias = "str | int | float | bool | None"
Node: TypeAlias = "Scalar | ListNode | MapNode"


def pack(start: int, length: int) -> int:
    """Return the mark of a place: the offset of its first character and its length, in characters."""
    return start << LENGTH_BITS | length


def unpack(source: Source, mark: int) -> Span:
    """Return the span of a mark; a text of several lines ends with its first line."""
    return source.span(mark >> LENGTH_BITS, mark & _LENGTH)


class MapNode(dict[str, "Node"]):
    """A mapping in the order of the file. Nobody changes one after the reader has made it.

    Shape: `marks` holds the mark of each key and then of its value, in the order of the entries: half the memory of another dict.
    `mark` is the mapping's own, at its first key.
    """

    __slots__ = ("_places", "mark", "marks", "source")

    def __init__(self, source: Source, mark: int) -> None:
        self.source = source
        self.mark = mark
        self.marks: list[int] = []
        self._places: dict[str, int] | None = None

    @classmethod
    def empty(cls, path: str = "", line: int = 1) -> Self:
        """Return a mapping without entries, for values that no file holds."""
        return cls(Source(path, "\n" * (line - 1)), pack(line - 1, 0))

    @property
    def span(self) -> Span:
        """The place of the mapping: its beginning."""
        return unpack(self.source, self.mark)

    def key_span(self, key: str) -> Span:
        """Return the place of a key, or of the mapping when it has no such key."""
        return self._span_at(key, 0)

    def value_span(self, key: str) -> Span:
        """Return the place of a key's value, or of the mapping when it has no such key."""
        return self._span_at(key, 1)

    def _span_at(self, key: str, which: int) -> Span:
        if key not in self:
            return self.span
        if self._places is None or len(self._places) != len(self):
            # Made when somebody asks, which is seldom; a search each time would be quadratic in a hostile file.
            self._places = {name: index for index, name in enumerate(self)}
        return unpack(self.source, self.marks[2 * self._places[key] + which])

    def map_at(self, key: str) -> MapNode:
        """Return the mapping under a key, or an empty one at the same place."""
        value = self.get(key)
        return value if isinstance(value, MapNode) else type(self)(self.source, self.mark)

    def list_at(self, key: str) -> ListNode:
        """Return the sequence under a key, or an empty one at the same place."""
        value = self.get(key)
        return value if isinstance(value, ListNode) else ListNode(self.source, self.mark)


class ListNode(list["Node"]):
    """A sequence. Nobody changes one after the reader has made it. `marks` holds the mark of each item."""

    __slots__ = ("mark", "marks", "source")

    def __init__(self, source: Source, mark: int) -> None:
        self.source = source
        self.mark = mark
        self.marks: list[int] = []

    @property
    def span(self) -> Span:
        """The place of the sequence: its beginning."""
        return unpack(self.source, self.mark)

    def item_span(self, index: int) -> Span:
        """Return the place of an item."""
        return unpack(self.source, self.marks[index])


def to_plain(node: Node) -> object:
    """Return the data of a node as plain dicts and lists."""
    if isinstance(node, MapNode):
        return {key: to_plain(value) for key, value in node.items()}
    if isinstance(node, ListNode):
        return [to_plain(item) for item in node]
    return node
