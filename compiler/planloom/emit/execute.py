"""The execute workflow: one matrix job a profile, each attempt of a wave an entry.

Isolated: a job runs one claimed attempt without key and without a writing token, and uploads its result unsigned.
Direct: a job claims, runs and signs by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.core.names import artifact_name
from planloom.emit.parts import BESIDE, EXECUTE, header, token
from planloom.emit.rights import OWN_TOKEN, call_secrets, job_permissions
from planloom.ir.workflow import Concurrency, Input, Job, NativeStep, RunStep, Triggers, Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.canonical import Json
    from planloom.emit.parts import Parts
    from planloom.emit.profiles import Profile
    from planloom.ir.workflow import Step
    from planloom.model.plan import Plan

_ITEM: Final = "${{ matrix.workItemId }}"
_ATTEMPT: Final = "${{ matrix.attempt }}"
WHO: Final = {
    "ATTEMPT": _ATTEMPT,
    "STEP_KEY": "${{ matrix.stepKey }}",
    "WORK_ITEM": _ITEM,
}
NAMED: Final = '--work-item "$WORK_ITEM" --step "$STEP_KEY" --attempt "$ATTEMPT"'
FOLDERS: Final = '--result "$RUNNER_TEMP/result" --outputs "$RUNNER_TEMP/outputs"'
BEGUN: Final = "steps.planloom-begin.outcome == 'success'"
CLAIMED: Final = "steps.planloom-claim.outcome == 'success'"
_STATUS_FUNCTION: Final = r"(?i)\b(?:always|cancelled|failure|success)\s*\("
_EXPRESSION: Final = r"(?s)\s*\$\{\{(.*)\}\}\s*"


def build_execute(plan: Plan, profiles: tuple[Profile, ...], digest: str, parts: Parts) -> Workflow:
    """Return `<prefix>execute.yml`."""
    return Workflow(
        file=plan.workflow.prefix + EXECUTE,
        header=header(plan, digest),
        name=f"{plan.id}: execute",
        triggers=Triggers(
            call=(Input("matrices", "Attempts to carry out, by job: JSON, each a list of matrix entries", required=True),),
            call_secrets=call_secrets(plan, profiles, parts.project),
        ),
        jobs=tuple(_work(plan, profile, parts) for profile in profiles),
    )


def _work(plan: Plan, profile: Profile, parts: Parts) -> Job:
    is_direct = plan.workflow.execution == "direct"
    entries = f"fromJSON(inputs.matrices)['{profile.name}']"
    return Job(
        id=profile.name,
        name="${{ matrix.workItemId }} ${{ matrix.stepKey }} (${{ matrix.attempt }})",
        # The first entry, not the list: an empty list would count as true.
        condition=f"{entries}[0]",
        runs_on="${{ matrix.runsOn }}",
        timeout_minutes="${{ matrix.jobTimeoutMinutes }}",
        environment=profile.environment or (parts.project.environment if is_direct else ""),
        permissions=job_permissions(plan, profile),
        concurrency=Concurrency(f"planloom/{plan.id}/${{{{ matrix.workItemId }}}}/${{{{ matrix.stepKey }}}}"),
        matrix=f"${{{{ {entries} }}}}",
        steps=(
            parts.check_out("Check out the work item's source", {"ref": "${{ matrix.source }}"}),
            parts.install_beside(),
            *(_direct(profile, parts) if is_direct else _isolated(profile, parts)),
        ),
    )


def _isolated(profile: Profile, parts: Parts) -> tuple[Step, ...]:
    return (
        *_carry_out(profile),
        parts.upload(
            "Upload the result",
            artifact_name("result", _ITEM, _ATTEMPT),
            "${{ runner.temp }}/result",
            "warn",
            condition="always()",
        ),
        parts.upload("Upload the outputs", artifact_name("outputs", _ITEM, _ATTEMPT), "${{ runner.temp }}/outputs", "ignore"),
    )


def _direct(profile: Profile, parts: Parts) -> tuple[Step, ...]:
    claim = RunStep(
        name="Claim",
        id="planloom-claim",
        env=token() | parts.key() | WHO,
        run=f"{BESIDE} claim {NAMED}",
    )
    complete = RunStep(
        name="Complete",
        # Whatever the command came to, cancelled too; but nothing without a claim.
        condition=f"always() && {CLAIMED}",
        env=token() | parts.key() | WHO | {"JOB_STATUS": "${{ job.status }}"},
        run=f'{BESIDE} complete {NAMED} --from-result "$RUNNER_TEMP/result" --handoffs "$RUNNER_TEMP/handoff"',
    )
    return (
        claim,
        *_carry_out(profile),
        parts.upload("Upload the outputs", artifact_name("outputs", _ITEM, _ATTEMPT), "${{ runner.temp }}/outputs", "ignore"),
        complete,
        parts.upload(
            "Upload the handoff",
            artifact_name("handoff", _ITEM, _ATTEMPT),
            "${{ runner.temp }}/handoff",
            "warn",
            condition=f"always() && {CLAIMED}",
        ),
    )


def _carry_out(profile: Profile) -> tuple[Step, ...]:
    if not profile.native:
        secrets = {name: f"${{{{ secrets.{name} }}}}" for name in profile.secrets if name != OWN_TOKEN}
        return (RunStep(name="Execute", env=secrets | token() | WHO, run=f"{BESIDE} exec {NAMED} {FOLDERS}"),)
    begin = RunStep(
        name="Begin",
        id="planloom-begin",
        env=token() | WHO,
        run=f"{BESIDE} exec --begin {NAMED} {FOLDERS}",
    )
    end = RunStep(
        name="End",
        condition=f"always() && {BEGUN}",
        env=token() | WHO | {"JOB_STATUS": "${{ job.status }}"},
        run=f"{BESIDE} exec --end {NAMED} {FOLDERS}",
    )
    return (begin, *(_native(tree, profile) for tree in profile.native), end)


def _native(tree: Mapping[str, Json], profile: Profile) -> NativeStep:
    """Return a step of the plan's author with the step's defaults, never run unless the attempt may begin."""
    step = dict(tree)
    condition = step.get("if")
    if isinstance(condition, str) and re.search(_STATUS_FUNCTION, condition):
        inner = re.fullmatch(_EXPRESSION, condition)
        step["if"] = f"{BEGUN} && ({(inner[1] if inner else condition).strip()})"
    own = step.get("env")
    if profile.env or own:
        step["env"] = {**profile.env, **(own if isinstance(own, dict) else {})}
    if "run" in step:
        step.setdefault("shell", profile.shell)
        if profile.working_directory:
            step.setdefault("working-directory", profile.working_directory)
    step.setdefault("timeout-minutes", "${{ matrix.timeoutMinutes }}")
    return NativeStep(step)
