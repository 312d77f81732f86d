"""From source to work item: the plan's source, the plan and workflows that it was compiled into, and what each work item was opened with."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from planloom.core.errors import PlanloomError
from planloom.records.compiled import HEADER_NAME, STEPS_NAME
from planloom.trust.audit.bound import parse_plan, unreadable
from planloom.trust.audit.findings import Finding
from planloom.trust.audit.history import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.compiled import CompiledPlan
    from planloom.trust.audit.evidence import BoundPlan, Evidence
    from planloom.trust.audit.history import History


_HEADER: Final = re.compile(
    rb"# Compiled by planloom from (specs/\S+) \(execution: [a-z]+\)[^\n]*\n(?:#[^\n]*\n)*?# plan sha256:([0-9a-f]{64})\n"
)


def is_compiled_workflow(content: bytes) -> bool:
    """Return whether a workflow says that it was compiled from a plan, and from which version of it."""
    return _HEADER.match(content) is not None


def read_compiled(history: History) -> tuple[dict[str, BoundPlan], list[Finding]]:
    """Return the compiled plans below `generated/` by id, and those that do not hold together."""
    plans: dict[str, BoundPlan] = {}
    findings: list[Finding] = []
    for path, content in sorted(history.files.items()):
        folder, _, name = path.rpartition("/")
        if name != HEADER_NAME or not path.startswith("generated/") or path.count("/") != 2:
            continue
        try:
            plan = parse_plan(content, history.files.get(f"{folder}/{STEPS_NAME}", b""))
        except PlanloomError as error:
            findings.append(unreadable(error, path))
            continue
        expected = folder.rpartition("/")[2]
        if plan.header.id != expected:
            findings.append(Finding("E_PLAN", path, "it is the compiled form of another plan", "id", expected, plan.header.id))
            continue
        plans[plan.header.id] = plan
    return plans, findings


def compare_sources(history: History, evidence: Evidence, compiled: Mapping[str, BoundPlan]) -> Iterator[str]:
    """Yield where source, compiled plan and work items differ. That is no breach: plans change while work items keep their own."""
    for plan in compiled.values():
        header = plan.header
        source = history.files.get(header.source_path)
        if source is not None and hashlib.sha256(source).hexdigest() != header.source_digest:
            yield f"{header.source_path} has changed since generated/{header.id} was compiled from it (planloom compile)"
    yield from _compare_workflows(history, {plan.header.source_path: plan.header for plan in compiled.values()})
    for item, bound in evidence.plans.items():
        now = list(bound.values())[-1] if bound else None
        if now is not None and now.header.id in compiled and compiled[now.header.id].header.digest != now.header.digest:
            yield f"{item} keeps the plan that it was opened with; generated/{now.header.id} is another version by now"


def _compare_workflows(history: History, headers: Mapping[str, CompiledPlan]) -> Iterator[str]:
    for path in sorted(p for p in history.files if p.startswith(WORKFLOWS)):
        found = _HEADER.match(history.files[path])
        if found is None:
            continue
        source, digest = found[1].decode("utf-8", "replace"), found[2].decode("ascii")
        header = headers.get(source)
        if header is None:
            yield f"{path} was compiled from {source}, of which there is no compiled plan in generated/"
        elif header.digest != digest:
            yield f"{path} was compiled from another version of {source} than generated/{header.id} (planloom compile)"
