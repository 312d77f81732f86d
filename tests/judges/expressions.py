"""A small evaluator of GitHub expressions, and of when jobs and steps run.

Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions. Covers what planloom emits: literals, contexts, indexing,
`!`, `&&`, `||`, `==`, `!=`, the status functions and fromJSON. Anything else is an error, so that nothing passes unread.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

STATUS_FUNCTIONS = ("success", "failure", "always", "cancelled")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<op>==|!=|&&|\|\||[!()\[\].,])|(?P<name>[A-Za-z_][A-Za-z0-9_-]*|\*))"
)


def tokens(text):
    found, place = [], 0
    text = text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"can't read {text[place:]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def strip_expression(text):
    match = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", text, re.DOTALL)
    return match[1] if match else text


def truthy(value):
    return value not in (None, False, 0, "") or isinstance(value, list | dict)


@dataclass
class Parser:
    """Recursive descent; evaluates while it reads."""

    found: list
    contexts: dict
    functions: dict
    place: int = 0

    def peek(self):
        return self.found[self.place][1] if self.place < len(self.found) and self.found[self.place][0] != "text" else None

    def take(self):
        token = self.found[self.place]
        self.place += 1
        return token

    def either(self):
        value = self.both()
        while self.peek() == "||":
            self.take()
            other = self.both()
            value = value if truthy(value) else other
        return value

    def both(self):
        value = self.equal()
        while self.peek() == "&&":
            self.take()
            other = self.equal()
            value = other if truthy(value) else value
        return value

    def equal(self):
        value = self.unary()
        while self.peek() in ("==", "!="):
            _, op = self.take()
            same = self._same(value, self.unary())
            value = same if op == "==" else not same
        return value

    @staticmethod
    def _same(one, other):
        if isinstance(one, str) and isinstance(other, str):
            return one.lower() == other.lower()
        return one == other

    def unary(self):
        if self.peek() == "!":
            self.take()
            return not truthy(self.unary())
        return self.postfix()

    def postfix(self):
        value = self.primary()
        while self.peek() in (".", "["):
            _, op = self.take()
            key = self.take()[1] if op == "." else self.either()
            if op == "[":
                assert self.take()[1] == "]"
            if isinstance(value, list):
                value = value[key] if isinstance(key, int) and key < len(value) else None
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    def primary(self):
        kind, text = self.take()
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if text == "(":
            value = self.either()
            assert self.take()[1] == ")"
            return value
        if kind != "name":
            raise ValueError(f"unexpected {text!r}")
        if self.peek() == "(":
            self.take()
            arguments = [] if self.peek() == ")" else [self.either()]
            assert self.take()[1] == ")"
            return self.functions[text](*arguments)
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        if text not in self.contexts:
            raise ValueError(f"unknown context {text}")
        return self.contexts[text]


def evaluate(text, contexts, functions):
    parser = Parser(tokens(strip_expression(text)), contexts, {"fromJSON": json.loads} | functions)
    value = parser.either()
    assert parser.place == len(parser.found), f"did not read all of {text!r}"
    return value


def names_status_function(condition):
    return re.search(rf"\b(?:{'|'.join(STATUS_FUNCTIONS)})\s*\(", condition or "") is not None


def _runs(condition, contexts, functions):
    """A condition without a status function gets success() in front."""
    text = strip_expression(str(condition)) if condition not in (None, "") else "success()"
    wanted = truthy(evaluate(text, contexts, functions))
    return wanted if names_status_function(text) else wanted and functions["success"]()


def job_runs(job, results, outputs, *, cancelled, inputs):
    """Whether a job runs when those it needs came to `results` (success, failure, cancelled, skipped)."""
    needs = job.get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    contexts = {"needs": {name: {"result": results[name], "outputs": outputs.get(name, {})} for name in needs}, "inputs": inputs}
    functions = {
        "success": lambda: not cancelled and all(results[name] == "success" for name in needs),
        "failure": lambda: any(results[name] == "failure" for name in needs),
        "always": lambda: True,
        "cancelled": lambda: cancelled,
    }
    return _runs(job.get("if"), contexts, functions)


@dataclass
class Played:
    """One way a job's steps could go: which ran, and how each ended."""

    ran: list = field(default_factory=list)
    outcomes: dict = field(default_factory=dict)
    status: str = "success"


def play(steps, contexts, choose):
    """Go through steps as a runner does. `choose(index)` says how a step that runs ends: success, failure or cancelled."""
    played = Played()
    for index, step in enumerate(steps):
        functions = {
            "success": lambda: played.status == "success",
            "failure": lambda: played.status == "failure",
            "always": lambda: True,
            "cancelled": lambda: played.status == "cancelled",
        }
        known = {name: {"outcome": outcome} for name, outcome in played.outcomes.items()}
        outcome = "skipped"
        if _runs(step.get("if"), contexts | {"steps": known, "job": {"status": played.status}}, functions):
            played.ran.append(index)
            # A run is cancelled once; what still runs after it ends as it ends.
            outcome = choose(index)
            if outcome == "cancelled" and played.status != "cancelled":
                played.status = "cancelled"
            elif outcome == "failure" and played.status == "success":
                played.status = "failure"
        if "id" in step:
            played.outcomes[step["id"]] = outcome
    return played
