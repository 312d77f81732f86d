"""From a checked plan to the compiled plan that runners read."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from planloom import VERSION
from planloom.core import canonical
from planloom.emit.profiles import build_profiles
from planloom.model.plan import Step
from planloom.records.compiled import CompiledPlan, CompiledStep
from planloom.records.merkle import tree_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.emit.profiles import Profile
    from planloom.model.plan import Plan, RunsOn


class Order(Protocol):
    """What emission takes from a plan's graph.

    Shape: `order` is the linear extension; `after` maps a step to its barrier edges beside `needs`.
    """

    @property
    def order(self) -> tuple[str, ...]:
        """The keys of all steps, each after everything it waits for."""
        ...

    @property
    def after(self) -> Mapping[str, tuple[str, ...]]:
        """Barrier edges: step → the steps it comes after although it does not need them."""
        ...


def compile_plan(plan: Plan, graph: Order) -> tuple[CompiledPlan, tuple[CompiledStep, ...]]:
    """Return the header and the steps, sorted by key."""
    header, steps, _ = compile_lines(plan, graph, build_profiles(plan.steps))
    return header, steps


def compile_lines(
    plan: Plan, graph: Order, profiles: tuple[Profile, ...]
) -> tuple[CompiledPlan, tuple[CompiledStep, ...], bytes]:
    """Return the header, the steps sorted by key, and `steps.jsonl`, so that each definition is encoded once."""
    position = {key: place for place, key in enumerate(graph.order, start=1)}
    profile_of = {key: profile.name for profile in profiles for key in profile.steps}
    steps, lines = [], []
    for step in sorted(plan.steps, key=lambda s: s.key):
        definition = define_step(step)
        # Free values of the user are looked at one by one; of all others the plan's shape says what they are.
        has_free_values = step.native or step.matrix
        content = canonical.encode(definition) if has_free_values else canonical.encode_known(definition)
        compiled = CompiledStep(
            key=step.key,
            digest=canonical.digest(content),
            order=step.order,
            position=position[step.key],
            parallelizable=step.parallelizable,
            after=_after(step, graph, position),
            profile=profile_of.get(step.key, ""),
            definition=definition,
        )
        steps.append(compiled)
        lines.append(compiled.line_with(content))
    header = CompiledPlan(
        id=plan.id,
        name=plan.name,
        version=plan.version,
        source_path=plan.path,
        source_digest=plan.source_digest,
        order=tuple(graph.order),
        steps_root=tree_hash(bytes.fromhex(step.digest) for step in steps).hex(),
        settings=_settings(plan, profiles),
        compiler=VERSION,
    )
    return header, tuple(steps), b"".join(lines)


def _after(step: Step, graph: Order, position: Mapping[str, int]) -> tuple[str, ...]:
    after = graph.after.get(step.key, ())
    if not after:
        return ()
    needs = frozenset(step.needs)
    return tuple(sorted((key for key in after if key not in needs), key=position.__getitem__))


_NAMES: Final = {
    "attempts": "attempts",
    "baseline": "baseline",
    "container": "container",
    "each": "each",
    "entryCriteria": "entry_criteria",
    "env": "env",
    "environment": "environment",
    "exitCriteria": "exit_criteria",
    "gate": "gate",
    "group": "group",
    "key": "key",
    "matrix": "matrix",
    "name": "name",
    "native": "native",
    "needs": "needs",
    "outputs": "outputs",
    "permissions": "permissions",
    "resources": "resources",
    "role": "role",
    "run": "run",
    "runsOn": "runs_on",
    "secrets": "secrets",
    "shell": "shell",
    "tasks": "tasks",
    "timeoutMinutes": "timeout_minutes",
    "workingDirectory": "working_directory",
}
"""What a step's definition holds: its names, sorted as canonical JSON sorts them, and the step's fields behind them."""

_VALUES: Final = itemgetter(*(Step._fields.index(field) for field in _NAMES.values()))


def define_step(step: Step) -> dict[str, Any]:
    """Return what the step is, as canonical JSON without empty values: this is what its digest covers."""
    definition: dict[str, Any] = {
        name: list(value) if value.__class__ is tuple else value
        for name, value in zip(_NAMES, _VALUES(step), strict=True)
        if value
    }
    definition["runsOn"] = describe_runner(step.runs_on)
    if step.name == step.key:
        del definition["name"]
    if step.is_manual:
        definition.pop("shell", None)
    if step.gate is not None:
        definition["gate"] = {"role": step.gate.role, "approvals": step.gate.approvals}
    if step.secrets:
        definition["secrets"] = sorted(step.secrets)
    return definition


def describe_runner(runs_on: RunsOn) -> str | list[str] | dict[str, Any]:
    """Return a `runs-on` value as GitHub takes it: one label, a list, or group and labels."""
    if runs_on.group:
        return {"group": runs_on.group} | ({"labels": list(runs_on.labels)} if runs_on.labels else {})
    if runs_on.is_text and len(runs_on.labels) == 1:
        return runs_on.labels[0]
    return list(runs_on.labels)


def _settings(plan: Plan, profiles: tuple[Profile, ...]) -> dict[str, Any]:
    workflow = plan.workflow
    return {
        "execution": workflow.execution,
        "loop": workflow.loop,
        "collect": workflow.collect,
        "prefix": workflow.prefix,
        "params": {param.name: dict(param.schema) for param in plan.params},
        "resources": {resource.name: resource.capacity for resource in plan.resources},
        "profiles": [profile.name for profile in profiles],
    }
