"""From a workflow to its bytes: the order of keys, the comments, and what every job has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.emit.yaml import Noted, Tree, write
from planloom.ir.workflow import CallJob, Job, NativeStep, RunStep, UsesStep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.ir.workflow import Concurrency, Input, Permission, Step, Triggers, Workflow


def render(workflow: Workflow) -> bytes:
    """Return the file of a workflow: no permission at the top, each job has its own."""
    tree: dict[str, Tree] = {"name": workflow.name}
    if workflow.run_name:
        tree["run-name"] = workflow.run_name
    tree["on"] = _triggers(workflow.triggers)
    tree["permissions"] = {}
    if workflow.concurrency is not None:
        tree["concurrency"] = _concurrency(workflow.concurrency)
    tree["jobs"] = {job.id: _call(job) if isinstance(job, CallJob) else _job(job) for job in workflow.jobs}
    return write(tree, workflow.header)


def _triggers(triggers: Triggers) -> Tree:
    tree: dict[str, Tree] = {}
    if triggers.schedule:
        tree["schedule"] = [{"cron": line} for line in triggers.schedule]
    if triggers.pull_request:
        tree["pull_request"] = {}
    if triggers.dispatch is not None:
        tree["workflow_dispatch"] = {"inputs": _inputs(triggers.dispatch)}
    if triggers.call is not None:
        call: dict[str, Tree] = {"inputs": _inputs(triggers.call)}
        if triggers.call_secrets:
            call["secrets"] = {name: {"required": False} for name in triggers.call_secrets}
        tree["workflow_call"] = call
    return tree


def _inputs(inputs: Iterable[Input]) -> Tree:
    return {one.name: _input(one) for one in inputs}


def _input(one: Input) -> Tree:
    tree: dict[str, Tree] = {"description": one.description, "required": one.required}
    if one.options:
        return tree | {"default": one.default, "type": "choice", "options": list(one.options)}
    return tree | {"type": "string"}


def _concurrency(concurrency: Concurrency) -> Tree:
    if concurrency.newest_only:
        return {"group": concurrency.group, "cancel-in-progress": True}
    # `queue: max`: without it a second waiting run would cancel the first.
    return {"group": concurrency.group, "cancel-in-progress": False, "queue": "max"}


def _permissions(permissions: Iterable[Permission]) -> Tree:
    return {permission.name: Noted(permission.level, permission.why) for permission in permissions}


def _job(job: Job) -> Tree:
    tree: dict[str, Tree] = {"name": job.name}
    _order(tree, job.needs, job.condition)
    tree["runs-on"] = job.runs_on
    tree["timeout-minutes"] = job.timeout_minutes
    if job.environment:
        tree["environment"] = job.environment
    tree["permissions"] = _permissions(job.permissions)
    if job.concurrency is not None:
        tree["concurrency"] = _concurrency(job.concurrency)
    if job.matrix:
        tree["strategy"] = {"fail-fast": False, "matrix": {"include": job.matrix}}
    if job.outputs:
        tree["outputs"] = dict(job.outputs)
    tree["steps"] = [_step(step) for step in job.steps]
    return tree


def _call(job: CallJob) -> Tree:
    tree: dict[str, Tree] = {"name": job.name}
    _order(tree, job.needs, job.condition)
    tree["permissions"] = _permissions(job.permissions)
    # zizmor would rather see `$/…`, which GitHub Enterprise Server and local runners do not know.
    tree["uses"] = Noted(
        f"./.github/workflows/{job.workflow}", "zizmor: ignore[self-repository] -- GitHub Enterprise knows only this form"
    )
    tree["with"] = dict(job.inputs)
    if job.secrets:
        tree["secrets"] = dict(job.secrets)
    return tree


def _order(tree: dict[str, Tree], needs: tuple[str, ...], condition: str) -> None:
    if needs:
        tree["needs"] = needs[0] if len(needs) == 1 else list(needs)
    if condition:
        tree["if"] = condition


def _step(step: Step) -> Tree:
    match step:
        case UsesStep():
            return _uses(step)
        case RunStep():
            return _run(step)
        case NativeStep():
            return step.tree


def _uses(step: UsesStep) -> Tree:
    tree: dict[str, Tree] = {"name": step.name}
    if step.condition:
        tree["if"] = step.condition
    tree["uses"] = Noted(f"{step.action}@{step.commit}", step.version)
    if step.inputs:
        tree["with"] = dict(step.inputs)
    return tree


def _run(step: RunStep) -> Tree:
    tree: dict[str, Tree] = {"name": step.name}
    if step.id:
        tree["id"] = step.id
    if step.condition:
        tree["if"] = step.condition
    if step.env:
        tree["env"] = dict(sorted(step.env.items()))
    tree["shell"] = "bash"
    # A block shows quotes as they are typed.
    tree["run"] = step.run if '"' not in step.run else step.run.removesuffix("\n") + "\n"
    return tree
