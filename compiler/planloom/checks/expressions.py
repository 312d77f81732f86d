"""GitHub's expressions, as far as one can be wrong before it is evaluated: how it is written, and which names it uses.

Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions and .../contexts, "Context availability".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 50
"""Source: actions/runner, ExpressionConstants.MaxDepth."""

CONTEXTS: Final = frozenset(
    ["env", "github", "inputs", "job", "matrix", "needs", "runner", "secrets", "steps", "strategy", "vars"]
)
"""What a step may read."""

FUNCTIONS: Final = {
    "contains": (2, 2),
    "startswith": (2, 2),
    "endswith": (2, 2),
    "format": (1, 255),
    "join": (1, 2),
    "tojson": (1, 1),
    "fromjson": (1, 1),
    "hashfiles": (1, 255),
    "case": (3, 255),
}
"""Function → least and most arguments."""

STATUS: Final = {"always": (0, 0), "cancelled": (0, 0), "success": (0, 255), "failure": (0, 255)}
"""Functions that only a condition may call."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![A-Za-z0-9_]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|[!<>()\[\].,*]))"
)
_SPACE: Final = re.compile(r"\s*")
_COMPARE: Final = frozenset(["==", "!=", "<", "<=", ">", ">="])
_LITERALS: Final = frozenset(["true", "false", "null", "nan", "infinity"])


class Problem(Exception):
    """An expression can't be read; its text says why."""


class Token(NamedTuple):
    """One word of an expression; `kind` is text, number, name, sign, or end."""

    kind: str
    text: str


def find_problem(text: str, *, is_condition: bool = False) -> str:
    """Return why GitHub would refuse a text that may hold expressions, or the empty string.

    A condition is an expression as a whole, unless it holds `${{`.
    """
    try:
        if is_condition and "${{" not in text:
            _Parser(text, is_condition=True).read()
        else:
            for expression in _cut(text):
                _Parser(expression, is_condition=is_condition).read()
    except Problem as problem:
        return str(problem)
    return ""


def _cut(text: str) -> Iterator[str]:
    """Yield what stands between `${{` and `}}`; braces in quotes end nothing."""
    start = text.find("${{")
    while start >= 0:
        place, quoted = start + 3, False
        while quoted or not text.startswith("}}", place):
            if place >= len(text):
                message = "'${{' is not closed by '}}'"
                raise Problem(message)
            quoted ^= text[place] == "'"
            place += 1
        yield text[start + 3 : place]
        start = text.find("${{", place)


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while (place := _end_of_space(text, place)) < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            message = f"'{text[place : place + 20].split(maxsplit=1)[0]}' can't stand here"
            raise Problem(message)
        yield Token(match.lastgroup or "", match[match.lastgroup or 0])
        place = match.end()
    yield Token("end", "its end")


def _end_of_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


class _Parser:
    """Reads an expression by recursive descent; nothing is evaluated."""

    def __init__(self, text: str, *, is_condition: bool) -> None:
        self._tokens = list(_tokens(text))
        self._place = 0
        self._is_condition = is_condition

    def read(self) -> None:
        if self._next.kind == "end":
            message = "an expression is empty"
            raise Problem(message)
        self._operators(0)
        self._expect("end")

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _expect(self, wanted: str) -> None:
        token = self._next
        if wanted not in (token.text if token.kind == "sign" else "", token.kind):
            message = f"{_show(token)} can't stand here" + (f"; '{wanted}' is missing" if wanted != "end" else "")
            raise Problem(message)
        self._place += 1

    def _is_sign(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _operators(self, depth: int) -> None:
        """Which operator binds first decides what comes out, not whether it can be read."""
        if depth > MAX_DEPTH:
            message = f"it is nested deeper than {MAX_DEPTH} levels"
            raise Problem(message)
        self._operand(depth)
        while self._is_sign("&&", "||", *_COMPARE):
            self._take()
            self._operand(depth)

    def _operand(self, depth: int) -> None:
        while self._is_sign("!"):
            self._take()
        token = self._take()
        if token.kind == "sign" and token.text == "(":
            self._operators(depth + 1)
            self._expect(")")
        elif token.kind == "name" and self._is_sign("("):
            self._call(token.text, depth)
        elif token.kind == "name" and token.text.lower() not in _LITERALS:
            self._context(token.text)
        elif token.kind not in ("text", "number", "name"):
            message = f"{_show(token)} can't stand here"
            raise Problem(message)
        self._properties(depth)

    def _context(self, name: str) -> None:
        lower = name.lower()
        if lower in FUNCTIONS or lower in STATUS:
            message = f"'{name}' is a function: write {name}(…)"
            raise Problem(message)
        if lower not in CONTEXTS:
            message = f"'{name[:60]}' is nothing that a step can read"
            raise Problem(message)
        if lower == "secrets" and self._is_condition:
            message = "a condition can't read secrets: put the secret into env, and test the variable"
            raise Problem(message)

    def _call(self, name: str, depth: int) -> None:
        lower = name.lower()
        bounds = FUNCTIONS.get(lower) or (STATUS.get(lower) if self._is_condition else None)
        if bounds is None:
            where = "only a condition can call it" if lower in STATUS else "there is no such function"
            message = f"'{name[:60]}(…)': {where}"
            raise Problem(message)
        self._take()
        count = 0
        while not self._is_sign(")"):
            if count:
                self._expect(",")
            self._operators(depth + 1)
            count += 1
        self._take()
        if not bounds[0] <= count <= bounds[1]:
            message = f"'{name}' takes {bounds[0] if bounds[0] == bounds[1] else f'{bounds[0]} or more'} values, not {count}"
            raise Problem(message)

    def _properties(self, depth: int) -> None:
        while self._is_sign(".", "["):
            if self._take().text == "[":
                if self._is_sign("*"):
                    self._take()
                else:
                    self._operators(depth + 1)
                self._expect("]")
            elif self._is_sign("*"):
                self._take()
            else:
                self._expect("name")


def _show(token: Token) -> str:
    return token.text if token.kind == "end" else f"'{token.text[:60]}'"
