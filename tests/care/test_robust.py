"""Whatever lies in the project's folder, the doctor tells of it and never breaks down itself."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.conftest import project_in
from planloom.care.doctor import examine

DAMAGED = [
    "artifacts/work-items/release-1/_item/000001.json",
    "artifacts/work-items/release-1/_item/000001/plan.json",
    "artifacts/work-items/release-1/_item/000001/steps.jsonl",
    "artifacts/handoff/release-1/build/000002.json",
    "artifacts/exports/checkpoint",
    "artifacts/exports/leaves.txt",
    "artifacts/.ledger/journal",
    "generated/project.json",
    "specs/planloom.yaml",
    "specs/release.yaml",
    "specs/trust/policy.json",
    ".planloom/ci.pem",
]
SILENT = {"artifacts/work-items/release-1/_item/000001/plan.json", "artifacts/work-items/release-1/_item/000001/steps.jsonl"}
"""Kept plans are read only where a claim is open; `verify` compares their digests."""


@pytest.fixture(scope="module")
def victim(tmp_path_factory, templates):
    root = tmp_path_factory.mktemp("victim") / "demo"
    shutil.copytree(templates / "done", root)
    return project_in(root)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(DAMAGED),
    content=st.one_of(st.none(), st.binary(max_size=60), st.sampled_from([b"{}", b"[]", b"null", b"{"])),
)
def test_any_damage_is_a_finding_or_nothing_but_never_a_breakdown(victim, path, content):
    target = victim.root / path
    before = target.read_bytes() if target.exists() else None
    try:
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(content)
        found = examine(victim.ground())
        changed = (target.read_bytes() if target.exists() else None) != before
        harmless = path in SILENT or (path == ".planloom/ci.pem" and content is None) or path == "specs/planloom.yaml"
        if changed and not harmless:
            assert found
        for one in found:
            assert one.what
            assert one.repair
            assert "\n" not in one.what
    finally:
        if before is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(before)
