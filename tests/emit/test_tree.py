"""Writing compiled files all or nothing, and telling how a folder differs."""

from __future__ import annotations

import os

import pytest

from emit.making import PROJECT, graph_of, make_rich_plan, make_step
from planloom.core.errors import InputError, StoreError
from planloom.emit.project import emit_project
from planloom.emit.tree import HEADER, Kind, compare, read_ours, write_tree


def files_of(plan=None):
    plan = plan or make_rich_plan()
    return emit_project([plan], {plan.id: graph_of(plan)}, PROJECT)


def kinds(expected, root, tracked=None):
    return {drift.path: drift.kind for drift in compare(expected, read_ours(root), tracked)}


def snapshot(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_what_was_written_does_not_drift(tmp_path):
    done = write_tree(tmp_path, files_of())
    assert len(done.written) == len(files_of())
    assert kinds(files_of(), tmp_path) == {}
    assert write_tree(tmp_path, files_of()).written == ()


def test_every_kind_of_drift_has_its_name(tmp_path):
    files = files_of()
    write_tree(tmp_path, files)
    (tmp_path / ".github/workflows/demo-execute.yml").unlink()
    edited = tmp_path / ".github/workflows/demo-collector.yml"
    edited.write_bytes(edited.read_bytes().replace(b"planloom export", b"planloom export --quiet"))
    steps = tmp_path / "generated/demo/steps.jsonl"
    steps.write_bytes(steps.read_bytes().replace(b"echo lint", b"echo evil"))
    (tmp_path / "generated/gone").mkdir()
    (tmp_path / "generated/gone/plan.json").write_bytes(b"{}\n")
    (tmp_path / ".github/workflows/old-execute.yml").write_bytes(HEADER + b"from specs/old.yaml\n")
    tracked = set(files) - {"generated/project.json"}
    assert kinds(files, tmp_path, tracked) == {
        ".github/workflows/demo-execute.yml": Kind.MISSING,
        ".github/workflows/demo-collector.yml": Kind.EDITED,
        "generated/demo/steps.jsonl": Kind.EDITED,
        "generated/gone/plan.json": Kind.EXTRA,
        ".github/workflows/old-execute.yml": Kind.EXTRA,
        "generated/project.json": Kind.UNTRACKED,
    }


def test_files_of_an_older_plan_are_stale_and_not_called_edited(tmp_path):
    write_tree(tmp_path, files_of())
    newer = make_rich_plan()
    changed = files_of(make_rich_plan(steps=(*newer.steps, make_step("more", 9))))
    found = kinds(changed, tmp_path)
    assert set(found.values()) == {Kind.STALE}
    assert {
        "generated/demo/plan.json",
        "generated/demo/steps.jsonl",
        "generated/demo/README.md",
        "generated/demo/matrix.json",
    } <= set(found)


def test_writing_removes_our_leftovers_and_nothing_else(tmp_path):
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text("name: mine\n")
    (tmp_path / "generated/docs").mkdir(parents=True)
    (tmp_path / "generated/docs/page.md").write_text("kept\n")
    (tmp_path / "generated/old").mkdir()
    (tmp_path / "generated/old/plan.json").write_text("{}\n")
    (tmp_path / ".github/workflows/old-execute.yml").write_bytes(HEADER + b"from specs/old.yaml\n")
    done = write_tree(tmp_path, files_of())
    assert done.removed == (".github/workflows/old-execute.yml", "generated/old/plan.json")
    assert not (tmp_path / "generated/old").exists()
    assert (tmp_path / ".github/workflows/ci.yml").read_text() == "name: mine\n"
    assert (tmp_path / "generated/docs/page.md").read_text() == "kept\n"


def test_a_workflow_that_is_not_ours_is_never_overwritten(tmp_path):
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/demo-execute.yml").write_text("name: mine\n")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="not written by planloom"):
        write_tree(tmp_path, files_of())
    assert snapshot(tmp_path) == before


def test_links_out_of_the_project_are_refused(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (root / "generated").symlink_to(outside)
    with pytest.raises(InputError, match="outside"):
        write_tree(root, files_of())
    assert snapshot(outside) == {}


def test_a_disk_that_refuses_leaves_everything_as_it_was(tmp_path):
    write_tree(tmp_path, files_of())
    (tmp_path / "generated/demo/README.md").write_text("edited\n")
    # A folder where the staged file should go makes the disk refuse, for root too.
    (tmp_path / "generated/demo/plan.json").unlink()
    (tmp_path / "generated/demo/plan.json.planloom-new").mkdir()
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match="can't be written"):
        write_tree(tmp_path, files_of())
    assert snapshot(tmp_path) == before


def test_a_failed_rename_takes_back_those_before_it(tmp_path, monkeypatch):
    write_tree(tmp_path, files_of())
    (tmp_path / "generated/demo/README.md").write_text("edited\n")
    (tmp_path / "generated/project.json").write_text("edited\n")
    before = snapshot(tmp_path)
    real = os.replace

    def refuse(source, target, **rest):
        if str(target).endswith("project.json"):
            raise OSError(28, "No space left on device")
        return real(source, target, **rest)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="No space left"):
        write_tree(tmp_path, files_of())
    assert snapshot(tmp_path) == before
