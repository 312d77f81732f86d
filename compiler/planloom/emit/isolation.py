"""Isolation: what a plan may not ask for, because the signing key would come within reach of a step's command.

In isolated execution the key lives in one GitHub environment, and only jobs without user code name that environment. A
plan could undo that by naming the secret or the environment itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from planloom.core.diagnostics import Diagnostic, Severity
from planloom.emit.execute import WHO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planloom.emit.project import Emitted
    from planloom.model.plan import Project, Step

KEY_IN_REACH: Final = ("PL691", "key-in-reach")
SHADOWED_SECRET: Final = ("PL692", "shadowed-secret")
VARIABLES: Final = frozenset({*WHO, "JOB_STATUS"})
"""Variables that the execute workflow sets itself beside the secrets of a step."""


def check_isolation(emitted: Iterable[Emitted], project: Project) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for every step that would reach the key, or whose secret would be hidden by a variable of ours."""
    return tuple(
        diagnostic
        for one in emitted
        for step in one.plan.steps
        for diagnostic in _check_step(step, project, is_isolated=one.plan.workflow.execution == "isolated")
    )


def _check_step(step: Step, project: Project, *, is_isolated: bool) -> Iterator[Diagnostic]:
    key = project.signing_key_secret
    if key in step.secrets or (step.native and key in json.dumps([dict(tree) for tree in step.native])):
        yield _error(
            KEY_IN_REACH,
            step,
            "secrets",
            f"step '{step.key}' asks for {key}, the key that signs",
            "use another secret: no command needs the key",
        )
    if is_isolated and step.environment == project.environment and not step.is_manual:
        yield _error(
            KEY_IN_REACH,
            step,
            "environment",
            f"step '{step.key}' runs in environment '{step.environment}', which holds the signing key",
            "give the step an environment of its own, or name another one for the key in specs/planloom.yaml",
        )
    for name in step.secrets:
        if name in VARIABLES:
            yield _error(
                SHADOWED_SECRET,
                step,
                "secrets",
                f"secret '{name}' of step '{step.key}' has the name of a variable of the workflow",
                "give the secret another name",
            )


def _error(code: tuple[str, str], step: Step, field: str, message: str, repair: str) -> Diagnostic:
    return Diagnostic(*code, Severity.ERROR, message, step.node.value_span(field), help=repair)
