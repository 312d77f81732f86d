"""Changing the trust policy: new keys, revocation, rotation; each change is signed by the root, before and after."""

import pytest

from planloom.core.errors import Conflict, InputError, TrustError
from planloom.trust import keys
from planloom.trust.keyring import change_policy, revoke_key, rotate_key, trust_key, write_trust_files
from planloom.trust.policy import ROOT, Revocation, TrustedKey, new_policy
from planloom.trust.policyfiles import load_policy, open_policy, policy_files, read_trust_files

YOU, CI, ANN, NEW = (keys.PrivateKey.from_seed(c * 32) for c in (b"y", b"c", b"a", b"n"))
NOW = "2027-01-01T00:00:00.000Z"


@pytest.fixture
def policy():
    return new_policy(YOU.key, CI.key)


@pytest.fixture
def files(policy):
    return {p: c for p, c in policy_files(policy, [YOU]).items() if c is not None}


def after(files, changed, signers):
    changes = change_policy(files, changed, signers)
    return {p: c for p, c in (files | changes).items() if c is not None}


def test_a_key_taken_in_may_do_what_its_roles_say(policy, files):
    changed = trust_key(policy, TrustedKey("ann", ANN.key, ("approver", "approver")))
    now = open_policy(after(files, changed, [YOU])).current
    assert now.named("ann").roles == ("approver",)
    assert now.may(ANN.key_id, "approved")
    assert not now.may(ANN.key_id, "claimed")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (TrustedKey("Ann", ANN.key, ("approver",)), InputError),
        (TrustedKey("ann", ANN.key, ("Approver",)), InputError),
        (TrustedKey("ann", ANN.key, ()), InputError),
        (TrustedKey("you", ANN.key, ("approver",)), Conflict),
        (TrustedKey("you-too", YOU.key, ("approver",)), Conflict),
    ],
)
def test_a_key_that_can_not_be_taken_in_is_refused(policy, wanted, error):
    with pytest.raises(error):
        trust_key(policy, wanted)


def test_a_revoked_key_can_not_be_trusted_again(policy):
    revoked = policy.named("ci")._replace(revoked=Revocation(3, "lost"))
    with pytest.raises(Conflict):
        trust_key(policy._replace(keys=(revoked, policy.named("you"))), TrustedKey("ci", CI.key, ("executor",)))


def test_only_the_root_changes_the_policy(policy, files):
    changed = trust_key(policy, TrustedKey("ann", ANN.key, ("root",)))
    for signers in ([CI], [ANN], []):
        with pytest.raises(TrustError) as caught:
            change_policy(files, changed, signers)
        assert "you" in caught.value.hint


def test_the_last_root_key_is_not_revoked(policy):
    with pytest.raises(Conflict, match="last root key"):
        revoke_key(policy, "you", 0, "lost")


def test_a_revocation_needs_a_reason_and_a_key(policy):
    with pytest.raises(InputError):
        revoke_key(policy, "ci", 0, " ")
    with pytest.raises(InputError, match="no key 'nobody'"):
        revoke_key(policy, "nobody", 0, "x")


def test_revoking_twice_is_refused(policy):
    once = policy._replace(keys=(*revoke_key(policy, "ci", 3, "lost"), policy.named("you")))
    with pytest.raises(Conflict, match="revoked already"):
        revoke_key(once, "ci", 5, "again")


def test_a_rotated_key_keeps_what_the_old_one_signed(policy, files):
    now = open_policy(after(files, rotate_key(policy, "ci", NEW.key, NOW), [YOU])).current
    old = now.find(CI.key_id)
    assert now.named("ci").key == NEW.key
    assert (old.name, old.valid_until, old.roles) == (f"ci-{CI.key_id[:8]}", NOW, ("executor", "log"))
    assert not old.is_valid_at("2027-01-02T00:00:00.000Z")


def test_a_rotated_root_signs_with_both_keys_and_the_old_one_is_root_no_more(policy, files):
    changed = rotate_key(policy, "you", NEW.key, NOW)
    with pytest.raises(TrustError):
        change_policy(files, changed, [YOU])
    chain = open_policy(after(files, changed, [YOU, NEW]))
    assert [k.name for k in chain.current.holders(ROOT)] == ["you"]
    assert chain.current.named("you").key == NEW.key
    # Whoever pinned the old root still recognises what follows from it.
    assert chain.anchored_by([YOU.key_id])
    assert chain.anchored_by([policy.root_digest])
    assert chain.anchored_by([NEW.key_id])


def test_a_revoked_key_is_rotated_without_coming_back(policy, files):
    files = after(files, revoke_key(policy, "ci", 3, "stolen"), [YOU])
    now = open_policy(files).current
    rotated = open_policy(after(files, rotate_key(now, "ci", NEW.key, NOW), [YOU])).current
    assert rotated.find(CI.key_id).revoked == Revocation(3, "stolen")
    assert rotated.named("ci").revoked is None


def test_what_is_written_is_what_is_loaded(tmp_path, policy, files):
    write_trust_files(tmp_path, files)
    assert load_policy(tmp_path) == policy
    changes = change_policy(read_trust_files(tmp_path), trust_key(policy, TrustedKey("ann", ANN.key, ("approver",))), [YOU])
    write_trust_files(tmp_path, changes)
    assert load_policy(tmp_path).version == 2
    assert min(p.name for p in (tmp_path / "specs/trust/history").iterdir()) == "000001.json"
    assert not list(tmp_path.rglob("*.new"))
