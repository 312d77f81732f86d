"""Answers of GitHub's API, checked at the place where they are read.

A proxy, a page to sign in at or another server's idea of the API can stand behind an address: whatever is not of the kind that GitHub's
description promises ends in one error (`E_GITHUB_ANSWER`) that names the address and the place in its answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from planloom.core.errors import InputError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """One object of an answer. `where` is the address that gave it, and `inside` its place there ("" for the whole answer).

    Every method takes `default` for what may be missing or null; without one, what is missing is as wrong as what is of another kind.
    Raises: StoreError `E_GITHUB_ANSWER`.
    """

    value: Mapping[str, Any]
    where: str
    inside: str = ""

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return self._scalar(key, str, "a text", default)

    def number(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        return self._scalar(key, int, "a whole number", default)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return true or false."""
        return self._scalar(key, bool, "true or false", default)

    def part(self, key: str) -> Reply | None:
        """Return an object, None where it is missing or null."""
        value = self.value.get(key)
        return None if value is None else read_object(value, self.where, self._place(key))

    def need(self, key: str) -> Reply:
        """Return an object that must be there."""
        return read_object(self.value.get(key), self.where, self._place(key))

    def parts(self, key: str, *, optional: bool = False) -> tuple[Reply, ...]:
        """Return the objects of a list; none of them where it is missing or null and `optional`."""
        value = self.value.get(key)
        return () if value is None and optional else read_list(value, self.where, self._place(key))

    def _scalar(self, key: str, kind: type[T], words: str, default: T | None) -> T:
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        # `type`, not `isinstance`: true is no number.
        if type(value) is not kind:
            raise strange(self.where, f"{self._place(key)} is {_describe(value)}, not {words}")
        return value

    def _place(self, key: str) -> str:
        return f"{self.inside}.{key}" if self.inside else key


def read_object(value: Any, where: str, inside: str = "") -> Reply:
    """Return a value of an answer as the object that it must be. Raises: StoreError `E_GITHUB_ANSWER`."""
    if not isinstance(value, dict):
        raise strange(where, f"{inside or 'the whole answer'} is {_describe(value)}, not an object")
    return Reply(value, where, inside)


def read_list(value: Any, where: str, inside: str = "") -> tuple[Reply, ...]:
    """Return a value of an answer as the list of objects that it must be. Raises: StoreError `E_GITHUB_ANSWER`."""
    if not isinstance(value, list):
        raise strange(where, f"{inside or 'the whole answer'} is {_describe(value)}, not a list")
    return tuple(read_object(one, where, f"{inside}[{number}]") for number, one in enumerate(value))


def parse_json(content: bytes, where: str) -> Any:
    """Return what an answer says. Raises: StoreError `E_GITHUB_ANSWER` when it is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise strange(where, "it is not JSON") from error


def strange(where: str, why: str) -> StoreError:
    """Return the error that an address gave an answer that is not GitHub's."""
    message = f"{where} gives an answer that is not one of GitHub's: {why}"
    hint = "a proxy, or a page to sign in at, may stand before it: look at the address in a browser; GITHUB_API_URL names another"
    return StoreError(message, hint=hint, code="E_GITHUB_ANSWER")


def unaskable(api: str) -> InputError:
    """Return the error that a request can't even be written. The library's own words are not passed on: they could show the token."""
    message = f"GitHub can't be asked: '{api}' is no address, or the token holds a character that none has, such as a line end"
    return InputError(message, hint="set GITHUB_API_URL, or GH_TOKEN or GITHUB_TOKEN, anew")


def _describe(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "missing")
