"""From a checked plan to the compiled plan that runners read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from planloom import VERSION
from planloom.emit.profiles import build_profiles
from planloom.records.compiled import CompiledPlan, CompiledStep, step_digest
from planloom.records.merkle import tree_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.emit.profiles import Profile
    from planloom.model.plan import Plan, RunsOn, Step


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


def compile_plan(
    plan: Plan, graph: Order, profiles: tuple[Profile, ...] | None = None
) -> tuple[CompiledPlan, tuple[CompiledStep, ...]]:
    """Return the header and the steps, sorted by key. `profiles` spares building them when the caller has them."""
    if profiles is None:
        profiles = build_profiles(plan.steps)
    position = {key: place for place, key in enumerate(graph.order, start=1)}
    profile_of = {key: profile.name for profile in profiles for key in profile.steps}
    steps = tuple(
        _compile_step(step, graph, position, profile_of.get(step.key, "")) for step in sorted(plan.steps, key=lambda s: s.key)
    )
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
    return header, steps


def _compile_step(step: Step, graph: Order, position: Mapping[str, int], profile: str) -> CompiledStep:
    definition = define_step(step)
    needs = frozenset(step.needs)
    after = [key for key in graph.after.get(step.key, ()) if key not in needs]
    return CompiledStep(
        key=step.key,
        digest=step_digest(definition),
        order=step.order,
        position=position[step.key],
        parallelizable=step.parallelizable,
        after=tuple(sorted(after, key=position.__getitem__)),
        profile=profile,
        definition=definition,
    )


def define_step(step: Step) -> dict[str, Any]:
    """Return what the step is, as canonical JSON without empty values: this is what its digest covers."""
    whole: dict[str, Any] = {
        "key": step.key,
        "name": step.name if step.name != step.key else "",
        "group": step.group,
        "each": dict(step.each),
        "needs": list(step.needs),
        "run": step.run,
        "native": [dict(tree) for tree in step.native],
        "shell": "" if step.is_manual else step.shell,
        "outputs": list(step.outputs),
        "env": dict(step.env),
        "secrets": sorted(step.secrets),
        "runsOn": describe_runner(step.runs_on),
        "matrix": dict(step.matrix),
        "environment": step.environment,
        "container": step.container,
        "permissions": dict(step.permissions),
        "timeoutMinutes": step.timeout_minutes,
        "attempts": step.attempts,
        "resources": dict(step.resources),
        "gate": {"role": step.gate.role, "approvals": step.gate.approvals} if step.gate else {},
        "baseline": step.baseline,
        "workingDirectory": step.working_directory,
        "entryCriteria": list(step.entry_criteria),
        "exitCriteria": list(step.exit_criteria),
        "role": step.role,
        "tasks": list(step.tasks),
    }
    return {key: value for key, value in whole.items() if value not in ("", [], {}, False)}


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
