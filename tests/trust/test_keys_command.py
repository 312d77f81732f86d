"""`planloom keys` and `planloom verify` as people type them."""

import base64
import json
import re
import shutil

import click
import pytest
from click.testing import CliRunner

from attacks.forging import reforged
from planloom.cli.keys import keys as keys_command
from planloom.cli.verifying import verify as verify_command
from planloom.core.errors import PlanloomError
from planloom.trust import keyfiles
from planloom.trust.bundle import write_bundle
from planloom.trust.gather import read_history
from planloom.trust.policy import TrustedKey
from planloom.trust.policyfiles import load_policy, policy_files
from planloom.trust.proof import write_proof
from trust.histories import ANN, CI, YOU, finished

BUILD = "artifacts/handoff/release-1/build/000002.json"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a finished work item and its two keys, as the current directory."""
    folder = tmp_path / "project"
    world = finished(folder)
    for path, content in world.history().files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for name, key in (("you", YOU), ("ci", CI)):
        keyfiles.write_private_key(folder / ".planloom" / f"{name}.pem", key)
    monkeypatch.chdir(folder)
    for variable in keyfiles.SECRET_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return folder


def run(command, *words, given=None):
    """Return (exit status, stdout, stderr) as `cli.main` would give them."""
    result = CliRunner().invoke(command, list(words), input=given, standalone_mode=False)
    if isinstance(result.exception, PlanloomError):
        return result.exception.exit_code, result.stdout, result.exception.message
    if isinstance(result.exception, click.Abort):
        return 130, result.stdout, result.stderr
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.stdout, result.stderr


def test_verify_says_what_it_verified(project):
    status, shown, _ = run(verify_command)
    assert status == 0
    assert shown.splitlines()[0] == "release-1   13 records: 1 opened, 5 claims, 5 results (4 ok, 1 failed), 1 approval, 1 closed"
    assert shown.splitlines()[-1].startswith("Self-consistent. The trust root sha256:")


def test_verify_names_the_record_in_which_one_byte_was_changed(project):
    path = project / BUILD
    path.write_bytes(path.read_bytes().replace(b'"payload":"eyJ', b'"payload":"eyK'))
    status, shown, _ = run(verify_command)
    assert status == 1
    assert shown.splitlines() == [
        BUILD,
        "  E_SIGNATURE  the signature does not match the content (step build, attempt 1)",
        "  also: publish's claim depends on it; the checkpoint has another record in this place",
        "1 of 13 records is broken.",
    ]


@pytest.mark.parametrize("style", ["json", "markdown", "sarif"])
def test_verify_prints_other_forms(project, style):
    whole = run(verify_command, "--format", style)
    path = project / BUILD
    path.write_bytes(path.read_bytes()[:-1])
    broken = run(verify_command, "--format", style)
    assert (whole[0], broken[0]) == (0, 1)
    assert BUILD in broken[1].replace("\\_", "_")
    if style == "json":
        value = json.loads(whole[1])
        assert (value["verdict"], value["records"], value["checkpoint"]["signer"]["name"]) == ("self-consistent", 13, "ci")
        build = next(r for r in value["workItems"][0]["records"] if r["path"] == BUILD)
        assert build["proven"]["key"]["name"] == "ci"
        assert build["stated"]["exitCode"] == 0
        assert "actor" not in build["proven"]
    if style == "sarif":
        value = json.loads(broken[1])
        assert value["version"] == "2.1.0"
        assert [r["ruleId"] for r in value["runs"][0]["results"]] == ["E_ENVELOPE"]


def unescaped(cell):
    return re.sub(r"\\(.)", r"\1", cell).replace("&lt;", "<").replace("&amp;", "&")


def test_field_expected_and_found_of_each_finding_stand_in_every_form(project):
    (project / "artifacts/claims/release-1/lint/000001.json").unlink()
    shutil.copy(project / "artifacts/handoff/release-1/lint/000002.json", project / BUILD)
    given = ("--root-key", f"sha256:{load_policy(project).root_digest[::-1]}", "--format")
    findings = json.loads(run(verify_command, *given, "json")[1])["findings"]
    told = [(f["path"], f["code"], f["field"], f["expected"], f["found"]) for f in findings]
    assert len({f["code"] for f in findings}) >= 3

    (sarif,) = json.loads(run(verify_command, *given, "sarif")[1])["runs"]
    assert told == [
        (r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], r["ruleId"], *r["properties"].values())
        for r in sarif["results"]
    ]

    table = [line for line in run(verify_command, *given, "markdown")[1].splitlines() if line.startswith("| ")]
    rows = [list(map(unescaped, re.split(r" (?<!\\)\| ", line[2:-2]))) for line in table]
    start = rows.index(["file", "code", "what", "field", "expected", "found", "also"])
    shown = [(r[0], r[1], r[3], r[4].rstrip("…"), r[5].rstrip("…")) for r in rows[start + 2 :]]
    assert len(shown) == len(told)
    for row, (path, code, field, expected, found) in zip(shown, told, strict=True):
        assert row[:3] == (path, code, field)
        assert expected.startswith(row[3])
        assert found.startswith(row[4])
        assert row[3] != row[4]

    # What the text says of a difference is said to who reads the messages of a SARIF log, too.
    text = run(verify_command, *given, "text")[1]
    said = [line.strip() for line in text.splitlines() if ": expected " in line]
    assert said
    for line in said:
        assert any(line in result["message"]["text"] for result in sarif["results"]), line


@pytest.mark.parametrize("style", ["text", "json", "markdown"])
def test_verify_says_in_every_form_that_somebody_approved_their_own_work(project, style):
    policy = load_policy(project)
    you = policy.named("you")._replace(roles=("approver", "executor", "integrator", "operator", "root"))
    changed = policy._replace(
        allow_self_approval=True, keys=tuple(you if k.name == "you" else k for k in policy.keys), earlier=(), sealed={}
    )
    history = read_history(project)
    forged = reforged(history, {path: lambda r: (r, YOU) for path in history.files if "/release-1/publish/" in path})
    shutil.rmtree(project / "artifacts")
    for path, content in (dict(forged.files) | policy_files(changed, [YOU])).items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(content)
    status, shown, _ = run(verify_command, "--format", style)
    said = "step publish of release-1 was approved by you, who claimed it, too: the policy allows that"
    assert (status, said in shown.replace("\\_", "_")) == (0, True), shown


def test_roots_that_begin_alike_are_shown_whole(project):
    root = load_policy(project).root_digest
    other = root[:-1] + ("0" if root[-1] != "0" else "1")
    status, shown, _ = run(verify_command, "--root-key", f"sha256:{other}")
    assert status == 1
    assert f"expected {other}, found {root}" in shown
    status, shown, _ = run(verify_command, "--root-key", f"sha256:{root[::-1]}")
    assert status == 1
    assert f"expected {root[::-1][:12]}…, found {root[:12]}…" in shown


@pytest.mark.parametrize("given", ["sha256:", "sha256:00", "sha256:" + "g" * 64, "sha256:" + "A" * 64])
def test_a_root_that_is_no_digest_is_unusable_input(project, given):
    status, shown, said = run(verify_command, "--root-key", given)
    assert (status, shown) == (2, "")
    assert said == f"--root-key {given}: a digest is 64 hex digits (0-9, a-f) after sha256:"


def test_verify_tells_a_root_that_was_given_from_one_that_follows_from_it(project):
    old = load_policy(project).root_digest
    assert run(keys_command, "rotate", "you", "--yes")[0] == 0
    new = load_policy(project).root_digest
    assert old != new
    for given in (f"sha256:{old}", YOU.key_id):
        last = run(verify_command, "--root-key", given)[1].splitlines()[-1]
        assert last.startswith(
            f"Verified. The trust root sha256:{new} follows, change by signed change, from the one you gave."
        ), last
    last = run(verify_command, "--root-key", f"sha256:{new}")[1].splitlines()[-1]
    assert last.startswith(f"Verified. The trust root sha256:{new} is the one you gave."), last
    (project / "artifacts/exports/checkpoint").unlink()
    (project / "artifacts/exports/leaves.txt").unlink()
    last = run(verify_command, "--root-key", f"sha256:{old}")[1].splitlines()[-1]
    assert last.startswith(f"Self-consistent. The trust root sha256:{new} follows, change by signed change, from the one"), last


def test_verify_with_the_right_root_is_verified(project, tmp_path):
    public = tmp_path / "you.pub"
    public.write_bytes(YOU.key.to_pem())
    root = load_policy(project).root_digest
    for given in (str(public), f"sha256:{root}", YOU.key_id, YOU.key.public.hex()):
        assert run(verify_command, "--root-key", given)[1].splitlines()[-1].startswith("Verified."), given
    assert run(verify_command, "--root-key", CI.key_id)[0] == 1
    assert run(verify_command, "--root-key", "nonsense")[0] == 2


def test_verify_reads_bundles_proofs_older_checkpoints_and_outputs(project, tmp_path):
    files = read_history(project).files
    bundle, proof, since = tmp_path / "b", tmp_path / "p", tmp_path / "c"
    bundle.write_bytes(write_bundle(files))
    proof.write_bytes(write_proof(BUILD, files))
    since.write_bytes(files["artifacts/exports/checkpoint"])
    assert run(verify_command, str(bundle), "--since", str(since))[0] == 0
    assert run(verify_command, BUILD, "--proof", str(proof))[1].startswith(f"{BUILD} is record ")
    stated = base64.b64encode(BUILD.encode())
    proof.write_bytes(proof.read_bytes().replace(stated, base64.b64encode(b"artifacts/\x1b[2Janother.json")))
    assert run(verify_command, BUILD, "--proof", str(proof))[1].startswith(f"{BUILD} is record ")
    assert run(verify_command, "--work-item", "release-1")[0] == 0
    assert run(verify_command, "--work-item", "release-9")[0] == 2
    assert run(verify_command, "--outputs", str(tmp_path))[0] == 1
    assert run(verify_command, "--outputs", str(tmp_path / "nothing"))[0] == 2
    assert run(verify_command, "--ledger", "files")[0] == 0


def test_keys_are_listed_with_what_they_may_do(project):
    status, shown, _ = run(keys_command, "list")
    assert status == 0
    assert "ci     " in shown
    assert "executor, log" in shown
    assert f"trust root sha256:{load_policy(project).root_digest}" in shown
    listed = json.loads(run(keys_command, "list", "--format", "json")[1])
    assert [k["name"] for k in listed["keys"]] == ["ann", "ci", "you"]


def test_a_new_key_is_made_trusted_and_revoked(project):
    status, shown, _ = run(keys_command, "new", "bob")
    assert (status, len(shown.strip())) == (0, 64)
    assert run(keys_command, "trust", "bob", "--role", "approver", given="n\n")[0] == 130
    assert load_policy(project).version == 1
    assert run(keys_command, "trust", "bob", "--role", "approver", "--yes")[0] == 0
    assert load_policy(project).named("bob").roles == ("approver",)
    assert run(keys_command, "revoke", "bob", "--reason", "left", "--yes")[0] == 0
    assert load_policy(project).named("bob").revoked.at_size == 13
    assert run(verify_command)[0] == 0


def test_a_key_that_may_do_less_from_now_on_leaves_the_history_sound(project):
    for words in (["ci", "--role", "executor", "--role", "log", "--builder", "https://example.org/*"], ["you", "--role", "root"]):
        status, _, said = run(keys_command, "trust", *words, "--yes")
        assert (status, "the first 13 records of the checkpoint are judged as before" in said) == (0, True)
    assert run(verify_command)[0] == 0
    assert load_policy(project).named("you").roles == ("root",)
    # What is not in the checkpoint is judged by what holds now.
    for name in ("checkpoint", "leaves.txt"):
        (project / "artifacts" / "exports" / name).unlink()
    status, shown, _ = run(verify_command)
    assert (status, "E_ROLE" in shown, "E_BUILDER" in shown) == (1, True, True)


def test_what_limits_a_key_is_listed(project):
    words = ["--role", "approver", "--builder", "https://example.org/*", "--valid-from", "2026-01-01T00:00:00.000Z"]
    assert run(keys_command, "trust", "ann", *words, "--valid-until", "2027-01-01T00:00:00.000Z", "--yes")[0] == 0
    (line,) = [line for line in run(keys_command, "list")[1].splitlines() if line.startswith("ann")]
    said = "valid from 2026-01-01T00:00:00.000Z; valid until 2027-01-01T00:00:00.000Z; expected in https://example.org/*"
    assert said in line


def test_a_key_that_may_do_more_asks_for_no_checkpoint(project):
    status, _, said = run(keys_command, "trust", "ann", "--role", "approver", "--role", "auditor", "--yes")
    assert (status, "judged as before" in said) == (0, False)
    assert load_policy(project).named("ann") == TrustedKey("ann", ANN.key, ("approver", "auditor"))
    assert (load_policy(project).since_size, load_policy(project).earlier) == (0, ())


def test_a_rotated_key_leaves_the_history_sound(project):
    for name in ("ci", "you"):
        assert run(keys_command, "rotate", name, "--yes")[0] == 0
    assert run(verify_command)[0] == 0
    assert load_policy(project).version == 3
    assert keyfiles.read_private_key(project / ".planloom" / "ci.pem").key == load_policy(project).named("ci").key
    status, shown, _ = run(keys_command, "show", "you")
    assert status == 0
    assert load_policy(project).named("you").key.public.hex() in shown


@pytest.mark.parametrize("is_in_git", [False, True])
def test_a_rotation_ends_in_one_next_command_and_speaks_of_github_only_in_git(project, is_in_git):
    if is_in_git:
        (project / ".git").mkdir()
    status, _, told = run(keys_command, "rotate", "ci", "--yes")
    assert (status, told.count("Next: ")) == (0, 1), told
    assert ("init --github" in told) == is_in_git
    assert told.rstrip().splitlines()[-1].endswith("git commit" if is_in_git else "planloom keys list")


def test_more_approvals_are_asked_for_and_what_was_approved_before_still_counts(project):
    status, _, said = run(keys_command, "rules", "--threshold", "approver=2", "--allow-self-approval", "--yes")
    assert status == 0
    assert "approver: 2 signatures instead of 1" in said
    assert "the first 13 records of the checkpoint are judged as before" in said
    assert run(verify_command)[0] == 0
    assert "signatures needed: approver 2; people may approve their own work" in run(keys_command, "list")[1]
    listed = json.loads(run(keys_command, "list", "--format", "json")[1])
    assert (listed["thresholds"], listed["allowSelfApproval"]) == ({"approver": 2, "root": 1}, True)


def test_two_roots_sign_a_change_one_after_the_other(project):
    keyfiles.write_private_key(project / ".planloom" / "ann.pem", ANN)
    assert run(keys_command, "trust", "ann", "--role", "approver", "--role", "root", "--yes")[0] == 0
    status, shown, said = run(keys_command, "rules", "--threshold", "root=2", "--yes")
    assert (status, "1 more root signature must follow before it counts" in shown, "planloom keys sign" in said) == (
        0,
        True,
        True,
    )
    assert (run(verify_command)[0], run(keys_command, "list")[0]) == (1, 4)
    assert run(keys_command, "sign", "--yes")[0] == 3
    (project / ".planloom" / "ann.pem").replace(project / ".planloom" / "you.pem")
    assert run(keys_command, "sign", given="n\n")[0] == 130
    status, shown, said = run(keys_command, "sign", "--yes", "--format", "json")
    assert (status, json.loads(shown)["lacking"], "root: 2 signatures instead of 1" in said) == (0, 0, True)
    assert run(verify_command)[0] == 0
    assert load_policy(project).root_threshold == 2


def test_an_encrypted_key_is_followed_by_an_encrypted_one(project, monkeypatch):
    path = project / ".planloom" / "ci.pem"
    path.write_bytes(CI.to_pem("open sesame"))
    monkeypatch.setenv(keyfiles.VARIABLE_PASSPHRASE, "open sesame")
    assert run(keys_command, "rotate", "ci", "--yes")[0] == 0
    assert keyfiles.is_encrypted(path.read_bytes())
    assert keyfiles.read_private_key(path, "open sesame").key == load_policy(project).named("ci").key


def test_a_file_whose_name_steers_terminals_is_told_without_steering_one(project):
    name = "\x1b[2J\x9b2J\nVerified. All is well.\x07"
    (project / "artifacts/claims/release-1/build" / name).write_bytes(b"")
    status, shown, _ = run(verify_command)
    assert (status, "E_FOREIGN" in shown) == (1, True)
    assert not [c for c in shown if c != "\n" and not " " <= c < "\x7f"]
    assert not [line for line in shown.splitlines() if line.startswith("Verified")]


def test_without_the_root_key_nothing_changes(project):
    (project / ".planloom" / "you.pem").unlink()
    run(keys_command, "new", "bob")
    assert run(keys_command, "trust", "bob", "--role", "approver", "--yes")[0] == 4
    (project / ".planloom" / "ci.pem").rename(project / ".planloom" / "you.pem")
    status, _, said = run(keys_command, "trust", "bob", "--role", "approver", "--yes")
    assert (status, "is no root key" in said) == (4, True)
    assert load_policy(project).version == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["show", "nobody"], 2),
        (["new", "Not A Name"], 2),
        (["new", "ci"], 2),
        (["trust", "Not A Name", "--role", "approver"], 2),
        (["trust", "bob", "zz", "--role", "approver"], 4),
        (["revoke", "nobody", "--reason", "x", "--yes"], 2),
        (["rotate", "nobody", "--yes"], 2),
        (["rules"], 2),
        (["rules", "--threshold", "approver", "--yes"], 2),
        (["rules", "--threshold", "approver=many", "--yes"], 2),
        (["rules", "--threshold", "approver=0", "--yes"], 2),
        (["rules", "--threshold", "root=2", "--yes"], 2),
        (["rules", "--forbid-self-approval", "--yes"], 2),
        (["sign", "--yes"], 3),
    ],
)
def test_requests_that_make_no_sense_are_refused_with_words(project, words, status):
    assert run(keys_command, *words)[0] == status
    assert load_policy(project).version == 1
