"""The checkpoint: what it commits to, and that it is never signed over a loss."""

import base64

import pytest

from planloom.core.errors import TrustError
from planloom.records import merkle
from planloom.trust import checkpoint, keys, note
from planloom.trust.policy import Revocation, new_policy

YOU = keys.PrivateKey.from_seed(b"y" * 32)
CI = keys.PrivateKey.from_seed(b"c" * 32)
POLICY = new_policy(YOU.key, CI.key)
ORIGIN = "example.org/acme/demo/planloom"


def records(count):
    return {f"artifacts/claims/release-1/build/{i:06d}.json": b"record %d" % i for i in range(1, count + 1)}


def test_a_checkpoint_commits_to_every_record():
    head, leaves = checkpoint.build_checkpoint(records(5), b"", ORIGIN, CI)
    opened, signer = checkpoint.open_checkpoint(head, POLICY)
    assert (opened.origin, opened.size, signer.name) == (ORIGIN, 5, "ci")
    assert opened.root == merkle.tree_hash(records(5).values())
    assert [leaf.path for leaf in checkpoint.open_leaves(opened, leaves)] == list(records(5))


def test_only_records_are_leaves():
    others = {
        "artifacts/README.md": b"",
        "artifacts/work-items/release-1/_item/000001/plan.json": b"",
        "artifacts/exports/portfolio.json": b"",
        "artifacts/schedule/release-1.json": b"",
    }
    _, leaves = checkpoint.build_checkpoint(records(2) | others, b"", ORIGIN, CI)
    assert len(checkpoint.parse_leaves(leaves)) == 2


def test_new_records_go_to_the_end_whatever_their_names():
    _, before = checkpoint.build_checkpoint(records(3), b"", ORIGIN, CI)
    more = records(3) | {"artifacts/claims/a-1/a/000001.json": b"first by name"}
    _, after = checkpoint.build_checkpoint(more, before, ORIGIN, CI)
    assert after.startswith(before)
    assert after.endswith(b"artifacts/claims/a-1/a/000001.json\n")


def test_the_same_records_give_the_same_bytes():
    first = checkpoint.build_checkpoint(records(4), b"", ORIGIN, CI)
    assert checkpoint.build_checkpoint(dict(reversed(records(4).items())), first[1], ORIGIN, CI) == first


@pytest.mark.parametrize(("change", "code"), [(None, "E_TRUNCATED"), (b"other", "E_FORK")])
def test_a_loss_is_never_signed(change, code):
    _, leaves = checkpoint.build_checkpoint(records(3), b"", ORIGIN, CI)
    fewer = records(3)
    path = fewer.popitem()[0]
    if change:
        fewer[path] = change
    with pytest.raises(TrustError) as caught:
        checkpoint.build_checkpoint(fewer, leaves, ORIGIN, CI)
    assert caught.value.code == code
    assert path in caught.value.message


def test_no_changed_bit_of_a_checkpoint_or_its_leaves_is_missed():
    head, leaves = checkpoint.build_checkpoint(records(3), b"", ORIGIN, CI)
    for at in range(len(head)):
        for bit in range(8):
            flipped = bytearray(head)
            flipped[at] ^= 1 << bit
            with pytest.raises(TrustError):
                checkpoint.open_checkpoint(bytes(flipped), POLICY)
    opened, _ = checkpoint.open_checkpoint(head, POLICY)
    whole = checkpoint.parse_leaves(leaves)
    for at in range(len(leaves)):
        for bit in range(8):
            flipped = bytearray(leaves)
            flipped[at] ^= 1 << bit
            try:
                found = checkpoint.open_leaves(opened, bytes(flipped))
            except TrustError:
                continue
            # Only a path may differ, which the verifier compares with the files.
            assert [leaf.hash for leaf in found] == [leaf.hash for leaf in whole]
            assert found != whole


def test_another_key_or_role_can_not_sign_a_checkpoint():
    for signer, code in ((YOU, "E_ROLE"), (keys.generate(), "E_SIGNATURE")):
        head, _ = checkpoint.build_checkpoint(records(1), b"", ORIGIN, signer)
        with pytest.raises(TrustError) as caught:
            checkpoint.open_checkpoint(head, POLICY)
        assert caught.value.code == code


def test_a_revoked_key_s_checkpoints_count_up_to_the_size_of_its_revocation():
    ci = POLICY.named("ci")._replace(revoked=Revocation(2, "gone"))
    revoked = POLICY._replace(keys=(ci, POLICY.named("you")))
    for size, fine in ((1, True), (2, True), (3, False)):
        head, _ = checkpoint.build_checkpoint(records(size), b"", ORIGIN, CI)
        if fine:
            checkpoint.open_checkpoint(head, revoked)
        else:
            with pytest.raises(TrustError, match="revoked"):
                checkpoint.open_checkpoint(head, revoked)


def test_the_example_of_the_signed_note_specification_has_the_key_hash_we_compute():
    # c2sp.org/signed-note: the verifier key of its example.
    name, digits, encoded = "PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = keys.Key(base64.b64decode(encoded)[1:])
    assert note.key_hash(name, key).hex() == digits
    assert note.verifier_key(name, key) == f"{name}+{digits}+{encoded}"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signed = note.parse_note(f"{text}\n— {name} {signature}\n".encode())
    assert signed.is_by(key)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there"])
def test_a_name_that_would_break_a_note_is_refused(name):
    with pytest.raises(TrustError):
        note.sign_note("text\n", name, CI)
