"""PL612 direct-secret: a step with secrets runs beside the signing key.

What: In direct execution, a step's command and the signing key share a job. A plan whose steps hold secrets, or wait
for a gate, is better isolated.

Why: A command that goes astray could sign its own approval's consequences; isolated execution keeps the key out of
its job.

Fails:
    workflow: {execution: direct}
    steps:
      - key: publish
        run: make publish
        secrets: [TOKEN]

Passes:
    workflow: {execution: isolated}
    steps:
      - key: publish
        run: make publish
        secrets: [TOKEN]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL612", "direct-secret")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step with secrets or a gate in a direct plan."""
    for plan in facts.plans:
        if plan.workflow.execution != "direct":
            continue
        label = Label(plan.node.map_at("workflow").value_span("execution"), "direct here")
        for step in written_steps(plan):
            key = "secrets" if step.secrets else "gate" if step.gate is not None and not step.is_manual else ""
            if key:
                message = (
                    f"step '{name_of(step)}' has {'secrets' if key == 'secrets' else 'a gate'} and runs beside the signing key"
                )
                yield FINDER.at(step.node.key_span(key), message, labels=[label], help="workflow: {execution: isolated}")


RULE = FINDER.rule(__doc__, check)
