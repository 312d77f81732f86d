"""Bytes → text, or why not: encoding, size, characters that nobody can see; and where in a text a place is.

A plan is text that a reviewer reads. What an editor would show differently than a parser sees it is refused here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Edit, Span
from planloom.syntax.findings import error

if TYPE_CHECKING:
    from planloom.core.diagnostics import Diagnostic

MAX_FILE_BYTES: Final = 40 * 1024 * 1024
"""A plan of 100,000 steps has about 36 MB; more is refused before anything is decoded."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
"""Not printable in YAML 1.2.2 (section 5.1, c-printable)."""

_HIDDEN: Final = re.compile("\r(?!\n)|[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""Line ends that most editors don't show, and the directional marks of CVE-2021-42574 ("Trojan Source")."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BOM: Final = b"\xef\xbb\xbf"
_SHOWN: Final = 20


class Source:
    """The text of one file, which knows in which line an offset lies. Lines are looked for when somebody asks the first time."""

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: tuple[int, ...] = ()

    def span(self, start: int, length: int) -> Span:
        """Return the span of so many characters from an offset; what goes on beyond its line ends with the line."""
        if not self._starts:
            self._starts = (0, *accumulate(len(line) + 1 for line in self.text.split("\n")))
        line = bisect_right(self._starts, start)
        column = start - self._starts[line - 1] + 1
        if start + length >= self._starts[line]:
            return Span(self.path, line, column, line + 1, 1)
        return Span(self.path, line, column, line, column + length)


def read_text(path: str, content: bytes) -> tuple[str, tuple[Diagnostic, ...]]:
    """Return the text of a file, without a byte order mark, or the empty text and why it has none."""
    if len(content) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES:,} bytes, the most that a plan may have"
        return "", (error("big-file", message, Span(path, 1, 1, 1, 1), help="split the plan in several plans"),)
    if content[:2] in _UTF16 or content[:4].count(0) >= 2:
        message = "the file is not UTF-8: it looks like UTF-16 or UTF-32"
        return "", (error("utf-16", message, Span(path, 1, 1, 1, 1), help="save it as UTF-8"),)
    found: list[Diagnostic] = []
    if content.startswith(_BOM):
        span = Span(path, 1, 1, 1, 2)
        message = "the file begins with a byte order mark"
        found.append(error("byte-order-mark", message, span, help="save it as UTF-8 without one", fix=[Edit(span, "")]))
        content = content[len(_BOM) :]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as problem:
        place = _place_of_byte(path, content, problem.start)
        message = f"byte 0x{content[problem.start]:02x} is not UTF-8"
        # Nothing else is said of such a file: what repairs text can't be done to it.
        return "", (error("not-utf-8", message, place, help="save the file as UTF-8"),)
    found.extend(_odd_characters(path, text))
    return ("" if found else text), tuple(found)


def _odd_characters(path: str, text: str) -> list[Diagnostic]:
    """Report the first few control and hidden characters; a binary file has thousands."""
    found: list[Diagnostic] = []
    if text.isascii() and "\r" not in text and _CONTROL.search(text) is None:
        return found
    for rule, pattern, what in (
        ("control-character", _CONTROL, "a control character"),
        ("hidden-character", _HIDDEN, "a character that editors do not show"),
    ):
        for count, match in enumerate(pattern.finditer(text)):
            if count == _SHOWN:
                break
            message = f"{what}: U+{ord(match[0]):04X}"
            help_text = 'remove it, or write it as an escape in double quotes ("\\u…")'
            found.append(error(rule, message, _place_of_character(path, text, match.start()), help=help_text))
    return found


def _place_of_byte(path: str, content: bytes, offset: int) -> Span:
    before = content[:offset].decode("utf-8")
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return Span(path, line, column, line, column)


def _place_of_character(path: str, text: str, offset: int) -> Span:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Span(path, line, column, line, column + 1)
