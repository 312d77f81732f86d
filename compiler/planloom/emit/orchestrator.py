"""The orchestrator workflow: computes what is ready, hands it out, signs what came back, goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core.names import param_variable
from planloom.emit.parts import COLLECTOR, CONTROL_RUNNER, CONTROL_TIMEOUT_MINUTES, EXECUTE, ORCHESTRATOR, header, token
from planloom.emit.rights import call_permissions, call_secrets
from planloom.ir.workflow import CallJob, Concurrency, Input, Job, Permission, RunStep, Triggers, Workflow

if TYPE_CHECKING:
    from planloom.emit.parts import Parts
    from planloom.emit.profiles import Profile
    from planloom.ir.workflow import Step
    from planloom.model.plan import Param, Plan

READY: Final = "needs.delegate.outputs.ready == 'true'"
AFTERWARDS: Final = "${{ !cancelled() && needs.delegate.result == 'success' }}"
"""Runs whatever execute came to: names a status function, else success() would be implied."""

NOT_GIVEN: Final = "not given"
"""What a form offers for a parameter that has no default: actionlint refuses an empty option, and the first would be sent unasked."""

_ITEM: Final = {"WORK_ITEM": "${{ inputs.work-item }}"}


def build_orchestrator(plan: Plan, profiles: tuple[Profile, ...], digest: str, parts: Parts) -> Workflow:
    """Return `<prefix>orchestrator.yml`."""
    is_direct = plan.workflow.execution == "direct"
    jobs: list[Job | CallJob] = [_delegate_direct(plan, parts) if is_direct else _delegate_isolated(plan, parts)]
    if profiles:
        jobs.append(_execute(plan, profiles, parts))
    if not is_direct:
        jobs.append(_complete(plan, profiles, parts))
    elif _goes_on(plan):
        jobs.append(_next(plan, profiles, parts))
    return Workflow(
        file=plan.workflow.prefix + ORCHESTRATOR,
        header=header(plan, digest),
        name=f"{plan.id}: orchestrate",
        run_name=f"{plan.id}: orchestrate ${{{{ inputs.work-item }}}}",
        triggers=Triggers(
            dispatch=(
                Input("work-item", "Work item to open or carry on; empty for every open one"),
                *(_param_input(param) for param in plan.params),
            ),
            schedule=plan.workflow.schedule,
        ),
        concurrency=Concurrency(f"planloom/{plan.id}/${{{{ inputs.work-item || '*' }}}}"),
        jobs=tuple(jobs),
    )


def _param_input(param: Param) -> Input:
    described = param.schema.get("description")
    text = described if isinstance(described, str) and described else f"Parameter {param.name}"
    # Nothing evaluates a description; linters and readers should not have to know that.
    shown = " ".join(text.replace("${{", "$ {{").split())
    choices = _choices(param)
    return Input(
        param.name,
        f"{shown} (used when the work item does not exist yet)",
        options=choices,
        # What a plan gives when nobody says anything is what the form shows.
        default=_text(param.schema.get("default", NOT_GIVEN)) if choices else "",
    )


def _choices(param: Param) -> tuple[str, ...]:
    """Return what a form offers for a parameter; () when it is typed in: numbers, free text, and what no form shows as it is."""
    schema = param.schema
    kind = schema.get("type", "string")
    values = schema.get("enum", [True, False] if kind == "boolean" else [])
    texts = tuple(dict.fromkeys(_text(value) for value in values)) if isinstance(values, list) else ()
    # GitHub compares texts without regard to case.
    differ = len({text.lower() for text in (NOT_GIVEN, *texts)}) == len(texts) + 1
    if kind == "integer" or not differ or not all(_can_be_shown(text) for text in texts):
        return ()
    return texts if not texts or "default" in schema else (NOT_GIVEN, *texts)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _can_be_shown(text: str) -> bool:
    # In ASCII only: what else can be printed depends on the version of Python.
    return text.isascii() and text.isprintable() and text == text.strip() != "" and "${{" not in text


def _param_value(param: Param) -> str:
    """Return the expression of what was given, the empty text for nothing."""
    given = f"inputs.{param.name}"
    return f"${{{{ {given} != '{NOT_GIVEN}' && {given} || '' }}}}" if NOT_GIVEN in _choices(param) else f"${{{{ {given} }}}}"


def _delegate_isolated(plan: Plan, parts: Parts) -> Job:
    claim = RunStep(
        name="Claim the wave",
        id="claim",
        env=token() | parts.key() | _ITEM,
        run=f'planloom claim --wave --plan {plan.id} --work-item "$WORK_ITEM"',
    )
    return _delegate(plan, parts, "Delegate and claim", "claim", (_delegating(plan, parts, ""), claim))


def _delegate_direct(plan: Plan, parts: Parts) -> Job:
    return _delegate(plan, parts, "Delegate", "delegate", (_delegating(plan, parts, "delegate"),))


def _delegating(plan: Plan, parts: Parts, step_id: str) -> RunStep:
    params = {param_variable(param.name): _param_value(param) for param in plan.params}
    return RunStep(
        name="Delegate",
        id=step_id,
        env=token() | parts.key() | _ITEM | params,
        run=f'planloom delegate --non-interactive --plan {plan.id} --structured-work-item "$WORK_ITEM"',
    )


def _delegate(plan: Plan, parts: Parts, name: str, source: str, steps: tuple[Step, ...]) -> Job:
    what = "claims" if plan.workflow.execution == "isolated" else "opened work items"
    return Job(
        id="delegate",
        name=name,
        runs_on=CONTROL_RUNNER,
        timeout_minutes=CONTROL_TIMEOUT_MINUTES,
        environment=parts.project.environment,
        permissions=(
            Permission("contents", "write", f"pushes {what} to refs/planloom/*"),
            Permission("actions", "read", "learns which claimed runs are over"),
        ),
        outputs={name: f"${{{{ steps.{source}.outputs.{name} }}}}" for name in ("ready", "ready-matrix", "matrices")},
        steps=(
            *parts.control(),
            *steps,
            parts.upload("Upload the schedule", "schedule-${{ github.run_attempt }}", "artifacts/schedule/", "ignore"),
        ),
    )


def _execute(plan: Plan, profiles: tuple[Profile, ...], parts: Parts) -> CallJob:
    return CallJob(
        id="execute",
        name="Execute",
        needs=("delegate",),
        condition=READY,
        permissions=call_permissions(plan, profiles),
        workflow=plan.workflow.prefix + EXECUTE,
        inputs={"matrices": "${{ needs.delegate.outputs.matrices }}"},
        secrets={name: f"${{{{ secrets.{name} }}}}" for name in call_secrets(plan, profiles, parts.project)},
    )


def _complete(plan: Plan, profiles: tuple[Profile, ...], parts: Parts) -> Job:
    sign = RunStep(
        name="Complete the wave",
        env=token() | parts.key(),
        run=f"planloom complete --wave --plan {plan.id} --results results --handoffs handoffs",
    )
    handoffs = parts.upload("Upload the handoffs", "handoff-${{ github.run_id }}-${{ github.run_attempt }}", "handoffs", "ignore")
    results = parts.uses("Download the results", "actions/download-artifact", {"pattern": "result-*", "path": "results"}, READY)
    return Job(
        id="complete",
        name="Sign the handoffs, go on",
        needs=("delegate", "execute") if profiles else ("delegate",),
        condition=AFTERWARDS,
        runs_on=CONTROL_RUNNER,
        timeout_minutes=CONTROL_TIMEOUT_MINUTES,
        environment=parts.project.environment,
        permissions=(
            Permission("contents", "write", "pushes handoffs to refs/planloom/*"),
            Permission("actions", "write", "takes each job's conclusion from the platform, dispatches what comes next"),
        ),
        steps=(*parts.control(), results, sign, handoffs, *((_dispatch(plan),) if _goes_on(plan) else ())),
    )


def _next(plan: Plan, profiles: tuple[Profile, ...], parts: Parts) -> Job:
    return Job(
        id="next",
        name="Go on",
        needs=("delegate", "execute") if profiles else ("delegate",),
        condition=AFTERWARDS,
        runs_on=CONTROL_RUNNER,
        timeout_minutes=CONTROL_TIMEOUT_MINUTES,
        permissions=(
            Permission("contents", "read", "reads refs/planloom/*"),
            Permission("actions", "write", f"dispatches the next wave, or {plan.workflow.prefix}{COLLECTOR}"),
        ),
        steps=(*parts.control(), _dispatch(plan)),
    )


def _goes_on(plan: Plan) -> bool:
    """Whether anything is ever dispatched at the end of a run."""
    return plan.workflow.loop == "auto" or plan.workflow.collect != "never"


def _dispatch(plan: Plan) -> RunStep:
    return RunStep(
        name="Go on",
        env=token() | _ITEM,
        run=f'planloom delegate --dispatch --plan {plan.id} --structured-work-item "$WORK_ITEM"',
    )
