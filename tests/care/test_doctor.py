"""The doctor finds what is left over, names the command that repairs it, and repairs what needs no decision."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from gitserver import run_git
from planloom.care.checkpointcare import COLLECT
from planloom.care.doctor import examine
from planloom.care.findings import FIX
from planloom.core import canonical
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry
from planloom.ledger.points import JOURNAL_POINTS
from planloom.trust.keyfiles import read_private_key, write_private_key
from planloom.trust.keys import generate


class Killed(BaseException):
    """Stands for a process that died at this point."""


def test_a_fresh_project_and_one_that_was_carried_out_need_no_care(fresh):
    assert fresh.examine() == []
    assert fresh.run("run", "--jobs", "4").code == 0
    assert fresh.examine() == []
    said = fresh.run("doctor")
    assert said.code == 0
    assert said.out.startswith("Nothing needs care; looked at: unfinished appends")


def die_at(project, point):
    """Let an append of two entries die at a crash point."""

    def at(reached):
        if reached == point:
            raise Killed

    ledger = FileLedger(project.root / "artifacts", at=at)
    entries = {f"other-1/{name}": Append(EMPTY, Entry("claims", b"x")) for name in ("a", "b")}
    with pytest.raises(Killed):
        ledger.append(entries)


@pytest.mark.parametrize("point", JOURNAL_POINTS)
def test_wherever_a_writer_dies_the_append_is_whole_or_absent_after_the_repair(fresh, point):
    die_at(fresh, point)
    fresh.fix()
    assert FileLedger(fresh.root / "artifacts").leftovers() == ()
    written = [(fresh.root / f"artifacts/claims/other-1/{name}/000001.json").exists() for name in ("a", "b")]
    assert written[0] == written[1] == (point not in JOURNAL_POINTS[:3])


def test_an_append_that_was_cut_off_is_rolled_forward(fresh):
    die_at(fresh, "files: journal durable")
    assert fresh.examine()[0] == ("left-over", "artifacts/.ledger/journal")
    fresh.fix()
    assert not (fresh.root / "artifacts/.ledger/journal").exists()
    assert (fresh.root / "artifacts/claims/other-1/b/000001.json").read_bytes() == b"x"


def test_an_append_that_never_counted_is_swept_away(fresh):
    die_at(fresh, "files: journal written")
    assert fresh.examine() == [("left-over", "artifacts/.ledger/journal.new")]
    assert fresh.fix() == []
    assert not (fresh.root / "artifacts/claims/other-1").exists()


def test_records_in_another_folder_are_cared_for_there(fresh):
    for words in (["open", "release-7", "--plan", "release"], ["export"]):
        assert fresh.run(*words, "--ledger", "files:elsewhere").code == 0
    assert fresh.examine("files:elsewhere") == []
    (fresh.root / "elsewhere/.ledger/new").write_bytes(b"half")
    assert fresh.examine("files:elsewhere") == [("left-over", "elsewhere/.ledger/new")]
    assert fresh.fix("files:elsewhere") == []


def test_a_journal_that_can_not_be_read_is_left_to_a_person(fresh):
    tools = fresh.root / "artifacts/.ledger"
    tools.mkdir()
    (tools / "journal").write_bytes(b"{half")
    (found,) = [one for one in examine(fresh.ground()) if one.code == "journal"]
    assert found.fix is None
    assert "can't be read" in found.what


@pytest.mark.parametrize(
    "path",
    [
        "artifacts/schedule/.release-1.json.part",
        "artifacts/exports/.checkpoint.part",
        ".planloom/.ann.pem.0123abcd.new",
        ".planloom/outputs/sha256/ab/abcd.4711.part",
        "generated/release/plan.json.planloom-new",
        ".github/workflows/release-execute.yml.planloom-new",
        "specs/trust/policy.json.new",
    ],
)
def test_files_that_were_being_written_are_removed_but_not_from_under_a_live_writer(fresh, path):
    target = fresh.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"half")
    assert ("left-over", path) not in fresh.examine()
    fresh.age(path)
    assert ("left-over", path) in fresh.examine()
    assert fresh.fix() == []
    assert not target.exists()


@pytest.mark.parametrize(
    "path", ["claims/release-1/build/.000001.json.47-48.part", "work-items/release-1/_item/000001/.plan.json.47-48.part"]
)
def test_what_a_killed_collector_left_among_the_records_is_removed(done, path):
    target = done.root / "artifacts" / path
    assert target.parent.is_dir()
    target.write_bytes(b"half")
    assert done.run("verify").code == 1
    done.age(f"artifacts/{path}")
    assert ("left-over", f"artifacts/{path}") in done.examine()
    assert done.fix() == []
    assert not target.exists()
    assert done.run("verify").code == 0


def test_a_key_that_others_can_read_is_closed(fresh):
    (fresh.root / ".planloom/you.pem").chmod(0o640)
    (found,) = examine(fresh.ground())
    assert (found.code, found.where, found.repair) == ("key-mode", ".planloom/you.pem", FIX)
    assert "mode 0640" in found.what
    assert fresh.fix() == []
    assert (fresh.root / ".planloom/you.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_in_the_users_configuration_is_looked_at_too(fresh, tmp_path):
    key = tmp_path / "home/.config/planloom/you.pem"
    key.parent.mkdir(parents=True)
    shutil.copy(fresh.root / ".planloom/you.pem", key)
    key.chmod(0o644)
    assert fresh.examine() == [("key-mode", str(key))]


def test_a_broken_key_and_a_key_that_may_not_do_its_work_are_told_apart(fresh):
    (fresh.root / ".planloom/you.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n")
    (fresh.root / ".planloom/ci.pem").unlink()
    write_private_key(fresh.root / ".planloom/ci.pem", generate())
    found = {one.where: one for one in examine(fresh.ground())}
    assert found[".planloom/you.pem"].code == "E_KEY"
    assert found[".planloom/ci.pem"].code == "key-role"
    assert found[".planloom/ci.pem"].repair == "planloom keys trust ci --role executor --role log"


def test_an_encrypted_key_is_nobodys_business(fresh):
    path = fresh.root / ".planloom/you.pem"
    key = read_private_key(path)
    path.unlink()
    write_private_key(path, key, "horse")
    path.chmod(0o644)
    assert fresh.examine() == []


def test_a_private_key_that_git_tracks_is_found_by_place_or_by_content(fresh):
    shutil.copy(fresh.root / ".planloom/you.pem", fresh.root / "backup.pem")
    fresh.git("add", "-f", ".planloom/ci.pem", "backup.pem")
    found = fresh.examine()
    assert ("key-tracked", ".planloom/ci.pem") in found
    assert ("key-tracked", "backup.pem") in found


def test_a_foreign_key_in_git_is_no_finding(fresh):
    write_private_key(fresh.root / "tests.pem", generate())
    fresh.git("add", "tests.pem")
    assert fresh.examine() == []


def test_a_key_that_a_commit_holds_is_found_until_it_is_revoked(fresh):
    fresh.git("add", "-f", ".planloom/ci.pem")
    fresh.git("commit", "-q", "-m", "oops")
    fresh.git("rm", "-q", "--cached", ".planloom/ci.pem")
    fresh.git("commit", "-q", "-m", "better")
    assert fresh.examine() == [("key-committed", ".planloom/ci.pem")]
    assert fresh.run("keys", "rotate", "ci", "--yes").code == 0
    (found,) = [one for one in examine(fresh.ground()) if one.code == "key-committed"]
    assert "planloom keys revoke ci-" in found.repair
    old = found.repair.split()[3]
    assert fresh.run("keys", "revoke", old, "--reason", "it was committed", "--yes").code == 0
    assert fresh.examine() == []


def test_a_rotation_that_stopped_before_it_was_signed_is_undone(fresh):
    write_private_key(fresh.root / ".planloom/ci.new.pem", generate())
    assert fresh.examine() == [("key-rotation", ".planloom/ci.new.pem")]
    assert fresh.fix() == []
    assert not (fresh.root / ".planloom/ci.new.pem").exists()


def test_a_rotation_that_stopped_after_it_was_signed_is_finished(fresh):
    keys = fresh.root / ".planloom"
    before = read_private_key(keys / "ci.pem").key_id
    assert fresh.run("keys", "rotate", "ci", "--yes").code == 0
    fresh_id = read_private_key(keys / "ci.pem").key_id
    (keys / "ci.pem").rename(keys / "ci.new.pem")
    (keys / f"ci-{before[:8]}.pem").rename(keys / "ci.pem")
    assert ("key-rotation", ".planloom/ci.new.pem") in fresh.examine()
    assert fresh.fix() == []
    assert read_private_key(keys / "ci.pem").key_id == fresh_id
    assert read_private_key(keys / f"ci-{before[:8]}.pem").key_id == before


def test_what_git_must_leave_alone_is_added_and_any_line_that_does_it_is_enough(fresh):
    (fresh.root / ".gitignore").write_text("*.log")
    fresh.git("rm", "-q", "--cached", ".gitattributes")
    (fresh.root / ".gitattributes").unlink()
    assert [code for code, _ in fresh.examine()] == ["git-ignore", "git-ignore", "git-attributes", "git-attributes"]
    assert fresh.fix() == []
    assert (fresh.root / ".gitignore").read_text().splitlines() == ["*.log", "/.planloom/", "/artifacts/.ledger/"]
    (fresh.root / ".gitignore").write_text(".planloom\n**/.ledger\n")
    assert fresh.examine() == []


def test_without_git_nothing_is_said_about_git(fresh):
    shutil.rmtree(fresh.root / ".git")
    (fresh.root / ".gitignore").unlink()
    assert fresh.examine() == []


def test_missing_and_stale_compiled_files_are_compiled_again(fresh):
    (fresh.root / "generated/release/plan.json").unlink()
    assert fresh.examine() == [("compiled", "generated/release/plan.json")]
    assert fresh.fix() == []


def test_a_file_that_somebody_edited_is_left_to_them(fresh):
    path = fresh.root / ".github/workflows/release-collector.yml"
    path.write_text(path.read_text() + "# mine\n")
    (found,) = examine(fresh.ground())
    assert found.fix is None
    assert found.repair == "planloom compile"
    assert "edited by hand" in found.what


def test_plans_with_mistakes_are_one_finding(fresh):
    path = fresh.root / "specs/release.yaml"
    path.write_text(path.read_text().replace("needs:", "neds:"))
    (found,) = examine(fresh.ground())
    assert (found.code, found.where, found.repair) == ("plans", "specs/release.yaml", "planloom validate")


CLAIM = """
import sys
from pathlib import Path
from planloom import api
from planloom.runtime.claiming import claim_step
session = api.open_session(Path(sys.argv[1]), ledger="files")
api.ensure_item(session, "release-7", "release", {}, "test")
claim_step(session, "release-7", "lint", process=True)
"""


def test_a_claim_whose_process_is_gone_points_to_run(fresh):
    subprocess.run([sys.executable, "-c", CLAIM, str(fresh.root)], check=True, env=fresh.environment)
    found = {one.code: one for one in examine(fresh.ground())}
    assert found["claim"].where == "release-7/lint"
    assert "its process is gone" in found["claim"].what
    assert found["claim"].repair.startswith("planloom run release-7")
    assert fresh.run("run", "release-7", "--jobs", "4").code == 0
    assert fresh.examine() == []


def test_a_claim_made_by_hand_is_no_finding(fresh):
    fresh.run("open", "release-7", "--plan", "release")
    assert fresh.run("claim", "release-7", "lint").code == 0
    assert [code for code, _ in fresh.examine()] == ["checkpoint"]


def test_records_that_no_checkpoint_covers_point_to_export(fresh):
    fresh.run("open", "release-7", "--plan", "release")
    (found,) = examine(fresh.ground())
    assert (found.code, found.repair) == ("checkpoint", "planloom export")
    assert found.what.startswith("1 record of 1 in no checkpoint")
    assert fresh.run("export").code == 0
    assert fresh.examine() == []


def test_a_git_ledger_is_held_to_its_checkpoint_and_to_the_refs_that_may_go(fresh, remote):
    collect = [("collect",), ("export",), ("collect", "--push")]
    for words in [("open", "release-1"), *collect, ("close", "release-1", "--reason", "tried")]:
        done = fresh.run(*words, "--ledger", "git")
        assert done.code == 0, done.err
    (found,) = [one for one in examine(fresh.ground("git")) if one.code == "checkpoint"]
    assert (found.what, found.repair) == ("1 record of 2 in no checkpoint yet: they could be taken away unnoticed", COLLECT)
    ref = "refs/planloom/release-1/_item"
    commit = run_git("-C", str(remote), "rev-parse", ref).strip()
    for words in collect:
        assert fresh.run(*words, "--ledger", "git").code == 0
    assert "checkpoint" not in dict(fresh.examine("git"))
    # As after a collector that was killed between its two pushes.
    run_git("-C", str(remote), "update-ref", ref, commit)
    assert ("left-over", "refs/planloom/release-1/*") in fresh.examine("git")
    assert ("left-over", "refs/planloom/release-1/*") not in fresh.fix("git")
    assert ref not in run_git("-C", str(remote), "for-each-ref", "--format=%(refname)")


def test_a_gap_in_a_chain_is_named_and_other_work_items_are_still_looked_at(done):
    done.run("open", "release-9", "--plan", "release")
    (done.root / "artifacts/claims/release-1/lint/000001.json").unlink()
    (done.root / "artifacts/work-items/release-9/_item/000001.json").write_bytes(b"{}")
    found = {one.code: one for one in examine(done.ground())}
    assert "entry 1 of release-1/lint is missing" in found["E_CHAIN_GAP"].what
    assert found["E_ENVELOPE"].where == "release-9/_item"
    assert found["E_TRUNCATED"].where == "artifacts/claims/release-1/lint/000001.json"


def test_a_stranger_among_the_records_is_named(done):
    (done.root / "artifacts/claims/release-1/lint/notes.txt").write_text("hello")
    found = {one.code: one for one in examine(done.ground())}
    assert found["E_FOREIGN"].repair == "move it away"


def test_a_forged_record_points_to_verify(done):
    path = min((done.root / "artifacts/handoff/release-1/build").glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"payload":"eyJ', b'"payload":"eyK'))
    found = [one for one in examine(done.ground()) if one.where == "release-1/build"]
    assert len(found) == 1
    assert "planloom verify" in found[0].repair


def test_a_checkpoint_that_nobody_signed_is_found(done):
    path = done.root / "artifacts/exports/checkpoint"
    path.write_bytes(path.read_bytes().replace(b"local/planloom", b"local/planl00m"))
    assert any("checkpoint" in where for _, where in done.examine())


def test_a_policy_that_does_not_hold_is_found_and_records_are_not_blamed(done):
    path = done.root / "specs/trust/policy.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
    assert {where.partition("/")[0] for _, where in done.examine()} == {"specs"}


def test_a_repair_that_fails_says_so_and_the_others_are_done(fresh):
    (fresh.root / ".gitignore").unlink()
    (fresh.root / ".gitignore").mkdir()
    (fresh.root / ".planloom/you.pem").chmod(0o644)
    said = fresh.run("doctor", "--fix")
    assert said.code == 1
    assert "repaired  .planloom/you.pem" in said.out
    assert "could not be repaired: Is a directory" in said.out


def test_the_result_is_canonical_json_on_request(fresh):
    (fresh.root / ".planloom/you.pem").chmod(0o644)
    said = fresh.run("doctor", "--format", "json")
    assert said.code == 1
    value = json.loads(said.out)
    assert canonical.encode(value) + b"\n" == said.out.encode()
    assert value["clean"] is False
    assert value["findings"][0] | {"what": ""} == {
        "code": "key-mode",
        "where": ".planloom/you.pem",
        "what": "",
        "repair": FIX,
        "fixable": True,
    }
    assert json.loads(fresh.run("doctor", "--fix", "--format", "json").out)["clean"] is True


def test_findings_end_with_the_next_command(fresh):
    (fresh.root / ".planloom/you.pem").chmod(0o644)
    assert fresh.run("doctor").err.endswith("1 thing needs care.\nNext: planloom doctor --fix\n")


def test_what_the_machine_does_not_let_it_look_at_is_a_finding_beside_the_others(fresh, remote):
    (fresh.root / ".planloom/cache").write_bytes(b"in the way")
    fresh.root.joinpath(".planloom/ci.pem").chmod(0o644)
    done = fresh.run("doctor", "--ledger", "git")
    assert done.code == 1, done.err
    assert "can't be looked at" in done.out
    assert ".planloom/ci.pem" in done.out
