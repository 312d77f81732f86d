"""`verify RECORD --proof FILE` believes no more than `verify` does: it checks what it is asked to, and refuses what it can't check."""

import shutil

import pytest

from planloom.cli.main import run
from planloom.core import canonical
from planloom.core.errors import InputError, TrustError
from planloom.trust import policyfiles
from planloom.trust.policy import ROOT, new_policy
from planloom.trust.proof import write_proof
from trust.histories import CI, EVE, YOU, finished

RECORD = "artifacts/handoff/release-1/build/000002.json"
NOBODY = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished project in a folder, with a proof of one of its records beside it."""
    folder = tmp_path_factory.mktemp("made") / "project"
    world = finished(folder)
    files = world.history().files
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "p.proof").write_bytes(write_proof(RECORD, files))
    return folder, world.policy


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    shutil.copytree(made[0], tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def root(made):
    return f"sha256:{made[1].root_digest}"


PROOF = ["verify", RECORD, "--proof", "p.proof"]


def test_a_proof_by_a_root_that_was_only_found_here_says_so(project, root, capsys):
    assert run(PROOF) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{RECORD} is record 7 of 13 in the checkpoint signed by ci.",
        f"The trust root {root} comes from this directory; pin it with --root-key.",
    ]


@pytest.mark.parametrize("how", ["digest", "key id"])
def test_a_proof_by_the_root_that_was_given_says_so(project, root, capsys, how):
    assert run([*PROOF, "--root-key", root if how == "digest" else YOU.key_id, "--policy-version", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"The trust root {root} is the one you gave."


def test_a_proof_by_a_root_that_follows_from_the_one_given_says_so(project, made, root, capsys):
    before = {p: c for p, c in policyfiles.read_trust_files(project).items() if p.startswith("specs/trust/policy.json")}
    old = made[1]
    eve = next(k for k in new_policy(EVE.key, CI.key).keys if ROOT in k.roles)
    new = old._replace(
        version=2,
        keys=tuple(sorted((*(k for k in old.keys if k.name != "you"), eve), key=lambda k: k.name)),
        previous=canonical.digest(before["specs/trust/policy.json"]),
    )
    for path, content in policyfiles.policy_files(new, [YOU, EVE], before).items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).unlink(missing_ok=True) if content is None else (project / path).write_bytes(content)
    assert run([*PROOF, "--root-key", root]) == 0
    assert "follows, change by signed change, from the one you gave." in capsys.readouterr().out
    assert run([*PROOF, "--policy-version", "2"]) == 0


def test_a_proof_by_another_root_than_was_given_is_none(project, root, capsys):
    assert run([*PROOF, "--root-key", NOBODY]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1] == "  E_ROOT  the trust root is not the one that you gave"
    assert root.removeprefix("sha256:")[:12] in said.out
    assert "is record" not in said.out
    assert "planloom explain E_ROOT" in said.err


def test_the_project_of_an_attacker_does_not_pass_under_the_root_of_another(project, root, capsys):
    """Eve's own policy, signed by Eve, trusts the log key that signed the checkpoint."""
    for path, content in policyfiles.policy_files(new_policy(EVE.key, CI.key), [EVE]).items():
        (project / path).write_bytes(content)
    (project / policyfiles.signature_path(YOU.key_id)).unlink()
    assert run(PROOF) == 0
    assert run([*PROOF, "--root-key", root]) == 1
    assert "E_ROOT" in capsys.readouterr().out


def test_a_proof_by_an_older_policy_than_was_known_is_none(project, capsys):
    assert run([*PROOF, "--policy-version", "99"]) == 1
    out = capsys.readouterr().out
    assert "E_ROLLBACK  it is version 1, and you had version 99" in out
    assert "is record" not in out


@pytest.mark.parametrize(
    "more",
    [
        ("--since", "/etc/passwd"),
        ("--work-item", "nope"),
        ("--outputs", "/nonexistent"),
        ("--ledger", "files"),
        ("--format", "json"),
        ("--root-key", "sha256:00"),
    ],
    ids=lambda more: more[0],
)
def test_an_option_that_a_proof_can_not_be_checked_against_is_refused(project, more, capsys):
    with pytest.raises(InputError, match=more[0]):
        run([*PROOF, *more])
    assert capsys.readouterr().out == ""


def test_a_proof_of_another_record_is_none(project):
    with pytest.raises(TrustError) as caught:
        run(["verify", RECORD.replace("build", "lint"), "--proof", "p.proof"])
    assert caught.value.code == "E_PROOF"


def test_outside_a_project_the_one_whose_policy_judges_is_asked_for(project, tmp_path, monkeypatch, root, capsys):
    shutil.copy(RECORD, tmp_path / "my rec.json")
    shutil.copy("p.proof", tmp_path / "p.proof")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        run(["verify", "my rec.json", "--proof", "p.proof"])
    assert caught.value.hint.startswith("planloom verify 'my rec.json' --proof p.proof --root DIR   #")
    assert run(["verify", "my rec.json", "--proof", "p.proof", "--root", "project", "--root-key", root]) == 0
    assert "my rec.json is record 7 of 13" in capsys.readouterr().out
