"""Changing the trust policy: taking a key in, revoking one, replacing one. Each change is a new version, signed by the root."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from planloom.core.errors import Conflict, InputError, TrustError
from planloom.trust.policy import ROOT, Revocation, TrustedKey
from planloom.trust.policyfiles import (
    POLICY_PATH,
    open_policy,
    policy_files,
    read_held_trust_files,
    signature_path,
    statement,
)
from planloom.trust.policyformat import is_key_name, is_role, next_version
from planloom.trust.policyjournal import policy_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from planloom.trust.keys import Key, PrivateKey
    from planloom.trust.policy import Policy


def check_key_name(name: str) -> None:
    """Raise InputError unless `name` may name a key."""
    if not is_key_name(name):
        message = f"'{name}' can't name a key: lower-case letters, digits and '._@-' only, at most 63"
        raise InputError(message)
    if name.endswith(".new"):
        # There the key waits that replaces another, and what is left over there is removed.
        message = f"'{name}' can't name a key: {name}.pem is where a rotation of {name.removesuffix('.new')} puts the new one"
        raise InputError(message, hint="choose a name that does not end with .new")


def trust_key(policy: Policy, wanted: TrustedKey) -> tuple[TrustedKey, ...]:
    """Return the change that takes a key in, or changes what it may do.

    Raises: InputError for a bad name or role; Conflict when the name has another key, or the key another name.
    """
    check_key_name(wanted.name)
    bad = [role for role in wanted.roles if not is_role(role)]
    if bad or not wanted.roles:
        message = f"'{bad[0]}' can't name a role" if bad else "a key needs at least one role"
        raise InputError(message, hint="--role executor|approver|integrator|operator|log|root, or one of your own for gates")
    existing = policy.named(wanted.name)
    if existing is not None and existing.key != wanted.key:
        message = f"the policy has another key under the name {wanted.name} ({existing.key.key_id[:8]})"
        raise Conflict(message, hint=f"planloom keys rotate {wanted.name}   # replaces it; or choose another name")
    twin = policy.find(wanted.key.key_id)
    if twin is not None and twin.name != wanted.name:
        message = f"the policy knows this key as {twin.name}"
        raise Conflict(message, hint="one key has one name, so that a threshold counts distinct keys")
    if existing is not None and existing.revoked is not None:
        message = f"the key of {wanted.name} is revoked and can't be trusted again"
        raise Conflict(message, hint="planloom keys new NAME   # makes another")
    roles = tuple(sorted(set(wanted.roles)))
    return (wanted._replace(roles=roles),)


def revoke_key(policy: Policy, name: str, at_size: int, reason: str) -> tuple[TrustedKey, ...]:
    """Return the change that revokes a key from a checkpoint size on, or from another one than before. Raises: InputError, Conflict."""
    known = find_named(policy, name)
    if known.revoked is not None and known.revoked.at_size == at_size:
        message = f"the key of {name} is revoked already (from checkpoint size {known.revoked.at_size} on)"
        raise Conflict(message, hint="planloom keys list")
    if not reason.strip():
        raise InputError("why is it revoked?", hint="--reason TEXT is signed with the change")
    roots = [k for k in policy.holders(ROOT) if k.name != name]
    if ROOT in known.roles and len(roots) < policy.root_threshold:
        message = f"{name} is the last root key: without it nobody could sign a policy any more"
        raise Conflict(message, hint=f"planloom keys rotate {name}   # puts a new one in its place")
    return (known._replace(revoked=Revocation(at_size, reason)),)


def rotate_key(policy: Policy, name: str, fresh: Key, now: str) -> tuple[TrustedKey, ...]:
    """Return the change that puts a new key in the place of an old one.

    The old one stays, as `<name>-<8 digits>`, so that what it signed still verifies: valid until now, or revoked as it is. As a root it ends.
    Raises: InputError when there is no such key.
    """
    known = find_named(policy, name)
    roles = tuple(role for role in known.roles if role != ROOT)
    until = known.valid_until if known.revoked is not None else now
    old = known._replace(name=f"{name}-{known.key.key_id[:8]}", valid_until=until, roles=roles)
    return (known._replace(key=fresh, valid_from=now, valid_until="", revoked=None), old)


class Signing(NamedTuple):
    """A version that was signed: what to write (path → content, None for a file to remove), and how many root signatures it still lacks."""

    changes: dict[str, bytes | None]
    lacking: int


class Rules(NamedTuple):
    """What a change says beside keys: role → how many distinct keys must sign, and whether people may approve their own work; None leaves it."""

    thresholds: Mapping[str, int] = MappingProxyType({})
    allow_self_approval: bool | None = None

    def apply(self, policy: Policy) -> Policy:
        """Return a policy with these rules. Raises: InputError when they could never be kept."""
        for role, count in self.thresholds.items():
            if role == ROOT and count > len(policy.holders(ROOT)):
                message = f"{count} root signatures are wanted, and there are {len(policy.holders(ROOT))} root keys: nobody could change the policy"
                raise InputError(message, hint="planloom keys trust NAME FILE --role root")
            if not is_role(role) or count < 1:
                message = f"'{role}={count}' is no threshold"
                raise InputError(message, hint="--threshold ROLE=N, like approver=2")
        own = policy.allow_self_approval if self.allow_self_approval is None else self.allow_self_approval
        return policy._replace(thresholds={**policy.thresholds, **self.thresholds}, allow_self_approval=own)


def change_policy(
    files: Mapping[str, bytes],
    changed: Sequence[TrustedKey],
    signers: Sequence[PrivateKey],
    since_size: int = 0,
    rules: Rules = Rules(),  # noqa: B008 - a value that never changes
) -> Signing:
    """Return the next version of a project's policy, checked and signed as far as these signers can.

    Shape: `since_size` as `policyformat.next_version` takes it. Raises: TrustError when none of the signers is root, before and after the change.
    """
    policy = open_policy(files).current
    after = rules.apply(next_version(policy, changed, since_size))
    changes = policy_files(after, signers, files)
    result = {path: content for path, content in {**files, **changes}.items() if content is not None}
    names = ", ".join(k.name for k in policy.holders(ROOT))
    hint = f"{policy.root_threshold} of these must sign: {names}"
    try:
        chain = open_policy(result, draft=True)
    except TrustError as error:
        message = f"this key can't sign a change of the policy: {error.message.partition(': ')[2] or error.message}"
        raise TrustError(message, hint=hint, code=error.code) from error
    if not any(k.key.key_id in chain.signers[-1] for k in policy.holders(ROOT)):
        raise TrustError(
            "this key can't sign a change of the policy: it is no root key of the version before", hint=hint, code="E_ROOT"
        )
    return Signing(changes, chain.lacking)


def sign_policy(files: Mapping[str, bytes], signer: PrivateKey) -> Signing:
    """Return the signature of one more root key over the newest version.

    Raises: TrustError when the key is no root key of this version or the one before; Conflict when it has signed already.
    """
    chain = open_policy(files, draft=True)
    newest = chain.versions[-1]
    if not any(version.has_role(signer.key_id, ROOT) for version in chain.versions[-2:]):
        message = f"your key ({signer.key_id[:8]}) is no root key: only the root signs the trust policy"
        raise TrustError(message, hint=f"its root keys: {', '.join(k.name for k in newest.holders(ROOT))}", code="E_ROLE")
    if signer.key_id in chain.signers[-1]:
        message = f"you have signed version {newest.version} of the policy already"
        raise Conflict(message, hint=f"it lacks {chain.lacking} more" if chain.lacking else "planloom keys list")
    path = signature_path(signer.key_id)
    content = signer.seal(statement(newest, files[POLICY_PATH]))
    return Signing({path: content}, open_policy({**files, path: content}, draft=True).lacking)


class PolicyMoved(Conflict):
    """Somebody else changed the policy between the moment at which it was read and the one at which its next version was to be written."""


@contextlib.contextmanager
def changing_policy(root: Path, seen: Mapping[str, bytes]) -> Iterator[None]:
    """Let the block write the version that follows `seen`, the policy's files as they were read. Raises: PolicyMoved, StoreError.

    Guarantee: of two changes of the same version one is written and the other refused; none replaces another. The block calls
    `policyjournal.put_in_force`.
    """
    with policy_lock(root):
        if read_held_trust_files(root) != seen:
            message = "the trust policy was changed by somebody else meanwhile: this change was not signed"
            raise PolicyMoved(message, hint="planloom keys list   # what it says now; then repeat the command")
        yield


def find_named(policy: Policy, name: str) -> TrustedKey:
    """Return the key of that name. Raises: InputError when the policy has none."""
    known = policy.named(name)
    if known is None:
        names = ", ".join(k.name for k in policy.keys)
        message = f"the policy has no key '{name}'"
        raise InputError(message, hint=f"its keys: {names}")
    return known
