"""PL407 parallel-outputs: two steps that may run at once write the same output.

What: Steps of which neither waits for the other have different output patterns. It is a warning when the file that one of them
names is among what the other's pattern may match.

Why: Whoever needs both gets one of the two files, and which one is chance. In a `foreach`, `$EACH_<AXIS>` in `outputs` stands for the value of an
axis, so that each of its steps has files of its own.

Fails:
    steps:
      - key: a
        run: make a
        outputs: [dist/x]
      - key: b
        run: make b
        outputs: [dist/x]
      - key: c
        run: make c
        needs: [a, b]

Passes:
    steps:
      - key: a
        run: make a
        outputs: [dist/a]
      - key: b
        run: make b
        outputs: [dist/b]
      - key: c
        run: make c
        needs: [a, b]
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, has_shared_outputs, name_of
from planloom.checks.rule import error
from planloom.core.diagnostics import Label, Severity
from planloom.core.names import each_variable
from planloom.graph.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planloom.core.diagnostics import Diagnostic
    from planloom.model.plan import Step


MOST: Final = 200
"""Outputs with a pattern, and as many without, that are compared for one step."""

_MAGIC: Final = frozenset("*?[")

FINDER = error("PL407", "parallel-outputs")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step with an output pattern of an earlier step that it need not wait for, where a third step needs both."""
    for plan, graph in facts.ordered():
        if not has_shared_outputs(plan) and all(_MAGIC.isdisjoint(output) for step in plan.steps for output in step.outputs):
            continue
        steps = {step.key: step for step in plan.steps}
        reach = Reach(graph)
        reported: set[tuple[str, str]] = set()
        for consumer in plan.steps:
            writers: dict[str, str] = {}
            for need in sorted(graph.needs[consumer.key], key=graph.position.__getitem__):
                for index, pattern in enumerate(steps[need].outputs):
                    first = writers.setdefault(pattern, need)
                    pair = (name_of(steps[first]), name_of(steps[need]))
                    if first != need and pair not in reported and reach.is_before(first, need) is False:
                        reported.add(pair)
                        span = steps[need].node.list_at("outputs").item_span(index)
                        message = f"steps '{first}' and '{need}' may run at once and both write '{pattern[:80]}'"
                        label = Label(steps[first].node.key_span("outputs"), f"written by '{first}'")
                        help_text = _advise(consumer, steps[first], steps[need])
                        yield FINDER.at(span, message, labels=[label], help=help_text)
            for (need, index), (first, pattern) in _matched(graph.needs[consumer.key], steps):
                pair = (name_of(steps[first]), name_of(steps[need]))
                if pair not in reported and reach.is_before(first, need) is False and reach.is_before(need, first) is False:
                    reported.add(pair)
                    span = steps[need].node.list_at("outputs").item_span(index)
                    path = steps[need].outputs[index]
                    message = (
                        f"steps '{first}' and '{need}' may run at once, and '{pattern[:80]}' of the first matches '{path[:80]}'"
                    )
                    label = Label(steps[first].node.key_span("outputs"), f"matched by '{first}'")
                    help_text = _advise(consumer, steps[first], steps[need])
                    yield FINDER.at(span, message, labels=[label], help=help_text, severity=Severity.WARNING)


def _advise(consumer: Step, one: Step, other: Step) -> str:
    if one.group and one.group == other.group:
        axes = " and ".join(f"${each_variable(axis)}" for axis in one.each if one.each[axis] != other.each[axis])
        return f"'{consumer.key}' needs both: put {axes} into the path, which stands for the value of each"
    return f"'{consumer.key}' needs both: give each a file of its own"


def _matched(needs: Iterable[str], steps: Mapping[str, Step]) -> Iterator[tuple[tuple[str, int], tuple[str, str]]]:
    """Yield the outputs with a plain name, as (step, index), that a pattern of another step matches, as (step, pattern)."""
    named, patterns = [], []
    for need in needs:
        for index, output in enumerate(steps[need].outputs):
            if _MAGIC.isdisjoint(output):
                named.append((need, index))
            else:
                patterns.append((need, output))
    for writer, pattern in patterns[:MOST] if named else ():
        parts = pattern.split("/")
        for need, index in named[:MOST]:
            if need != writer and _matches(parts, steps[need].outputs[index].split("/")):
                yield (need, index), (writer, pattern)


def _matches(pattern: list[str], path: list[str]) -> bool:
    """Return whether a path is one that the pattern means; `**` stands for any number of folders."""
    places = {0}
    for part in pattern:
        if part == "**":
            places = set(range(min(places, default=len(path) + 1), len(path) + 1))
        else:
            places = {place + 1 for place in places if place < len(path) and fnmatchcase(path[place], part)}
    return len(path) in places


RULE = FINDER.rule(__doc__, check)
