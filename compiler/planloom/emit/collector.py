"""The collector workflow: verifies, folds records into the ledger branch, signs the checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.emit.parts import COLLECTOR, CONTROL_RUNNER, CONTROL_TIMEOUT_MINUTES, header, token
from planloom.ir.workflow import Concurrency, Input, Job, Permission, RunStep, Triggers, Workflow

if TYPE_CHECKING:
    from planloom.emit.parts import Parts
    from planloom.model.plan import Plan


def build_collector(plan: Plan, digest: str, parts: Parts) -> Workflow:
    """Return `<prefix>collector.yml`."""
    return Workflow(
        file=plan.workflow.prefix + COLLECTOR,
        header=header(plan, digest),
        name=f"{plan.id}: collect",
        triggers=Triggers(dispatch=(Input("work-item", "Work item to collect; empty for every open one"),)),
        # One group for all plans: they commit to the same branch.
        concurrency=Concurrency("planloom/collector"),
        jobs=(_collect(plan, parts),),
    )


def _collect(plan: Plan, parts: Parts) -> Job:
    return Job(
        id="collect",
        name="Verify, fold, export, commit",
        runs_on=CONTROL_RUNNER,
        timeout_minutes=CONTROL_TIMEOUT_MINUTES,
        environment=parts.project.environment,
        permissions=(
            Permission("contents", "write", "commits artifacts/ to the ledger branch, deletes the refs of closed work items"),
        ),
        steps=(
            *parts.control(),
            RunStep(
                name="Collect",
                env=token() | {"WORK_ITEM": "${{ inputs.work-item }}"},
                run=f'planloom collect --plan {plan.id} --work-item "$WORK_ITEM"',
            ),
            RunStep(name="Export and sign the checkpoint", env=token() | parts.key(), run="planloom export"),
            RunStep(
                name="Commit and push",
                # The key too: whoever loses the race for the branch folds, exports and signs again on the new tip.
                env=token() | parts.key() | {"WORK_ITEM": "${{ inputs.work-item }}"},
                run=f'planloom collect --push --plan {plan.id} --work-item "$WORK_ITEM"',
            ),
        ),
    )
