"""Everything that compiling writes, as one set of files: path relative to the project → bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from planloom.emit.collector import build_collector
from planloom.emit.compiled import compile_lines
from planloom.emit.execute import build_execute
from planloom.emit.orchestrator import build_orchestrator
from planloom.emit.page import build_page
from planloom.emit.parts import Parts
from planloom.emit.profiles import build_profiles
from planloom.emit.published import read_schemas
from planloom.emit.render import render
from planloom.emit.validate import build_validate
from planloom.emit.waves import build_waves, encode_waves
from planloom.records.compiled import HEADER_NAME, STEPS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.emit.compiled import Order
    from planloom.emit.profiles import Profile
    from planloom.emit.waves import Wave
    from planloom.ir.workflow import Workflow
    from planloom.model.plan import Plan, Project
    from planloom.records.compiled import CompiledPlan, CompiledStep

FileSet: TypeAlias = dict[str, bytes]

PROJECT_FILE: Final = "generated/project.json"
PROJECT_SCHEMA: Final = "planloom/compiled-project/v1"


class Emitted(NamedTuple):
    """One plan, compiled: the values that its files were made from, so that nothing is computed twice."""

    plan: Plan
    compiled: CompiledPlan
    steps: tuple[CompiledStep, ...]
    profiles: tuple[Profile, ...]
    waves: tuple[Wave, ...]
    files: FileSet


def emit_project(plans: Iterable[Plan], graphs: Mapping[str, Order], project: Project) -> FileSet:
    """Return all files of a project, sorted by path. `graphs` maps a plan id to its graph.

    Guarantee: the same values give the same bytes.
    """
    return gather(emit_plans(plans, graphs, project), project)


def emit_plans(plans: Iterable[Plan], graphs: Mapping[str, Order], project: Project) -> tuple[Emitted, ...]:
    """Return each plan compiled, sorted by id."""
    parts = Parts.of(project)
    return tuple(_emit_plan(plan, graphs[plan.id], parts) for plan in sorted(plans, key=lambda plan: plan.id))


def gather(emitted: Iterable[Emitted], project: Project) -> FileSet:
    """Return the files of all plans and those of the project, sorted by path."""
    plans = tuple(emitted)
    files: FileSet = {}
    for one in plans:
        files |= one.files
    validate = build_validate(Parts.of(project))
    files[validate.path] = render(validate)
    files[PROJECT_FILE] = _project_file(project, (one.plan for one in plans))
    files |= {f"generated/schema/{name}": content for name, content in read_schemas().items()}
    return dict(sorted(files.items()))


def _emit_plan(plan: Plan, graph: Order, parts: Parts) -> Emitted:
    profiles = build_profiles(plan.steps)
    compiled, steps, lines = compile_lines(plan, graph, profiles)
    waves = build_waves(compiled, steps)
    folder = f"generated/{plan.id}/"
    files = {workflow.path: render(workflow) for workflow in build_workflows(plan, profiles, compiled.digest, parts)}
    files[folder + HEADER_NAME] = compiled.to_bytes()
    files[folder + STEPS_NAME] = lines
    files[folder + "matrix.json"] = encode_waves(compiled, waves)
    files[folder + "README.md"] = build_page(plan, compiled, steps, waves)
    return Emitted(plan, compiled, steps, profiles, waves, files)


def build_workflows(plan: Plan, profiles: tuple[Profile, ...], digest: str, parts: Parts) -> tuple[Workflow, ...]:
    """Return the workflows of a plan; a plan of manual steps alone has nothing to execute."""
    execute = (build_execute(plan, profiles, digest, parts),) if profiles else ()
    return (build_orchestrator(plan, profiles, digest, parts), *execute, build_collector(plan, digest, parts))


def _project_file(project: Project, plans: Iterable[Plan]) -> bytes:
    value = {
        "schema": PROJECT_SCHEMA,
        "python": project.python,
        "ledger": project.ledger,
        "ledgerBranch": project.ledger_branch,
        "environment": project.environment,
        "signingKeySecret": project.signing_key_secret,
        "install": project.install,
        "plans": [plan.id for plan in plans],
    }
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"
