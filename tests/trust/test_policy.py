"""The trust policy: what it allows, how it is signed, how it changes."""

import pytest

from planloom.core.errors import TrustError
from planloom.records.bodies import FIELDS
from planloom.trust import keys, policyfiles, policyformat
from planloom.trust.policy import DEFAULT_EVENTS, PolicyError, Revocation, TrustedKey, authorise, new_policy
from worlds import Shape, World

YOU = keys.PrivateKey.from_seed(b"y" * 32)
CI = keys.PrivateKey.from_seed(b"c" * 32)
EVE = keys.PrivateKey.from_seed(b"e" * 32)


@pytest.fixture
def policy():
    return new_policy(YOU.key, CI.key)


@pytest.fixture
def files(policy):
    return applied({}, policyfiles.policy_files(policy, [YOU]))


def applied(files, changes):
    return {p: c for p, c in (files | changes).items() if c is not None}


def test_a_policy_reads_back_as_it_was_written(policy):
    ann = TrustedKey("ann", EVE.key, ("approver",), "2026-01-01T00:00:00.000Z", "", ("local",), Revocation(7, "lost her laptop"))
    bigger = policyformat.next_version(policy, [ann])
    for one in (policy, bigger):
        assert policyformat.parse_policy(policyformat.write_policy(one)) == one


def test_every_event_has_a_rule():
    assert set(FIELDS) <= set(DEFAULT_EVENTS)


@pytest.mark.parametrize(
    ("event", "you", "ci"),
    [
        ("claimed", False, True),
        ("approved", True, False),
        ("reverted", True, False),
        ("checkpoint", False, True),
        ("unknown", False, False),
    ],
)
def test_a_key_may_sign_what_its_roles_allow(policy, event, you, ci):
    assert (policy.may(YOU.key_id, event), policy.may(CI.key_id, event)) == (you, ci)
    assert not policy.may(EVE.key_id, event)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("  ", "    ", 1),
        lambda text: text + "\n",
        lambda text: text.replace('"version": 1', '"version": 1.0'),
        lambda text: text.replace('"version": 1', '"version": 0'),
        lambda text: text.replace('"version": 1', '"version": true'),
        lambda text: text.replace('"you"', '"\\u0079ou"'),
        lambda text: text.replace(CI.key.public.hex(), YOU.key.public.hex()),
        lambda text: text.replace(CI.key.public.hex(), "01" + "00" * 31),
        lambda text: text.replace('"root": 1', '"root": 2'),
        lambda text: text.replace('"allow-self-approval": false', '"allow-self-approval": 0'),
        lambda text: text.replace('"schema"', '"schema": "planloom/policy/v1",\n  "schema"'),
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "[" * 100_000,
    ],
)
def test_a_policy_in_another_form_is_refused(policy, change):
    text = policyformat.write_policy(policy).decode()
    assert change(text) != text
    with pytest.raises(PolicyError) as caught:
        policyformat.parse_policy(change(text).encode())
    assert caught.value.code == "E_POLICY"


def test_a_signed_policy_opens(files, policy):
    chain = policyfiles.open_policy(files)
    assert chain.current == policy
    assert chain.anchored_by([policy.root_digest])
    assert chain.anchored_by([YOU.key_id])
    assert not chain.anchored_by([CI.key_id])


def test_an_edited_policy_is_refused(files):
    files[policyfiles.POLICY_PATH] = files[policyfiles.POLICY_PATH].replace(
        b'"allow-self-approval": false', b'"allow-self-approval": true'
    )
    with pytest.raises(TrustError, match="another version"):
        policyfiles.open_policy(files)


def test_an_unsigned_policy_is_refused(policy):
    with pytest.raises(TrustError) as caught:
        policyfiles.open_policy({policyfiles.POLICY_PATH: policyformat.write_policy(policy)})
    assert caught.value.code == "E_ROOT"


def test_a_change_is_signed_and_the_old_version_kept(files, policy):
    second = policyformat.next_version(policy, [TrustedKey("eve", EVE.key, ("approver",))])
    files = applied(files, policyfiles.policy_files(second, [YOU], files))
    assert sorted(files) == [
        "specs/trust/history/000001.json",
        f"specs/trust/history/000001.json.{YOU.key_id[:8]}.sig.json",
        "specs/trust/policy.json",
        f"specs/trust/policy.json.{YOU.key_id[:8]}.sig.json",
    ]
    assert policyfiles.open_policy(files).versions == (policy, second)


def test_nobody_puts_themselves_into_the_root(files, policy):
    usurped = policyformat.next_version(policy, [TrustedKey("eve", EVE.key, ("root",))])
    with pytest.raises(TrustError) as caught:
        policyfiles.open_policy(applied(files, policyfiles.policy_files(usurped, [EVE], files)))
    assert caught.value.code == "E_ROOT"


def test_a_threshold_counts_distinct_keys(policy):
    roots = [policy.named("you"), TrustedKey("eve", EVE.key, ("root",))]
    two = policy._replace(keys=tuple(sorted((*roots, policy.named("ci")), key=lambda k: k.name)), thresholds={"root": 2})
    with pytest.raises(TrustError, match="signed by 1"):
        policyfiles.open_policy(applied({}, policyfiles.policy_files(two, [YOU, YOU])))
    assert policyfiles.open_policy(applied({}, policyfiles.policy_files(two, [YOU, EVE]))).current == two


def test_a_version_taken_out_of_the_middle_is_missed(files, policy):
    for name in ("ann", "bob"):
        key = keys.PrivateKey.from_seed(name[0].encode() * 32)
        policy = policyformat.next_version(policy, [TrustedKey(name, key.key, ("approver",))])
        files = applied(files, policyfiles.policy_files(policy, [YOU], files))
    assert len(policyfiles.open_policy(files).versions) == 3
    for number in (1, 2):
        fewer = {p: c for p, c in files.items() if not p.startswith(f"specs/trust/history/00000{number}")}
        with pytest.raises(TrustError):
            policyfiles.open_policy(fewer)


def test_a_file_that_belongs_to_no_version_is_refused(files):
    files["specs/trust/notes.json"] = b"{}"
    with pytest.raises(TrustError):
        policyfiles.open_policy(files)


@pytest.mark.parametrize(
    ("times", "said", "advised"),
    [
        (
            {"valid_from": "2027-01-01T00:00:00.000Z"},
            "it is valid from 2027-01-01T00:00:00.000Z on",
            "clock of the machine that signs",
        ),
        ({"valid_until": "2025-01-01T00:00:00.000Z"}, "it was valid until 2025-01-01T00:00:00.000Z", "planloom keys rotate ann"),
    ],
)
def test_a_record_from_before_a_keys_time_leads_to_the_clock_and_one_from_after_it_to_another_key(tmp_path, times, said, advised):
    world = World(tmp_path, Shape("a", gate=("approver", 1)))
    ann = world.policy.named("ann")._replace(**times)
    opened = world.open("demo-2").record
    with pytest.raises(TrustError) as caught:
        authorise(opened._replace(event="approved", at="2026-01-01T00:00:00.000Z"), ann, world.policy)
    assert caught.value.code == "E_KEY_EXPIRED"
    assert said in caught.value.message
    assert advised in caught.value.hint
