"""What a stranger tried first: commands that would have done more than was meant."""

import shutil
import subprocess

import pytest

from planloom.cli.main import run
from planloom.core.errors import InputError, StoreError, TrustError
from planloom.scaffold.project import lay_down


@pytest.fixture
def project(tmp_path, monkeypatch):
    lay_down(tmp_path / "demo", "release")
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "demo"


def test_a_file_that_is_no_plan_is_not_laid_out(project):
    other = project / "notes.txt"
    other.write_text("a line\nand  another\n")
    with pytest.raises(InputError, match="is no plan"):
        run(["fmt", str(other)])
    assert other.read_text() == "a line\nand  another\n"


def test_a_bundle_is_not_written_over_a_folder(project):
    with pytest.raises(InputError, match="is a folder"):
        run(["export", "--bundle", "."])


@pytest.mark.parametrize(
    "words",
    [
        ["--bundle", "b", "--proof", "p"],
        ["--work-item", "release-1"],
        ["--to", "links"],
        ["--bundle", "b", "--work-item", "release-1"],
    ],
)
def test_options_of_different_exports_do_not_mix(project, words):
    with pytest.raises(InputError):
        run(["export", *words])


def test_a_path_and_a_ledger_are_two_histories(project):
    with pytest.raises(InputError, match="two histories"):
        run(["verify", ".", "--ledger", "git"])


def test_a_bare_clone_whose_records_were_never_collected_is_not_taken_for_an_empty_history(project, tmp_path, capsys):
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    bare = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    for words in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "x"], ["push", "-q", str(bare), "main"]):
        subprocess.run([*git, *words], check=True)
    assert run(["verify", str(bare)]) == 0
    subprocess.run([*git, "push", "-q", str(bare), "main:refs/planloom/release-1/_item"], check=True)
    assert run(["verify", str(bare)]) == 1
    assert "E_FOREIGN" in capsys.readouterr().out


def test_a_run_builds_on_nothing_when_a_record_is_gone(project):
    run(["run"])
    shutil.rmtree(project / "artifacts" / "handoff" / "release-1" / "build")
    before = sorted(p.name for p in project.glob("artifacts/claims/release-1/build/*"))
    with pytest.raises(TrustError):
        run(["run"])
    assert sorted(p.name for p in project.glob("artifacts/claims/release-1/build/*")) == before


def test_no_attempt_is_lost_on_inputs_that_lie_on_another_machine(project):
    run(["run"])
    run(["approve", "release-1", "publish", "--yes"])
    shutil.rmtree(project / ".planloom" / "outputs")
    shutil.rmtree(project / "dist")
    with pytest.raises(StoreError, match="not kept on this machine"):
        run(["run"])
    assert not list(project.glob("artifacts/claims/release-1/publish/*"))
