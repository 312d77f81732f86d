"""Real processes that change one trust policy, or begin one project: nothing that was reported as signed is lost."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import pytest

from planloom.trust.keyfiles import read_private_key
from planloom.trust.keyring import PolicyMoved, change_policy, changing_policy
from planloom.trust.policy import Revocation
from planloom.trust.policyfiles import load_policy, read_trust_files
from planloom.trust.policyjournal import LOCK_PATH, policy_lock, put_in_force, settled


def start(folder, *words):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLANLOOM_")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "planloom", *words], cwd=folder, env=environment, text=True, **pipes)


def finish(process, given=None):
    with process:
        out, err = process.communicate(given, timeout=100)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def check(folder, *words):
    status, out, err = finish(start(folder, *words))
    assert status == 0, err
    return out


@pytest.fixture
def project(tmp_path):
    """A project, with keys a to d that its policy does not know yet."""
    check(tmp_path, "init", "shop")
    for name in "abcd":
        check(tmp_path / "shop", "keys", "new", name)
    return tmp_path / "shop"


def test_keys_that_are_trusted_at_once_are_all_trusted_and_each_in_a_version_of_its_own(project):
    changes = [start(project, "keys", "trust", name, "--role", "approver", "--yes") for name in "abcd"]
    readers = [start(project, "verify") for _ in range(2)]
    ends = [finish(change) for change in changes]
    assert [status for status, _, _ in ends] == [0, 0, 0, 0], ends
    versions = {out.splitlines()[-1] for _, out, _ in ends}
    assert versions == {f"Signed: specs/trust/policy.json, version {number}" for number in (2, 3, 4, 5)}
    assert {"a", "b", "c", "d"} <= {key.name for key in load_policy(project).keys}
    # Who reads meanwhile sees one version or another, whole.
    assert [finish(reader)[0] for reader in readers] == [0, 0]


def test_a_revocation_beside_another_change_stays_signed(project):
    check(project, "keys", "trust", "a", "--role", "approver", "--yes")
    both = [
        start(project, "keys", "revoke", "a", "--reason", "left", "--yes"),
        start(project, "keys", "trust", "b", "--role", "approver", "--yes"),
    ]
    ends = [finish(change) for change in both]
    assert [status for status, _, _ in ends] == [0, 0], ends
    policy = load_policy(project)
    assert policy.version == 4
    assert policy.named("a").revoked == Revocation(0, "left")
    assert policy.named("b").revoked is None


def test_what_a_person_agreed_to_is_not_signed_over_another_version_than_they_saw(project):
    asked = start(project, "keys", "trust", "a", "--role", "approver")
    said = ""
    while "Sign this?" not in said:
        said += asked.stderr.read(1) or pytest.fail(said)
    check(project, "keys", "trust", "b", "--role", "approver", "--yes")
    status, out, err = finish(asked, "y\n")
    assert (status, out) == (3, "")
    assert "the trust policy was changed by somebody else meanwhile: this change was not signed" in err
    assert "planloom keys list" in err.splitlines()[-1]
    policy = load_policy(project)
    assert (policy.version, policy.named("a")) == (2, None)
    assert policy.named("b") is not None


def test_two_rotations_at_once_leave_the_key_that_the_policy_trusts_in_its_place(project):
    ends = [finish(rotation) for rotation in [start(project, "keys", "rotate", "ci", "--yes") for _ in range(2)]]
    assert [status for status, _, _ in ends] == [0, 0], ends
    policy = load_policy(project)
    assert policy.version == 3
    assert read_private_key(project / ".planloom/ci.pem").key == policy.named("ci").key
    assert not (project / ".planloom/ci.new.pem").exists()


def test_a_change_of_a_version_that_is_gone_is_refused_and_writes_nothing(project):
    you, ci = (read_private_key(project / f".planloom/{name}.pem") for name in ("you", "ci"))
    seen = read_trust_files(project)
    changed = load_policy(project).named("ci")._replace(roles=("executor",))
    signing = change_policy(seen, (changed,), [you])
    with changing_policy(project, seen):
        put_in_force(project, signing.changes)
    written = read_trust_files(project)
    with pytest.raises(PolicyMoved), changing_policy(project, seen):
        pytest.fail("the block ran")
    assert read_trust_files(project) == written
    assert ci.key == load_policy(project).named("ci").key


def test_nobody_writes_while_the_policy_is_read_and_nobody_else_while_it_is_written(project):
    for holding, refused in ((settled, fcntl.LOCK_EX), (policy_lock, fcntl.LOCK_SH)):
        with holding(project), (project / LOCK_PATH).open("r+b") as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, refused | fcntl.LOCK_NB)


def test_the_policy_is_read_where_no_lock_can_be_had(project):
    (project / LOCK_PATH).unlink()
    assert load_policy(project).version == 1
    assert not (project / LOCK_PATH).exists()


def test_projects_that_are_begun_at_once_in_one_folder_are_one_project(tmp_path):
    ends = [finish(begun) for begun in [start(tmp_path, "init") for _ in range(3)]]
    assert [status for status, _, _ in ends] == [0, 0, 0], ends
    assert sorted(".planloom/you.pem" in out for _, out, _ in ends) == [False, False, True]
    assert read_private_key(tmp_path / ".planloom/you.pem").key == load_policy(tmp_path).named("you").key
    check(tmp_path, "run")
