"""What rules may look at: everything that was read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.core.errors import PlanloomError
from planloom.graph.plangraph import Cycles, PlanGraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.core.diagnostics import Span
    from planloom.model.plan import Plan, Project, Step
    from planloom.trust.policy import Policy


@dataclass(frozen=True, slots=True)
class Facts:
    """A project as read.

    Shape: `plans` sorted by path; `graphs`, `known_keys` (every step key as written, also of steps that could not be built) and
    `sources` by path; `policy_file` the trust policy's bytes or None; `locked` whether specs/requirements.lock exists.
    """

    plans: tuple[Plan, ...]
    graphs: Mapping[str, PlanGraph | Cycles]
    project: Project
    policy_file: bytes | None
    locked: bool
    known_keys: Mapping[str, frozenset[str]]
    sources: Mapping[str, bytes]

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
        return read_policy(self.policy_file)[0]


def read_policy(content: bytes | None) -> tuple[Policy | None, str]:
    """Return the trust policy, and why it can't be read."""
    if content is None:
        return None, ""
    from planloom.trust import policyformat

    try:
        return policyformat.parse_policy(content), ""
    except PlanloomError as problem:
        return None, problem.message


def written_steps(plan: Plan) -> Iterator[Step]:
    """Yield one step for each step as written: of a foreach group the first."""
    seen = ""
    for step in plan.steps:
        if not step.group or step.group != seen:
            yield step
        seen = step.group


def need_span(step: Step, index: int) -> Span:
    """Return the place of an entry of `needs` as written."""
    needs = step.node.list_at("needs")
    return needs.item_span(index) if index < len(needs) else step.node.key_span("needs")
