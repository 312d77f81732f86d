"""A verification for programs and pages: JSON, Markdown, SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from planloom import VERSION
from planloom.report.diagnostics_formats import HOME, SARIF_SCHEMA
from planloom.report.verification import (
    checkpoint_line,
    count_broken,
    count_events,
    describe_difference,
    describe_inputs,
    findings_of_item,
    shown_values,
    verdict_line,
)
from planloom.trust.audit.findings import MEANINGS
from planloom.trust.audit.summary import describe_item
from planloom.trust.verify import BROKEN

if TYPE_CHECKING:
    from planloom.trust.audit.findings import Finding
    from planloom.trust.verify import Verification

JSON_SCHEMA: Final = "planloom/verification/v1"


def render_json(verification: Verification) -> str:
    """Return one JSON document, one line; each record says what is `proven` (by which key) apart from what is `stated`."""
    log = verification.log
    value: dict[str, Any] = {
        "schema": JSON_SCHEMA,
        "verdict": verification.verdict,
        "root": {"digest": verification.root, "pinned": verification.is_pinned},
        "records": verification.records,
        "brokenRecords": list(verification.broken_records),
        "brokenFiles": list(verification.broken_files),
        "checkpoint": None
        if log is None
        else {
            "origin": log.head.origin,
            "size": log.head.size,
            "root": log.head.root_text,
            "signer": {"name": log.signer.name, "id": log.signer.key.key_id},
            "newer": verification.newer,
            "since": verification.has_since,
        },
        "notes": list(verification.notes),
        "findings": [_finding(finding) for finding in verification.findings],
        "workItems": [
            {
                "id": item.id,
                "files": item.files,
                "believed": item.believed,
                "events": dict(item.events),
                "records": _records(verification, item.id),
            }
            for item in verification.items
        ],
    }
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")) + "\n"


def _records(verification: Verification, item: str) -> list[Any]:
    return [] if verification.evidence is None else list(describe_item(verification.evidence, item))


def _finding(finding: Finding) -> dict[str, Any]:
    return _values(finding) | {"code": finding.code, "path": finding.path, "message": finding.message, "also": list(finding.also)}


def _values(finding: Finding) -> dict[str, Any]:
    values = {"field": finding.field, "expected": finding.expected, "found": finding.found}
    return {key: value for key, value in values.items() if value}


def render_markdown(verification: Verification) -> str:
    """Return a page: the verdict, a table of work items, and a table of what is broken."""
    lines = [f"## planloom verify: {verification.verdict}", ""]
    verdict = count_broken(verification) if verification.verdict == BROKEN else verdict_line(verification)
    lines += [
        _cell(verdict),
        "",
        "| work item | records | signed as it must be | inputs | broken |",
        "| --- | --- | --- | --- | --- |",
    ]
    for item in verification.items:
        broken = len(findings_of_item(verification, item.id))
        row = (item.id, count_events(item), f"{item.believed} of {item.files}", describe_inputs(item), str(broken or ""))
        lines.append(f"| {' | '.join(map(_cell, row))} |")
    lines += ["", f"Checkpoint: {_cell(checkpoint_line(verification))}", ""]
    lines += [f"- {_cell(note)}" for note in verification.notes] + ([""] if verification.notes else [])
    if verification.findings:
        lines += ["| file | code | what | field | expected | found | also |", "| --- | --- | --- | --- | --- | --- | --- |"]
        for f in verification.findings:
            cells = (f.path, f.code, f.message, f.field, *shown_values(f), "; ".join(f.also))
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return text that stays one cell and brings no markup of its own: what records say is not trusted."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", " ").replace("\n", " ")
    return "".join(f"\\{c}" if c in "\\`*_[]|!~#" else c for c in escaped)


def render_sarif(verification: Verification, below: str = "") -> str:
    """Return a SARIF 2.1.0 log: a rule for each code, a result for each finding; `below` leads from the checkout to the project."""
    codes = sorted({finding.code for finding in verification.findings})
    rules = [{"id": code, "name": _pascal(code), "shortDescription": {"text": MEANINGS.get(code, code)}} for code in codes]
    driver = {"name": "planloom verify", "version": VERSION, "informationUri": HOME, "rules": rules}
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": "error",
            "message": {"text": "; ".join(filter(None, (finding.message, describe_difference(finding), *finding.also)))},
            "properties": _values(finding),
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(below + finding.path), "uriBaseId": "SRCROOT"},
                        "region": {"startLine": 1},
                    }
                }
            ],
        }
        for finding in verification.findings
    ]
    bases = {"SRCROOT": {"description": {"text": "The top of the checkout; without one the folder that holds artifacts/"}}}
    run = {"tool": {"driver": driver}, "originalUriBaseIds": bases, "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=True, indent=1) + "\n"


def _pascal(code: str) -> str:
    return "".join(word.capitalize() for word in code.removeprefix("E_").split("_"))
