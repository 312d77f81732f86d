"""What a change of the policy left half done: who counts it, who finishes it, and when it counts for nothing."""

import json
import os
import shutil

import pytest

from planloom.core.errors import StoreError, TrustError
from planloom.scaffold.project import lay_down
from planloom.trust import policyjournal
from planloom.trust.gather import read_history
from planloom.trust.keyfiles import CI, find_signing_key, read_private_key
from planloom.trust.keyring import change_policy, changing_policy, rotate_key
from planloom.trust.keys import PrivateKey
from planloom.trust.policyfiles import load_policy, read_trust_files
from planloom.trust.policyjournal import JOURNAL_PATH, Renaming, finish_left, put_in_force
from worlds import Variables

FRESH = PrivateKey.from_seed(b"f" * 32)


@pytest.fixture
def project(tmp_path):
    """A project in which the rotation of ci was cut off in the moment at which it counted."""
    root = tmp_path / "demo"
    lay_down(root, "none")
    files, policy = read_trust_files(root), load_policy(root)
    you = read_private_key(root / ".planloom/you.pem")
    signing = change_policy(files, rotate_key(policy, "ci", FRESH.key, "2030-01-01T00:00:00.000Z"), [you])
    (root / ".planloom/ci.new.pem").write_bytes(FRESH.to_pem())
    (root / ".planloom/ci.new.pem").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch, changing_policy(root, files):
        patch.setattr(os, "replace", refuse)
        with pytest.raises(StoreError, match="counts here"):
            put_in_force(root, signing.changes, [Renaming("ci", "ci-old")])
    return root


def refuse(*names):
    raise OSError(28, os.strerror(28), names[0])


def below(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_who_only_reads_counts_it_and_writes_nothing(project):
    before = below(project)
    assert load_policy(project).version == 2
    assert json.loads(read_history(project).files["specs/trust/policy.json"])["version"] == 2
    assert not [path for path in read_history(project).files if path.endswith(".new")]
    assert read_history(project).notes[0].startswith("a change of the trust policy was cut off: it counts here")
    assert below(project) == before


def test_who_looks_for_a_key_finishes_it_and_finds_the_one_that_the_policy_names(project):
    assert find_signing_key(CI, project, Variables({})).key == FRESH.key
    assert not (project / JOURNAL_PATH).exists()
    assert (project / ".planloom/ci-old.pem").exists()
    finish_left(project)
    assert read_private_key(project / ".planloom/ci.pem").key == FRESH.key


@pytest.mark.parametrize("renamed", [1, 2])
def test_finishing_twice_takes_no_key_for_the_old_one_that_is_the_new_one(project, renamed):
    keys = project / ".planloom"
    old = read_private_key(keys / "ci.pem").key
    for name, other in [("ci.pem", "ci-old.pem"), ("ci.new.pem", "ci.pem")][:renamed]:
        (keys / name).rename(keys / other)
    finish_left(project)
    assert read_private_key(keys / "ci.pem").key == FRESH.key
    assert read_private_key(keys / "ci-old.pem").key == old


def test_once_another_policy_lies_there_it_counts_for_nothing_and_writes_nothing(project, tmp_path):
    lay_down(tmp_path / "other", "none")
    shutil.rmtree(project / "specs/trust")
    shutil.copytree(tmp_path / "other/specs/trust", project / "specs/trust")
    assert load_policy(project) == load_policy(tmp_path / "other")
    finish_left(project)
    assert not (project / JOURNAL_PATH).exists()
    assert load_policy(project) == load_policy(tmp_path / "other")
    assert below(project / "specs/trust") == below(tmp_path / "other/specs/trust")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("files", {"../elsewhere": "AAAA"}),
        ("files", {"specs/demo.yaml": "AAAA"}),
        ("files", {"specs/trust/../../x.json": "AAAA"}),
        ("files", {"specs/trust/policy.json": 1}),
        ("keys", [["../you", ""]]),
        ("keys", [["you", "/tmp/x"]]),
        ("keys", [["you", "x", "y"]]),
        ("files", []),
    ],
)
def test_one_that_names_anything_but_the_policys_files_and_keys_is_refused(project, part, value):
    path = project / JOURNAL_PATH
    path.write_text(json.dumps(json.loads(path.read_text()) | {part: value}, sort_keys=True, separators=(",", ":")))
    before = below(project)
    for use in (load_policy, finish_left, read_history):
        with pytest.raises(TrustError, match="can't be read") as caught:
            use(project)
        assert caught.value.hint.startswith(f"rm {policyjournal.JOURNAL_PATH}")
    assert below(project) == before


def test_a_key_that_lies_where_a_new_project_would_put_one_is_never_overwritten(project):
    path = project / JOURNAL_PATH
    change = json.loads(path.read_text()) | {"keys": [["ci", ""]]}
    path.write_text(json.dumps(change, sort_keys=True, separators=(",", ":")))
    mine = (project / ".planloom/ci.pem").read_bytes()
    finish_left(project)
    assert (project / ".planloom/ci.pem").read_bytes() == mine
