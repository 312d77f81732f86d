"""The doctor finds kept outputs that are damaged or lost; what it names brings them back."""

from __future__ import annotations

import shlex
import shutil

import pytest

from planloom.care.doctor import examine
from planloom.care.findings import FIX

ITEM = "release-1"


def kept(project, folder=".planloom/outputs"):
    """Return what is kept, by path."""
    return sorted(path.relative_to(project.root).as_posix() for path in (project.root / folder / "sha256").glob("*/*"))


def lines(project):
    return {finding.code: finding for finding in examine(project.ground())}


DAMAGES = {
    "emptied by a power cut": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "one bit": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "longer": lambda content: content + b"\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_kept_output_whose_content_is_not_the_one_of_its_name_is_found_and_removed(done, damage):
    path, *others = kept(done)
    assert done.examine() == []
    target = done.root / path
    target.write_bytes(damage(target.read_bytes()))
    (found,) = examine(done.ground())
    assert (found.code, found.where, found.repair) == ("output", path, FIX)
    assert done.run("doctor").code == 1
    assert done.run("doctor", "--fix").code == 0  # the workspace has what the next step needs
    assert kept(done) == others


def test_an_output_that_is_lost_is_told_with_the_command_that_makes_it_again(done):
    shutil.rmtree(done.root / "dist")
    assert done.examine() == []  # it is kept
    for path in kept(done):
        (done.root / path).write_bytes(b"")
    assert {code for code, _ in done.examine()} == {"output"}
    left = done.run("doctor", "--fix")
    assert left.code == 1
    assert kept(done) == []
    found = lines(done)["output-lost"]
    assert found.where == f"{ITEM}/build"
    assert "step publish of release-1 needs dist/" in found.what
    assert found.repair == f"planloom delegate --structured-work-item {ITEM} --retry build --take-back"
    assert f"Next: {found.repair}" in left.err
    assert done.run(*shlex.split(found.repair)[1:]).code == 0
    assert done.run("run", ITEM).code == 0
    assert done.examine() == []
    assert kept(done) != []


def test_an_output_of_an_integrated_step_is_told_with_the_revert_that_is_needed_first(fresh):
    plan = (fresh.root / "specs/release.yaml").read_text()
    assert plan.count("    outputs: ") == 1
    plan = plan.replace("    outputs: ", "    baseline: true\n    outputs: ")
    (fresh.root / "specs/release.yaml").write_text(plan)
    assert fresh.run("compile").code == 0
    assert fresh.run("run").code == 0
    shutil.rmtree(fresh.root / "dist")
    shutil.rmtree(fresh.root / ".planloom/outputs")
    assert lines(fresh)["output-lost"].repair.startswith(f"planloom revert {ITEM} build --handoff ")


def test_what_a_step_that_is_done_needed_is_no_more_asked_for(done):
    assert done.run("close", ITEM, "--reason", "enough").code == 0
    shutil.rmtree(done.root / "dist")
    shutil.rmtree(done.root / ".planloom/outputs")
    assert "output-lost" not in lines(done)


def test_a_shared_folder_is_looked_at_and_its_half_copies_are_removed_but_not_from_under_a_live_writer(done):
    shared = done.root.parent / "shared"
    (done.root / ".planloom/outputs").rename(shared)
    done.environment["PLANLOOM_STORE"] = str(shared)
    first = min((shared / "sha256").glob("*/*"))
    first.write_bytes(b"half")
    half = first.with_name(f".{first.name}.4711-1.part")
    half.write_bytes(b"half")
    assert done.examine() == [("output", str(first))]
    done.age(str(half))
    assert sorted(done.examine()) == [("left-over", str(half)), ("output", str(first))]
    assert done.fix() == []
    assert not half.exists()


def test_what_is_kept_and_can_not_be_read_is_left_to_a_person(done):
    folder = done.root / ".planloom/outputs/sha256/ab" / ("ab" * 32)
    folder.mkdir(parents=True)
    (found,) = examine(done.ground())
    assert found.code == "output"
    assert found.fix is None
    assert "can't be read" in found.what
