"""Canonical JSON (RFC 8785 for the subset we use) and a strict reader of it.

The subset: objects with ASCII keys, arrays, strings without lone surrogates, integers of magnitude below 2**53, booleans
and null. No floats. On this subset `json.dumps` with sorted keys equals RFC 8785 byte for byte; the tests
compare with an independent implementation.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from planloom.core.errors import PlanloomError

if TYPE_CHECKING:
    from collections.abc import Iterable

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259 section 6, I-JSON RFC 7493 section 2.2)."""

MAX_DEPTH: Final = 64
"""More nesting than any document of ours has; bounds recursion on hostile input."""


# No value of ours holds itself: `_check` bounds the depth of those that come from outside.
_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
_ASCII_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False
)
"""The same for text in ASCII without U+007F, and faster."""


class CanonicalError(PlanloomError):
    """Bytes that are not canonical JSON, or a value that has no canonical form."""


class NotCanonical(CanonicalError):
    """JSON that says something sound in another spelling than the one we write."""


def encode(value: Json) -> bytes:
    """Return the canonical bytes of `value`, without a trailing newline.

    Raises: CanonicalError for floats, big integers, non-ASCII keys, lone surrogates and deep nesting.
    """
    _check(value, MAX_DEPTH)
    return _write(value)


def encode_known(value: Json) -> bytes:
    """Return what `encode` does, for a value of which the caller has seen that its keys are text and its numbers integers in range.

    What is left to go wrong shows in the text: letters that are not ASCII, many brackets. Raises: CanonicalError.
    """
    text = _ENCODER.encode(value)
    if not text.isascii() or text.count("[") + text.count("{") > MAX_DEPTH:
        _check(value, MAX_DEPTH)
    return text.encode("utf-8")


def decode(content: bytes, *, canonical: bool = True) -> Json:
    """Return the value that `content` encodes.

    With `canonical` the bytes must be exactly what `encode` writes for the value, so no other reader can see
    another document in them.

    Raises: NotCanonical for another spelling; CanonicalError for anything else: bad UTF-8, a BOM, duplicate keys, floats, NaN, deep nesting.
    """
    try:
        text = content.decode("utf-8")
        if canonical and (plain := _decode_plain(text)) is not None:
            return plain
        value: Json = _DECODER.decode(text)
        # What was parsed can only be too deep, have keys that are not ASCII or hold lone surrogates; few brackets can't be deep.
        if not text.isascii() or "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
            _check(value, MAX_DEPTH)
        if canonical and _write(value) != content:
            raise NotCanonical("not in canonical form")
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"not JSON: {error}"
        raise CanonicalError(message) from error
    except RecursionError as error:
        message = "nested too deeply"
        raise CanonicalError(message) from error
    return value


def _decode_plain(text: str) -> dict[str, Json] | None:
    """Return the object in a text that needs no close look, twice as fast; None for any other, sound or not.

    Without escapes and many brackets the plain parser can go wrong in one way only: of a key that is there
    twice it keeps one. Then writing it again gives other bytes.
    """
    if not text.isascii() or "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        return None
    value = _PLAIN_DECODER.decode(text)
    return value if isinstance(value, dict) and _ASCII_ENCODER.encode(value) == text else None


def _write(value: Json) -> bytes:
    return _ENCODER.encode(value).encode("utf-8")


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` as 64 lower-case hex digits."""
    return hashlib.sha256(content).hexdigest()


def _refuse(reason: str) -> NoReturn:
    raise CanonicalError(reason)


def _refuse_number(text: str) -> NoReturn:
    _refuse(f"number {text[:20]} is not a plain integer")


def _parse_int(text: str) -> int:
    # int() of a very long text is quadratic, so the length is looked at first.
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER or text == "-0":
        _refuse(f"integer {text[:20]} is out of range")
    return int(text)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        _refuse("an object has a key twice")
    return result


def _check(value: Json, depth: int) -> None:
    if depth < 0:
        _refuse("nested too deeply")
    if isinstance(value, dict):
        for key in value:
            if not key.isascii():
                _refuse(f"key {key!r} is not ASCII text")
        _check_items(value.values(), depth - 1)
    elif isinstance(value, list):
        _check_items(value, depth - 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            _refuse("integer out of range")
    elif value is not None:
        _refuse(f"{type(value).__name__} has no canonical form")


def _check_items(items: Iterable[Json], depth: int) -> None:
    for item in items:
        # Big plans pass here value by value; ASCII text needs no look inside.
        if not (type(item) is str and item.isascii()):
            _check(item, depth)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = "text holds a lone surrogate"
        raise CanonicalError(message) from error


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_refuse_number, parse_constant=_refuse_number, parse_int=_parse_int
)

_PLAIN_DECODER: Final = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number, parse_int=_parse_int)
