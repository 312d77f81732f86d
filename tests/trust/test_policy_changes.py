"""A change of the trust policy is told by what it means, and what weakens it comes first."""

import pytest

from planloom.trust.policy import Revocation, TrustedKey
from planloom.trust.policydiff import describe_changes
from trust.histories import ANN, CI, EVE, YOU, default_policy

POLICY = default_policy()


def with_key(**fields):
    return POLICY._replace(keys=(POLICY.named("ann")._replace(**fields), POLICY.named("ci"), POLICY.named("you")))


TIMED = with_key(valid_from="2026-01-01T00:00:00.000Z", valid_until="2026-06-01T00:00:00.000Z", builders=("a", "b"))


@pytest.mark.parametrize(
    ("before", "after", "text", "weakens"),
    [
        (POLICY, POLICY._replace(allow_self_approval=True), "people may approve their own work", True),
        (POLICY._replace(allow_self_approval=True), POLICY, "nobody approves", False),
        (POLICY, POLICY._replace(thresholds={"root": 2}), "root: 2 signatures instead of 1", False),
        (POLICY._replace(thresholds={"root": 2}), POLICY, "root: 1 signatures instead of 2", True),
        (
            POLICY,
            POLICY._replace(events=POLICY.events | {"approved": ("approver", "executor")}),
            "also be signed by executor",
            True,
        ),
        (POLICY, POLICY._replace(events=POLICY.events | {"closed": ("operator",)}), "no longer be signed by executor", False),
        (POLICY, with_key(roles=("approver", "root")), "may also act as root", True),
        (with_key(roles=("approver", "root")), POLICY, "may no longer act as root", False),
        (POLICY, with_key(key=EVE.key), "is another key", True),
        (POLICY, with_key(revoked=Revocation(3, "lost")), "is revoked from checkpoint size 3", False),
        (with_key(revoked=Revocation(3, "lost")), POLICY, "is no longer revoked", True),
        (with_key(revoked=Revocation(3, "lost")), with_key(revoked=Revocation(9, "lost")), "checkpoint size 9", True),
        (
            TIMED,
            TIMED._replace(keys=(TIMED.named("ann")._replace(valid_until=""), *TIMED.keys[1:])),
            "until further notice",
            True,
        ),
        (TIMED, TIMED._replace(keys=(TIMED.named("ann")._replace(builders=("a",)), *TIMED.keys[1:])), "expected in a", False),
        (TIMED, TIMED._replace(keys=(TIMED.named("ann")._replace(builders=()), *TIMED.keys[1:])), "any workflow", True),
        (POLICY, POLICY._replace(keys=POLICY.keys[1:]), "taken out", False),
        (POLICY, POLICY._replace(since_size=7), "before place 7 is judged by the version before too", False),
        (POLICY._replace(keys=POLICY.keys[1:]), POLICY, f"new key ann ({ANN.key_id[:8]}), may act as approver", True),
    ],
)
def test_a_change_is_told_by_what_it_means(before, after, text, weakens):
    changes = [change for change in describe_changes(before, after) if text in change.text]
    assert [change.weakens for change in changes] == [weakens]


def test_what_weakens_comes_first():
    after = POLICY._replace(keys=(*POLICY.keys[1:], TrustedKey("zoe", EVE.key, ("root",))))
    assert [change.weakens for change in describe_changes(POLICY, after)] == [True, False]


def test_the_same_policy_has_no_changes():
    assert describe_changes(POLICY, POLICY) == ()
    assert YOU.key != CI.key
