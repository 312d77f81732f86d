"""What rules may look at: everything that was read, and nothing else."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from planloom.core.diagnostics import Edit, Span
from planloom.core.errors import PlanloomError
from planloom.graph.plangraph import Cycles, PlanGraph
from planloom.syntax.nodes import MapNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from planloom.model.builder import Written
    from planloom.model.plan import Plan, Project, Step
    from planloom.syntax.nodes import ListNode
    from planloom.trust.policy import Policy


StepsByField: TypeAlias = "Mapping[str, Sequence[Step]]"


class Facts(NamedTuple):
    """A project as read.

    Shape: `plans` sorted by path; `graphs`, `written` (every name as written, also of parts that could not be built) and
    `sources` by path; `policy_file` the trust policy's bytes or None; `locked` whether specs/requirements.lock exists or is not needed;
    `stated` by path the steps that state each field (`group_by_field`); `distrust` why the policy's
    signatures do not hold.
    """

    plans: tuple[Plan, ...]
    graphs: Mapping[str, PlanGraph | Cycles]
    project: Project
    policy_file: bytes | None
    locked: bool
    written: Mapping[str, Written]
    sources: Mapping[str, bytes]
    stated: Mapping[str, StepsByField]
    distrust: str = ""

    def stating(self, plan: Plan, field: str) -> Sequence[Step]:
        """Return the steps, as written, that state a field themselves: a rule about a field looks at no others."""
        return self.stated[plan.path].get(field, ())

    def graph(self, plan: Plan) -> PlanGraph | None:
        """Return the plan's graph, or None when it has cycles."""
        graph = self.graphs[plan.path]
        return graph if isinstance(graph, PlanGraph) else None

    def ordered(self) -> Iterator[tuple[Plan, PlanGraph]]:
        """Yield the plans that have an order, with their graphs."""
        for plan in self.plans:
            graph = self.graph(plan)
            if graph is not None:
                yield plan, graph

    def policy(self) -> Policy | None:
        """Return the trust policy, or None when there is none or it can't be read."""
        return _read_policy(self.policy_file)[0]

    def policy_problem(self) -> str:
        """Return why the trust policy can't be read or is not signed as it must be, or the empty string."""
        return _read_policy(self.policy_file)[1] or self.distrust


@lru_cache(maxsize=4)
def _read_policy(content: bytes | None) -> tuple[Policy | None, str]:
    """Return the trust policy, and why it can't be read."""
    if content is None:
        return None, ""
    from planloom.trust import policyformat

    try:
        return policyformat.parse_policy(content), ""
    except PlanloomError as problem:
        return None, problem.message


def written_steps(plan: Plan) -> Iterable[Step]:
    """Return one step for each step as written: of a foreach group the first."""
    return _first_of_each_group(plan) if plan.groups else plan.steps


def _first_of_each_group(plan: Plan) -> Iterator[Step]:
    seen = ""
    for step in plan.steps:
        if not step.group or step.group != seen:
            yield step
        seen = step.group


def group_by_field(plan: Plan) -> StepsByField:
    """Return, for each field that a step of the plan states, the steps as written that state it, in the order of the file."""
    found: dict[str, list[Step]] = {}
    for step in written_steps(plan):
        for field in step.node:
            found.setdefault(field, []).append(step)
    return found


def has_shared_outputs(plan: Plan) -> bool:
    """Return whether two steps hand on the same pattern, or one the same twice."""
    patterns = [pattern for step in plan.steps for pattern in step.outputs]
    return len(set(patterns)) < len(patterns)


def demand_span(step: Step, name: str, index: int) -> Span:
    """Return the place where a step takes a resource, whichever way it is written."""
    resources = step.node.get("resources")
    if isinstance(resources, MapNode):
        return resources.key_span(name)
    return step.node.list_at("resources").item_span(index)


def removal(items: ListNode, index: int) -> tuple[Edit, ...]:
    """Return the edit that takes an item out of a list that stands on one line, or nothing when that is not safe."""
    spans = [items.item_span(place) for place in range(len(items))]
    if len(spans) < 2 or len({(span.line, span.end_line) for span in spans}) != 1:
        return ()
    span = spans[index]
    if index:
        start, end = spans[index - 1].end_column, span.end_column
    else:
        start, end = span.column, spans[1].column
    return (Edit(Span(span.path, span.line, start, span.line, end), ""),)


_EXPRESSION: Final = r"(?s)\$\{\{(.*?)\}\}"
_SCRIPT: Final = "actions/github-script@"
"""The action whose input is a program."""
_COMMIT: Final = r"[0-9a-f]{40}"
_BRANCHES: Final = frozenset({"main", "master", "develop", "dev", "trunk", "head", "release", "stable", "latest", "next"})


def find_expressions(text: str) -> list[str]:
    """Return what stands between `${{` and `}}`, in order, without the space around it."""
    return [match[1].strip() for match in re.finditer(_EXPRESSION, text)] if "${{" in text else []


def pin_kind(action: str) -> str:
    """Return how `uses` names an action: "commit", "tag", "branch", or "local" for the checkout's own and for images."""
    if action.startswith(("./", "docker://")):
        return "local"
    _, _, ref = action.partition("@")
    if re.fullmatch(_COMMIT, ref):
        return "commit"
    return "branch" if ref.lower() in _BRANCHES or "/" in ref else "tag"


def name_of(step: Step) -> str:
    """Return the key as written: of a foreach group the group's."""
    return step.group or step.key


def native_nodes(step: Step) -> Iterable[MapNode]:
    """Return the GitHub steps of a step, as nodes."""
    if not step.native:
        return ()
    return [item for item in step.node.list_at("steps") if isinstance(item, MapNode)]


def programs(native: MapNode) -> Iterator[tuple[str, Span, str]]:
    """Yield what a GitHub step runs in which expressions are replaced first: text, place, and how to hand a value over instead."""
    inputs = native.map_at("with")
    is_script = str(native.get("uses", "")).lower().startswith(_SCRIPT)
    for node, key, advice in (
        (native, "run", "put it in env, and read the variable in quotes"),
        *(((inputs, "script", "put it in env, and read process.env"),) if is_script else ()),
    ):
        text = node.get(key)
        if isinstance(text, str) and "${{" in text:
            yield text, node.value_span(key), advice


def actions_pinned_to(facts: Facts, kind: str) -> Iterator[tuple[str, Span]]:
    """Yield the actions that are named so (`pin_kind`), with their places."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                action = native.get("uses")
                if isinstance(action, str) and pin_kind(action) == kind:
                    yield action, native.value_span("uses")


def need_span(step: Step, index: int) -> Span:
    """Return the place of an entry of `needs` as written."""
    needs = step.node.list_at("needs")
    return needs.item_span(index) if index < len(needs) else step.node.key_span("needs")
