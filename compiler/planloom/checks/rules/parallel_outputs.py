"""PL407 parallel-outputs: two steps that may run at once write the same output.

What: Steps of which neither waits for the other have different output patterns. It is a warning when the file that one of them
names is among what the other's pattern may match, and when no step needs both.

Why: Whoever needs both gets one of the two files, and which one is chance. When nobody does, they still meet where `planloom run` carries
both out in one folder: each may hand on what the other has written. In a `foreach`, `$EACH_<AXIS>` in `outputs` stands for the value of an
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

import itertools
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
    from planloom.graph.plangraph import PlanGraph
    from planloom.model.plan import Plan, Step


MOST: Final = 200
"""Outputs with a pattern, and as many without, that are compared for one step."""

_MAGIC: Final = frozenset("*?[")

FINDER = error("PL407", "parallel-outputs")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step with an output pattern of an earlier step that it need not wait for: where a third step needs both, and elsewhere."""
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
        yield from _in_one_folder(plan, graph, reach, reported)


def _in_one_folder(plan: Plan, graph: PlanGraph, reach: Reach, reported: set[tuple[str, str]]) -> Iterator[Diagnostic]:
    """Yield, once a pattern, a command that writes what another one writes, of those that no step needs both of.

    Looks at neighbours in the order of the plan: where each of them waits for the one before, all do.
    """
    capacities = {resource.name: resource.capacity for resource in plan.resources}
    writers: dict[str, list[tuple[Step, int]]] = {}
    # Commands only: GitHub's steps don't run in this folder, and people see what lies there.
    for step in sorted((step for step in plan.steps if step.run and step.outputs), key=lambda one: graph.position[one.key]):
        for index, pattern in enumerate(step.outputs):
            writers.setdefault(pattern, []).append((step, index))
    for pattern, steps in writers.items():
        for (first, _), (second, index) in itertools.pairwise(steps):
            pair = (name_of(first), name_of(second))
            if first is second or _take_turns(first, second, capacities) or reach.is_before(first.key, second.key) is not False:
                continue
            if pair not in reported:
                reported.add(pair)
                span = second.node.list_at("outputs").item_span(index)
                message = f"steps '{first.key}' and '{second.key}' may run at once and both write '{pattern[:80]}', in one folder under planloom run"
                label = Label(first.node.key_span("outputs"), f"written by '{first.key}'")
                help_text = f"give each a file of its own{_axes(first, second)}"
                yield FINDER.at(span, message, labels=[label], help=help_text, severity=Severity.WARNING)
            break


def _take_turns(one: Step, other: Step, capacities: Mapping[str, int]) -> bool:
    """Return whether a resource that both take suffices for one of them only."""
    return any(
        amount + other.resources.get(name, 0) > capacities.get(name, 0)
        for name, amount in one.resources.items()
        if name in other.resources
    )


def _advise(consumer: Step, one: Step, other: Step) -> str:
    return f"'{consumer.key}' needs both: give each a file of its own{_axes(one, other)}"


def _axes(one: Step, other: Step) -> str:
    """Return how the files of two steps of a `foreach` are told apart."""
    if not one.group or one.group != other.group:
        return ""
    axes = " and ".join(f"${each_variable(axis)}" for axis in one.each if one.each[axis] != other.each[axis])
    return f": put {axes} into the path"


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
