"""Bytes → nodes: our own constructor over ruamel's events.

What YAML can do and a plan should not (anchors, aliases, merge keys, tags, several documents) is refused, each
with its own diagnostic, and everything is bounded: bytes, depth, length of a text, number of reports.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from planloom.core.diagnostics import Diagnostic, Edit, Label, Span
from planloom.syntax import events
from planloom.syntax.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    YAMLError,
)
from planloom.syntax.findings import error
from planloom.syntax.nodes import LENGTH_BITS, ListNode, MapNode, Node, pack, unpack
from planloom.syntax.scalars import NUMBER_STARTS, WORDS, NumberTooBig, resolve_number
from planloom.syntax.source import Source, read_text
from planloom.syntax.wording import explain_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.syntax.nodes import Scalar

MAX_DEPTH: Final = 32
"""A plan nests 8 deep; the rest is room for native steps."""

MAX_TEXT: Final = 256 * 1024
"""Characters of one text. A command is handed over in an environment variable of at most 128 KiB."""

MAX_REPORTS: Final = 100
"""Diagnostics of one file; after that many the file is of another kind."""

PURE_PARSER_LIMIT: Final = 512 * 1024
"""Characters up to which a refusal of the C parser is looked at again: the Python parser takes 5 s a MB."""

RECOVERABLE: Final = frozenset({"duplicate-key", "anchor", "tag", "long-text", "yaml-directive"})
"""After these the nodes are still worth checking, so that one run reports everything."""

_UNFIT: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]"


class _Stop(Exception):
    """Reading this file makes no sense any more."""


MAX_REPEATED: Final = 1_000_000
"""Characters and values that aliases may repeat in one file: twice what a workflow of GitHub may have, 512,000 bytes."""


def read(path: str, content: bytes, *, aliases: bool = False) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """Return the document of a file as nodes, and everything that is wrong with it as YAML.

    Shape: `path` is only for the spans; `aliases`: the file is no plan, and may repeat values by anchor and alias, as GitHub's workflows
    may. A value that is repeated is one node in several places. The node is None when there is nothing to go on with.
    Guarantee: never raises, whatever the bytes are; time and memory grow with the bytes, which are bounded.
    """
    text, found = read_text(path, content)
    if found:
        return None, found
    source = Source(path, text)
    constructor = _Repeating if aliases else _Constructor
    if not events.HAS_C_PARSER:
        return _read_with(constructor, source, events.pure_events(text))
    try:
        return constructor(source, events.c_events(text)).document()
    except YAMLError as refusal:
        if len(text) > PURE_PARSER_LIMIT:
            return None, (explain_refusal(path, text, refusal),)
    return _read_with(constructor, source, events.pure_events(text))


def _read_with(
    constructor: type[_Constructor], source: Source, next_event: Callable[[], Event]
) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    try:
        return constructor(source, next_event).document()
    except YAMLError as refusal:
        return None, (explain_refusal(source.path, source.text, refusal),)


class _Constructor:
    """Builds the nodes of one file. Recursion is bounded by MAX_DEPTH."""

    __slots__ = ("found", "has_escapes", "keys", "next", "source")

    def __init__(self, source: Source, next_event: Callable[[], Event]) -> None:
        self.source = source
        self.next = next_event
        self.found: list[Diagnostic] = []
        self.keys: dict[str, str] = {}  # keys that were looked at once: a plan has few, many times
        # Only an escape can put a character into a value that `read_text` has not seen.
        self.has_escapes = "\\" in source.text

    def document(self) -> tuple[Node | None, tuple[Diagnostic, ...]]:
        """Return the only document."""
        try:
            node = self._only_document()
        except _Stop:
            return None, tuple(self.found)
        usable = all(d.rule in RECOVERABLE for d in self.found)
        return (node if usable else None), tuple(self.found)

    def _only_document(self) -> Node:
        self.next()  # stream start
        start = self.next()
        if start.__class__ is StreamEndEvent:
            self._stop(
                "empty-file",
                "the file is empty",
                Span(self.source.path, 1, 1, 1, 1),
                "a plan begins with `schema: planloom/plan/v1`",
            )
        if start.version or start.tags:
            message = "a plan has no YAML directives"
            self._report("yaml-directive", message, Span(self.source.path, 1, 1, 1, 1), "remove the lines that begin with %")
        node = self._value(self.next(), 0)
        self.next()  # document end
        after = self.next()
        if after.__class__ is not StreamEndEvent:
            message = "a file holds one document, and here begins another"
            self._report("several-documents", message, self._span(after), "put each plan in a file of its own")
        if node is None and not self.found:
            # `null`, `~` or a line of dashes: a value for YAML, and no node to check for us.
            help_text = "a plan begins with `schema: planloom/plan/v1`"
            self._report("empty-file", "the file holds nothing", Span(self.source.path, 1, 1, 1, 1), help_text)
        return node

    def _value(self, event: Event, depth: int) -> Node:
        """Return the node that begins with this event."""
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            self._report("alias", f"'*{_cut(event.anchor)}' repeats a value by alias", self._span(event), "write the value out")
            return None
        if depth >= MAX_DEPTH:
            self._stop("deep-nesting", f"nested deeper than {MAX_DEPTH} levels", self._span(event), "")
        if event.anchor is not None or event.ctag is not None:
            self._refuse_properties(event)
        if kind is MappingStartEvent:
            return self._map(MapNode(self.source, _mark(event)), depth + 1)
        return self._list(ListNode(self.source, _mark(event)), depth + 1)

    def _map(self, node: MapNode, depth: int) -> MapNode:
        next_event, known, scalar, add_mark = self.next, self.keys, self._scalar, node.marks.append
        while True:
            event = next_event()
            if event.__class__ is MappingEndEvent:
                return node
            is_plain = event.__class__ is ScalarEvent and event.anchor is None and event.ctag is None
            key = known.get(event.value) if is_plain else None
            if key is None:
                key = self._key(event)
            # Marks are made in place here and not by `_mark`: a plan has more of these than of anything else.
            start = event.start_mark.index
            key_mark = start << LENGTH_BITS | (event.end_mark.index - start or 1)
            event = next_event()
            value = scalar(event) if event.__class__ is ScalarEvent else self._value(event, depth)
            if key in node:
                self._report_duplicate(key, key_mark, node.key_span(key))
                continue
            node[key] = value
            add_mark(key_mark)
            start = event.start_mark.index
            add_mark(start << LENGTH_BITS | event.end_mark.index - start)

    def _list(self, node: ListNode, depth: int) -> ListNode:
        next_event, scalar, add_mark = self.next, self._scalar, node.marks.append
        while True:
            event = next_event()
            if event.__class__ is SequenceEndEvent:
                return node
            node.append(scalar(event) if event.__class__ is ScalarEvent else self._value(event, depth))
            start = event.start_mark.index
            add_mark(start << LENGTH_BITS | event.end_mark.index - start)

    def _report_duplicate(self, key: str, mark: int, first_place: Span) -> None:
        first = Label(first_place, "first defined here")
        message = f"key '{_cut(key)}' is here a second time"
        self._add(error("duplicate-key", message, unpack(self.source, mark), labels=[first], help="keep one of them"))

    def _key(self, event: Event) -> str:
        if event.__class__ is not ScalarEvent or event.start_mark.line != event.end_mark.line:
            self._stop("odd-key", "a key must be text on one line", self._span(event), "a list or mapping can't be a key")
        value = self._scalar(event)
        text: str = event.value
        if not isinstance(value, str):
            span = self._span(event)
            help_text = f'put it in quotes: "{_cut(text)}"'
            fix = [Edit(span, f'"{text}"')]
            self._add(error("odd-key", f"key '{_cut(text)}' is not text", span, help=help_text, fix=fix))
        elif text == "<<" and event.implicit[0]:
            self._report("merge-key", "'<<' merges another mapping", self._span(event), "write the keys out")
        elif event.implicit[0]:
            self.keys[text] = sys.intern(text)
        return sys.intern(text)

    def _scalar(self, event: Event) -> Scalar:
        """Return the value of a scalar."""
        text: str = event.value
        if event.anchor is not None or event.ctag is not None:
            self._refuse_properties(event)
        if len(text) > MAX_TEXT:
            message = f"this text has {len(text):,} characters; {MAX_TEXT:,} are the most"
            self._report("long-text", message, self._span(event), "put it in a file and name the file")
            return text[:1000]
        if not event.implicit[0]:  # quoted or a block
            if self.has_escapes and (unfit := re.search(_UNFIT, text)):
                message = f"an escape makes the character U+{ord(unfit[0]):04X}"
                self._report("escaped-control", message, self._span(event), "no command, name or file can hold it")
            return text
        return self._number(event, text) if text[:1] in NUMBER_STARTS else WORDS.get(text, text)

    def _number(self, event: Event, text: str) -> Scalar:
        try:
            return resolve_number(text)
        except NumberTooBig:
            message = f"number '{_cut(text)}' can't be kept exactly"
            self._report("big-number", message, self._span(event), "put it in quotes if it is text")
            return text

    def _refuse_properties(self, event: Event) -> None:
        if event.anchor is not None:
            help_text = "remove it, and write the value out where it is used"
            self._report("anchor", f"'&{_cut(event.anchor)}' defines an anchor", self._span(event), help_text)
        if event.ctag is not None:
            self._report("tag", f"'{_cut(str(event.ctag))}' is a YAML tag", self._span(event), "remove it")

    def _span(self, event: Event) -> Span:
        return unpack(self.source, _mark(event))

    def _add(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        if len(self.found) >= MAX_REPORTS:
            raise _Stop

    def _report(self, rule: str, message: str, span: Span, help_text: str) -> None:
        self._add(error(rule, message, span, help=help_text))

    def _stop(self, rule: str, message: str, span: Span, help_text: str) -> NoReturn:
        self.found.append(error(rule, message, span, help=help_text))
        raise _Stop


class _Anchored(NamedTuple):
    """A value that has an anchor; what repeating it costs, and how many levels it adds."""

    node: Node
    weight: int
    height: int


class _Repeating(_Constructor):
    """Takes anchors and aliases. What they stand for, written out, is bounded in size and depth: ten lines can mean a billion values."""

    __slots__ = ("anchors", "deepest", "repeated", "weight")

    def __init__(self, source: Source, next_event: Callable[[], Event]) -> None:
        super().__init__(source, next_event)
        self.anchors: dict[str, _Anchored] = {}
        self.weight = 0  # of everything up to here, aliases written out
        self.repeated = 0
        self.deepest = 0

    def _value(self, event: Event, depth: int) -> Node:
        if event.__class__ is AliasEvent:
            return self._repeat(event, depth)
        anchor = event.anchor
        before, deepest = self.weight, self.deepest
        self.weight += 1
        self.deepest = depth
        event.anchor = None  # which the reader of plans refuses
        node = super()._value(event, depth)
        if anchor is not None:
            self.anchors[anchor] = _Anchored(node, self.weight - before, self.deepest - depth)
        self.deepest = max(deepest, self.deepest)
        return node

    def _scalar(self, event: Event) -> Scalar:
        anchor, event.anchor = event.anchor, None
        value = super()._scalar(event)
        weight = 1 + len(event.value)
        self.weight += weight
        if anchor is not None:
            self.anchors[anchor] = _Anchored(value, weight, 0)
        return value

    def _key(self, event: Event) -> str:
        key = super()._key(event)
        self.keys.clear()  # each is weighed
        return key

    def _repeat(self, event: Event, depth: int) -> Node:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            message = f"'*{_cut(event.anchor)}' repeats a value that no anchor before it names"
            self._stop("alias", message, self._span(event), "write the value out")
        self.weight += anchored.weight
        self.repeated += anchored.weight
        self.deepest = max(self.deepest, depth + anchored.height)
        if self.repeated > MAX_REPEATED:
            message = f"aliases repeat more than {MAX_REPEATED:,} characters and values"
            self._stop("alias", message, self._span(event), "write out what is meant")
        if self.deepest > MAX_DEPTH:
            self._stop("deep-nesting", f"nested deeper than {MAX_DEPTH} levels", self._span(event), "")
        return anchored.node


def _mark(event: Event) -> int:
    start: int = event.start_mark.index
    return pack(start, event.end_mark.index - start)


def _cut(text: str) -> str:
    """Return the beginning of a text for a message: it may be long, and is the user's."""
    return text if len(text) <= 60 else text[:60] + "…"
