"""PL701 timeout-too-long: a step may last longer than its job.

What: A job on a runner of the platform ends after 360 minutes, on one's own after 7,200; a job lasts ten minutes
longer than its step, so that the result is still uploaded.

Why: The platform would kill the job without a result, and the claim would stay open until it is given up.

Fails:
    steps:
      - key: soak
        run: make soak
        timeout-minutes: 360

Passes:
    steps:
      - key: soak
        run: make soak
        timeout-minutes: 350
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import error
from planloom.records.matrix import JOB_MARGIN_MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL701", "timeout-too-long")

HOSTED_MINUTES: Final = 360
OWN_MINUTES: Final = 7200
"""Source: https://docs.github.com/actions/reference/limits, "Job execution time"."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step whose job would be longer than its runner allows."""
    for plan in facts.plans:
        for step in written_steps(plan):
            own = bool(step.runs_on.group) or "self-hosted" in step.runs_on.labels
            most = (OWN_MINUTES if own else HOSTED_MINUTES) - JOB_MARGIN_MINUTES
            if not step.is_manual and step.timeout_minutes > most:
                node = step.node if "timeout-minutes" in step.node else plan.node.map_at("defaults")
                message = f"step '{name_of(step)}' may last {step.timeout_minutes} minutes, and its job at most {most} of them"
                yield FINDER.at(node.value_span("timeout-minutes"), message, help=f"at most {most}, or a runner of your own")


RULE = FINDER.rule(__doc__, check)
