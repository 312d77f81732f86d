"""When the plan on the branch has moved on while a work item is open: which of its steps must wait for a migration.

Commands go on with the work item's own copy of the plan; native steps, permissions, secrets and environments are the
workflow's, and that is the branch's.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from planloom.core.errors import InputError, PlanloomError
from planloom.core.plainfile import read_plain
from planloom.records.compiled import HEADER_NAME, STEPS_NAME, CompiledPlan, find_step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.records.compiled import CompiledStep
    from planloom.records.references import PlanRef

WORKFLOW_PART: Final = ("native", "permissions", "secrets", "environment")
"""What of a step lies in the generated workflow and not in the work item's own copy of the plan."""


def find_changed(workspace: Path, plan: PlanRef, steps: Mapping[str, CompiledStep]) -> dict[str, str]:
    """Return which of these steps have another workflow part on the branch than in the work item's plan: step → why, in words.

    Raises: InputError when the compiled plan on the branch can't be read.
    """
    folder = workspace / "generated" / plan.name
    try:
        header = _read_header(read_plain(folder / HEADER_NAME, follow=True))
        content = b"" if header.digest == plan.digest else read_plain(folder / STEPS_NAME, follow=True)
    except FileNotFoundError:
        header, content = None, b""
    except OSError as error:
        message = f"generated/{plan.name} can't be read: {error.strerror}"
        raise InputError(message, hint="planloom compile") from error
    if header is not None and header.digest == plan.digest:
        return {}
    changed = {}
    for key, step in steps.items():
        new = find_step(content, key)
        if step.is_manual or (new is not None and _workflow_part(step) == _workflow_part(new)):
            continue
        theirs = f"sha256:{new.digest[:12]}…" if new is not None else "gone"
        changed[key] = f"plan-changed: it was sha256:{step.digest[:12]}…, on the branch it is {theirs}"
    return changed


def find_newer(workspace: Path, plan: PlanRef) -> str:
    """Return where a work item's plan has moved on since: "compiled" in `generated/`, "source" when only its source has, "" nowhere.

    A plan that is gone, or can't be read, has nowhere to move to.
    """
    try:
        header = _read_header(read_plain(workspace / "generated" / plan.name / HEADER_NAME, follow=True))
        source = read_plain(workspace / header.source_path, follow=True)
    except (OSError, PlanloomError):
        return ""
    if hashlib.sha256(source).hexdigest() != header.source_digest:
        return "source"
    return "compiled" if header.digest != plan.digest else ""


@lru_cache(maxsize=4)
def _read_header(content: bytes) -> CompiledPlan:
    """Return a header; every work item of a plan asks for the same one."""
    return CompiledPlan.from_bytes(content)


def _workflow_part(step: CompiledStep) -> tuple[Any, ...]:
    return (step.profile, *(step.definition.get(name) for name in WORKFLOW_PART))
