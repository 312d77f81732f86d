"""A pipe where a file belongs is named; nobody waits for somebody to write into it."""

import os
import subprocess
import sys

import pytest

SPOTS = {
    "artifacts/claims/release-1/lint/000009.json": {"doctor", "export", "run release-2", "verify", "why release-1", "collect"},
    "artifacts/exports/leaves.txt": {"doctor", "export", "run release-2", "verify"},
    "artifacts/exports/checkpoint": {"doctor", "export", "verify", "keys list"},
    "artifacts/.ledger/journal": {"doctor", "export", "run release-2", "verify", "status"},
    "artifacts/work-items/release-1/_item/000001/plan.json": {"doctor", "verify", "status"},
    "generated/project.json": {"doctor", "compile", "status"},
    "generated/release/plan.json": {"doctor", "compile", "verify", "run release-2", "status"},
    ".github/workflows/release-execute.yml": {"doctor", "compile", "verify"},
    "specs/release.yaml": {"doctor", "compile", "verify", "run release-2", "status"},
    "specs/trust/policy.json": {"doctor", "compile", "verify", "status"},
}
A_MINUTE = 60
"""Only so that a command which waits for ever fails the test instead of holding up all of them."""


@pytest.fixture
def planloom(done):
    def start(words):
        command = [sys.executable, "-m", "planloom", *words.split()]
        return subprocess.run(
            command,
            cwd=done.root,
            env=done.environment,
            capture_output=True,
            text=True,
            timeout=A_MINUTE,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return start


@pytest.mark.parametrize("spot", SPOTS)
def test_a_pipe_among_the_files_holds_nobody_up_and_is_named_by_doctor(done, planloom, spot):
    path = done.root / spot
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    for words in sorted(SPOTS[spot]):
        ended = planloom(words)
        assert "Traceback" not in ended.stderr, (words, ended.stderr)
        if words == "doctor":
            assert (ended.returncode, path.name.split(".")[0] in ended.stdout) == (1, True), ended.stdout


def test_a_pipe_is_refused_with_its_path_where_records_are_read(done):
    os.mkfifo(done.root / "artifacts/claims/release-1/lint/000009.json")
    said = done.run("export")
    assert said.code == 5
    assert "artifacts/claims/release-1/lint/000009.json" in said.err
    assert "planloom doctor" in said.err


def test_a_record_that_is_a_link_is_not_followed(done, tmp_path):
    path = done.root / "artifacts/claims/release-1/lint/000001.json"
    path.rename(tmp_path / "record.json")
    path.symlink_to(tmp_path / "record.json")
    assert "E_FOREIGN" in dict(done.examine())
    said = done.run("export")
    assert (said.code, "it is no plain file" in said.err) == (5, True)


def test_verify_follows_no_link_out_of_the_project(done, tmp_path):
    (tmp_path / "elsewhere.json").write_text("{}")
    (done.root / "specs/trust/notes.json").symlink_to(tmp_path / "elsewhere.json")
    said = done.run("verify")
    assert said.code == 1
    assert said.out.startswith("specs/trust/notes.json\n  E_FOREIGN  this is no plain file: nothing was read through it\n")
