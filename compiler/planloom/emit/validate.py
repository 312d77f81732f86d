"""The workflow for pull requests: read-only, without secrets, safe for forks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.emit.parts import CONTROL_RUNNER, CONTROL_TIMEOUT_MINUTES, token
from planloom.ir.workflow import Concurrency, Job, Permission, RunStep, Triggers, Workflow

if TYPE_CHECKING:
    from planloom.emit.parts import Parts

VALIDATE: Final = "planloom-validate.yml"
_HEADER: Final = (
    "Compiled by planloom from specs/. Edit the plans, then run `planloom compile`.",
    "Merge conflict here? Run `planloom compile`.",
)


def build_validate(parts: Parts) -> Workflow:
    """Return `planloom-validate.yml`: one for all plans of the project."""
    check_out, python, install = parts.control()
    del check_out
    return Workflow(
        file=VALIDATE,
        header=_HEADER,
        name="planloom: validate",
        triggers=Triggers(pull_request=True),
        concurrency=Concurrency("planloom/validate/${{ github.ref }}", newest_only=True),
        jobs=(
            Job(
                id="validate",
                name="Validate the plans",
                runs_on=CONTROL_RUNNER,
                timeout_minutes=CONTROL_TIMEOUT_MINUTES,
                permissions=(Permission("contents", "read", "checkout"),),
                steps=(
                    # The whole history: the comparison needs the commit that the pull request is based on.
                    parts.check_out(inputs={"fetch-depth": 0}),
                    python,
                    install,
                    RunStep("Check the plans and the generated files", "planloom compile --check --format github"),
                    RunStep(
                        name="Say what changes",
                        condition="${{ !cancelled() }}",
                        # The token may only read: with it, the effect on open work items is told too.
                        env={"BASE": "${{ github.event.pull_request.base.sha }}"} | token(),
                        run='planloom diff "$BASE" --format markdown --fail-on-privilege >> "$GITHUB_STEP_SUMMARY"',
                    ),
                ),
            ),
        ),
    )
