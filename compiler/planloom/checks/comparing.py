"""Two versions of the plans compared by meaning: steps, needs, gates, runners, and first of all new privileges.

Pure: what a version is, the caller says. A plan that got weaker (secrets, permissions, gates, isolation, pins) has to be acknowledged in
the plan itself, by a digest over exactly these changes: the review of that line is the approval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.checks.privileges import Privilege, find_privileges
from planloom.core import canonical
from planloom.graph.plangraph import PlanGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.model.plan import Plan, Step

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a step or of a plan: what it said before and says now, as text; "" for nothing."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that was added, removed or changed; `fields` only for a changed one, in the order of the plan language."""

    key: str
    kind: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What changed in one plan.

    Shape: `kind` is added, removed or changed; `fields` are those of the plan itself; `steps` in the order of the new file, removed ones last;
    the longest paths are step keys, empty where there is no plan or no order.
    """

    id: str
    path: str
    kind: str
    fields: tuple[FieldChange, ...]
    steps: tuple[StepChange, ...]
    privileges: tuple[Privilege, ...]
    acknowledged: bool
    longest_before: tuple[str, ...]
    longest_after: tuple[str, ...]

    @property
    def privilege_digest(self) -> str:
        """What `workflow.privileges-acknowledged` has to say: it covers exactly these privileges."""
        return digest_privileges(self.privileges)


def digest_privileges(privileges: tuple[Privilege, ...]) -> str:
    """Return the digest of a list of new privileges."""
    texts = sorted(f"{privilege.step}\n{privilege.kind}\n{privilege.message}" for privilege in privileges)
    return "sha256:" + canonical.digest(canonical.encode([*texts]))


def compare_plans(
    before: Mapping[str, Plan],
    after: Mapping[str, Plan],
    graphs_before: Mapping[str, PlanGraph],
    graphs_after: Mapping[str, PlanGraph],
) -> tuple[PlanChange, ...]:
    """Return what changed, by plan id; plans without a change are left out. All mappings are by plan id."""
    changes = []
    for plan_id in sorted(before.keys() | after.keys()):
        old, new = before.get(plan_id), after.get(plan_id)
        some = new or old
        if some is None:
            continue
        fields, steps = _plan_fields(old, new), _steps(old, new)
        privileges = find_privileges(old, new) if new else ()
        kind = CHANGED if old and new else ADDED if new else REMOVED
        if kind == CHANGED and not fields and not steps and not privileges:
            continue
        acknowledged = not privileges or (
            new is not None and new.workflow.privileges_acknowledged == digest_privileges(privileges)
        )
        longest = tuple(graphs[plan_id].critical_path if plan_id in graphs else () for graphs in (graphs_before, graphs_after))
        changes.append(PlanChange(plan_id, some.path, kind, fields, steps, privileges, acknowledged, *longest))
    return tuple(changes)


def _plan_fields(old: Plan | None, new: Plan | None) -> tuple[FieldChange, ...]:
    if old is None or new is None:
        return ()
    return _differences(describe_plan(old), describe_plan(new))


def _steps(old: Plan | None, new: Plan | None) -> tuple[StepChange, ...]:
    before = {step.key: step for step in old.steps} if old else {}
    after = {step.key: step for step in new.steps} if new else {}
    changes = []
    for key, step in after.items():
        if key not in before:
            changes.append(StepChange(key, ADDED))
        elif fields := _differences(describe_step(before[key]), describe_step(step)):
            changes.append(StepChange(key, CHANGED, fields))
    changes.extend(StepChange(key, REMOVED) for key in before if key not in after)
    return tuple(changes)


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, old[name], new[name]) for name in old if old[name] != new[name])


def describe_plan(plan: Plan) -> dict[str, str]:
    """Return the plan's own fields as text, in the order of the plan language."""
    workflow = plan.workflow
    return {
        "name": plan.name,
        "version": plan.version,
        "description": plan.description,
        "params": "\n".join(f"{param.name}: {_pairs(param.schema)}" for param in plan.params),
        "resources": ", ".join(f"{resource.name} {resource.capacity}" for resource in plan.resources),
        "workflow prefix": workflow.prefix,
        "execution": workflow.execution,
        "loop": workflow.loop,
        "collect": workflow.collect,
        "schedule": ", ".join(workflow.schedule),
    }


def describe_step(step: Step) -> dict[str, str]:
    """Return a step's fields as text, in the order of the plan language."""
    gate = f"{step.gate.approvals} by {step.gate.role}" if step.gate else ""
    runner = ", ".join((*([f"group {step.runs_on.group}"] if step.runs_on.group else []), *step.runs_on.labels))
    native = "\n".join(canonical.encode(dict(item)).decode("utf-8") for item in step.native)
    return {
        "name": step.name,
        "order": str(step.order),
        "needs": ", ".join(step.needs),
        "parallelizable": str(step.parallelizable).lower(),
        "command": step.run,
        "GitHub steps": native,
        "shell": step.shell,
        "outputs": ", ".join(step.outputs),
        "env": _pairs(step.env),
        "secrets": ", ".join(sorted(step.secrets)),
        "runner": runner,
        "matrix": _pairs(step.matrix),
        "environment": step.environment,
        "container": step.container,
        "permissions": _pairs(step.permissions),
        "timeout": f"{step.timeout_minutes} min",
        "attempts": str(step.attempts),
        "resources": _pairs(step.resources),
        "gate": gate,
        "baseline": str(step.baseline).lower(),
        "working directory": step.working_directory,
        "entry criteria": "; ".join(step.entry_criteria),
        "exit criteria": "; ".join(step.exit_criteria),
        "role": step.role,
        "tasks": ", ".join(step.tasks),
    }


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={values[name]}" for name in sorted(values))
