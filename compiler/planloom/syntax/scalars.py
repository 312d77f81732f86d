"""Plain scalars by the YAML 1.2 core schema: what `12`, `true` and `~` mean.

Source: YAML 1.2.2 section 10.3.2 (https://yaml.org/spec/1.2.2/#1032-tag-resolution). ruamel's own resolver differs: it takes
`1_000`, `0b11`, dates and `=` for something else than text.
"""

from __future__ import annotations

import re
from typing import Final

from planloom.core.canonical import MAX_INTEGER

WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}

NUMBER_STARTS: Final = frozenset("-+.0123456789")
"""A plain scalar that begins otherwise is no number."""

_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}

_LONGEST_NUMBER: Final = 40


class NumberTooBig(Exception):
    """A number that no JSON reader keeps exact."""


def resolve_number(text: str) -> str | int | float:
    """Return the number that a plain scalar stands for, or the text itself.

    Raises: NumberTooBig beyond 2**53 - 1 in magnitude, before spending time on the digits, and for what is not finite.
    """
    if len(text) > _LONGEST_NUMBER:
        if _DECIMAL.fullmatch(text) or _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
            raise NumberTooBig
        return text
    if _DECIMAL.fullmatch(text):
        return _bounded(int(text))
    if _OCTAL.fullmatch(text):
        return _bounded(int(text, 0))
    if _HEXADECIMAL.fullmatch(text):
        return _bounded(int(text, 0))
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise NumberTooBig
        return number
    if text.lower() in _NOT_FINITE:
        raise NumberTooBig
    return text


def _bounded(number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise NumberTooBig
    return number
