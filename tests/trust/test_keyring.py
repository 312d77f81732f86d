"""Changing the trust policy: new keys, revocation, rotation; each change is signed by the root, before and after."""

import pytest

from planloom.core.errors import Conflict, InputError, TrustError
from planloom.trust import keys
from planloom.trust.keyring import Rules, change_policy, revoke_key, rotate_key, sign_policy, trust_key
from planloom.trust.policy import ROOT, Revocation, TrustedKey, new_policy
from planloom.trust.policyfiles import load_policy, open_policy, policy_files, read_trust_files
from planloom.trust.policyjournal import policy_lock, put_in_force

YOU, CI, ANN, NEW = (keys.PrivateKey.from_seed(c * 32) for c in (b"y", b"c", b"a", b"n"))
NOW = "2027-01-01T00:00:00.000Z"


@pytest.fixture
def policy():
    return new_policy(YOU.key, CI.key)


@pytest.fixture
def files(policy):
    return {p: c for p, c in policy_files(policy, [YOU]).items() if c is not None}


def after(files, changed, signers):
    changes = change_policy(files, changed, signers).changes
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
        (TrustedKey("you.new", ANN.key, ("approver",)), InputError),
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


def test_revoking_twice_from_the_same_place_on_is_refused(policy):
    once = policy._replace(keys=(*revoke_key(policy, "ci", 3, "lost"), policy.named("you")))
    with pytest.raises(Conflict, match="revoked already"):
        revoke_key(once, "ci", 3, "again")
    assert revoke_key(once, "ci", 5, "again")[0].revoked == (5, "again")


def test_a_rotated_key_keeps_what_the_old_one_signed(policy, files):
    now = open_policy(after(files, rotate_key(policy, "ci", NEW.key, NOW), [YOU])).current
    old = now.find(CI.key_id)
    assert now.named("ci").key == NEW.key
    assert (old.name, old.valid_until, old.roles) == (f"ci-{CI.key_id[:8]}", NOW, ("executor", "log"))
    assert not old.is_valid_at("2027-01-02T00:00:00.000Z")


def test_a_rotated_root_signs_with_both_keys_and_the_old_one_is_root_no_more(policy, files):
    changed = rotate_key(policy, "you", NEW.key, NOW)
    half = after(files, changed, [YOU])
    with pytest.raises(TrustError):
        open_policy(half)
    assert sign_policy(half, NEW).lacking == 0
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
    with policy_lock(tmp_path):
        put_in_force(tmp_path, files)
    assert load_policy(tmp_path) == policy
    changes = change_policy(read_trust_files(tmp_path), trust_key(policy, TrustedKey("ann", ANN.key, ("approver",))), [YOU])
    with policy_lock(tmp_path):
        put_in_force(tmp_path, changes.changes)
    assert load_policy(tmp_path).version == 2
    assert min(p.name for p in (tmp_path / "specs/trust/history").iterdir()) == "000001.json"
    assert not list(tmp_path.rglob("*.new"))


@pytest.fixture
def two_roots(policy, files):
    """A policy whose changes two of two roots must sign."""
    files = after(files, trust_key(policy, TrustedKey("ann", ANN.key, ("approver", "root"))), [YOU])
    signing = change_policy(files, (), [YOU], rules=Rules({"root": 2}))
    assert signing.lacking == 1
    return kept(files, signing.changes)


def kept(files, changes):
    return {p: c for p, c in (files | changes).items() if c is not None}


def test_a_change_that_several_roots_must_sign_counts_from_the_last_signature_on(two_roots):
    with pytest.raises(TrustError, match="wants 2") as caught:
        open_policy(two_roots)
    assert (caught.value.code, "planloom keys sign" in caught.value.hint) == ("E_ROOT", True)
    signing = sign_policy(two_roots, ANN)
    assert signing.lacking == 0
    policy = open_policy(kept(two_roots, signing.changes)).current
    assert (policy.version, policy.root_threshold) == (3, 2)


def test_signing_again_or_as_a_stranger_adds_nothing(two_roots):
    with pytest.raises(Conflict, match="signed version 3 of the policy already"):
        sign_policy(two_roots, YOU)
    for stranger in (CI, NEW):
        with pytest.raises(TrustError) as caught:
            sign_policy(two_roots, stranger)
        assert caught.value.code == "E_ROLE"


def test_one_root_of_two_takes_nobody_in_alone(two_roots):
    files = kept(two_roots, sign_policy(two_roots, ANN).changes)
    policy = open_policy(files).current
    signing = change_policy(files, trust_key(policy, TrustedKey("eve", NEW.key, ("root",))), [YOU, NEW])
    assert signing.lacking == 1
    with pytest.raises(TrustError):
        open_policy(kept(files, signing.changes))


def test_the_signature_of_another_version_does_not_count_for_a_draft(two_roots):
    files = kept(two_roots, sign_policy(two_roots, ANN).changes)
    policy = open_policy(files).current
    draft = kept(files, change_policy(files, trust_key(policy, TrustedKey("eve", NEW.key, ("approver",))), [YOU]).changes)
    old = next(c for p, c in files.items() if ANN.key_id[:8] in p and "history" not in p)
    with pytest.raises(TrustError, match="signs another version"):
        open_policy(draft | {f"specs/trust/policy.json.{ANN.key_id[:8]}.sig.json": old})


@pytest.mark.parametrize("rules", [Rules({"root": 2}), Rules({"approver": 0}), Rules({"Not a role": 1})])
def test_a_rule_that_could_never_be_kept_is_refused(files, rules):
    with pytest.raises(InputError):
        change_policy(files, (), [YOU], rules=rules)


def test_self_approval_is_allowed_and_forbidden_by_a_rule(files):
    allowed = kept(files, change_policy(files, (), [YOU], rules=Rules(allow_self_approval=True)).changes)
    assert open_policy(allowed).current.allow_self_approval
    again = kept(allowed, change_policy(allowed, (), [YOU], rules=Rules({"approver": 2}, allow_self_approval=False)).changes)
    now = open_policy(again).current
    assert (now.allow_self_approval, now.thresholds) == (False, {"approver": 2, "root": 1})
