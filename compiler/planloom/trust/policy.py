"""The trust policy: whose keys there are and what each may sign.

`specs/trust/policy.json` is plain JSON in one fixed layout, reviewed like code. A key is never taken out of it: it is
revoked from a checkpoint size on, so that what it signed honestly before still verifies. Signatures of the
root over the policy, and its older versions, are `trust.policyfiles`'; its layout is `trust.policyformat`'s.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core import canonical
from planloom.core.errors import Difference, TrustError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.record import Record
    from planloom.trust.keys import Key

ROOT: Final = "root"
LOG: Final = "log"
CHECKPOINT: Final = "checkpoint"

KEY_ID: Final = "signatures[0].keyid"
SIGNATURE: Final = "signatures[0].sig"
"""Where in a file of ours the key is named, and where its signature stands."""

YOUR_ROLES: Final = ("approver", "integrator", "operator", "root")
CI_ROLES: Final = ("executor", "log")
ROLES: Final = tuple(sorted((*YOUR_ROLES, *CI_ROLES)))
"""The roles planloom gives a meaning; a policy may have more, for gates."""

_EXECUTOR: Final = ("executor",)
DEFAULT_EVENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "abandoned": ("executor", "operator"),
        "abandoned-override": ("operator",),
        "acquired": _EXECUTOR,
        "approved": ("approver",),
        "checkpoint": ("log",),
        "claimed": _EXECUTOR,
        "closed": ("executor", "operator"),
        "closed-stopped": ("operator",),
        "completed": _EXECUTOR,
        "failed": _EXECUTOR,
        "integrated": ("executor", "integrator"),
        "invalidated": ("approver", "integrator", "operator"),
        "migrated": ("operator",),
        "opened": ("executor", "operator"),
        "refused": _EXECUTOR,
        "rejected": ("approver",),
        "released": ("executor", "operator"),
        "retried": ("executor", "operator"),
        "reverted": ("integrator",),
        "superseded": _EXECUTOR,
    }
)
"""Who may sign what, unless the policy says otherwise: event → roles, any of which is enough."""


class PolicyError(TrustError):
    """A policy that can't be read, or is not signed as it must be; `code` is `E_POLICY` or `E_ROOT`."""


class Revocation(NamedTuple):
    """From which checkpoint size on a key's records no longer count, and why."""

    at_size: int
    reason: str


class TrustedKey(NamedTuple):
    """A key and what it may do.

    Shape: `name` is a person or a service; `valid_from` and `valid_until` are timestamps or ""; `builders` are patterns of which
    a record's `builder.id` must match one (`*` matches anything, none listed means no restriction).
    """

    name: str
    key: Key
    roles: tuple[str, ...]
    valid_from: str = ""
    valid_until: str = ""
    builders: tuple[str, ...] = ()
    revoked: Revocation | None = None

    def is_valid_at(self, moment: str) -> bool:
        """Return whether a timestamp lies in the time for which the key was meant."""
        return not (self.valid_from and moment < self.valid_from) and not (self.valid_until and moment > self.valid_until)


class Policy(NamedTuple):
    """One version of the policy.

    Shape: `version` counts from 1; `previous` is the SHA-256 of the file of the version before ("" for the first); `keys` are sorted by
    name; `events` maps an event to the roles that may sign it; `thresholds` says for a role how many distinct keys must
    sign (root: a policy; another role: a gate of that role, whatever its plan says); `since_size`: what the checkpoint has before this
    place is judged by the version before too, so that taking a right away breaks nothing that was signed while it was there. Not written down but
    put there by who reads the files: `sealed`, the places of records in the checkpoint (`trust.checkpoint`), and `earlier`, the versions before, newest first, () when none of
    them allows more than this one.
    """

    version: int
    previous: str
    keys: tuple[TrustedKey, ...]
    events: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, int]
    allow_self_approval: bool
    since_size: int = 0
    sealed: Mapping[bytes, int] = MappingProxyType({})
    earlier: tuple[Policy, ...] = ()

    def judges_of(self, position: int | None) -> Iterator[Policy]:
        """Yield the versions by which a record at this place in the checkpoint may be judged, this one first; any that allows it is enough.

        Shape: `position` is None for a record that no checkpoint covers: only this version judges it.
        """
        yield self
        bound = self.since_size
        for before in self.earlier:
            if position is None or position >= bound:
                return
            yield before
            bound = before.since_size

    @property
    def asks_for_places(self) -> bool:
        """Whether it matters where in the checkpoint a record stands: a key is revoked, or an earlier version allowed more."""
        return bool(self.earlier) or any(trusted.revoked is not None for trusted in self.keys)

    def is_narrower_than(self, before: Policy) -> bool:
        """Return whether a version before allowed something that this one does not."""
        from planloom.trust.policydiff import describe_changes

        return any(change.weakens for change in describe_changes(self, before))

    def find(self, key_id: str) -> TrustedKey | None:
        """Return the key with this id."""
        # A policy has few keys, and this is asked for every record: a plain loop is the quickest.
        for trusted in self.keys:
            if trusted.key.key_id == key_id:
                return trusted
        return None

    def named(self, name: str) -> TrustedKey | None:
        """Return the key with this name."""
        return next((k for k in self.keys if k.name == name), None)

    def holders(self, role: str) -> tuple[TrustedKey, ...]:
        """Return the keys with a role that are not revoked, by name."""
        return tuple(k for k in self.keys if role in k.roles and k.revoked is None)

    def may(self, key_id: str, event: str) -> bool:
        """Return whether a key has a role that may sign this event (`checkpoint` too); says nothing of validity or revocation."""
        trusted = self.find(key_id)
        return trusted is not None and any(role in trusted.roles for role in self.events.get(event, ()))

    def has_role(self, key_id: str, role: str) -> bool:
        """Return whether a key has a role."""
        trusted = self.find(key_id)
        return trusted is not None and role in trusted.roles

    def approvals_needed(self, role: str, wanted_by_plan: int) -> int:
        """Return how many distinct keys must approve a gate of this role."""
        return max(wanted_by_plan, self.thresholds.get(role, 1))

    @property
    def root_threshold(self) -> int:
        """How many distinct root keys must sign a version."""
        return self.thresholds.get(ROOT, 1)

    @property
    def root_digest(self) -> str:
        """What pins the trust root: SHA-256 over the root's public keys and threshold."""
        keys: list[canonical.Json] = [*sorted(k.key.public.hex() for k in self.keys if ROOT in k.roles)]
        return canonical.digest(canonical.encode({"keys": keys, "threshold": self.root_threshold}))


def new_policy(you: Key, ci: Key) -> Policy:
    """Return the policy of a new project: you decide, ci carries out."""
    keys = (TrustedKey("ci", ci, CI_ROLES), TrustedKey("you", you, YOUR_ROLES))
    return Policy(1, "", keys, dict(DEFAULT_EVENTS), {ROOT: 1}, allow_self_approval=False)


def event_rule(record: Record) -> str:
    """Return under which name of the event table a record falls: its event, or a stricter case of it."""
    if record.event == "abandoned" and getattr(record.body, "evidence", "") == "override":
        return "abandoned-override"
    if record.event == "closed" and getattr(record.body, "result", "") == "stopped":
        return "closed-stopped"
    return record.event


def authorise(record: Record, signer: TrustedKey, policy: Policy, position: int | None = None) -> None:
    """Check that a key may sign this record.

    Shape: `position` is the record's place in a verified checkpoint (0-based), None when it is in none.
    Raises: TrustError `E_ROLE` (no role for the event), `E_KEY_REVOKED`, `E_KEY_EXPIRED` (by the time that the record states),
    `E_BUILDER` (made somewhere unexpected).
    """
    try:
        _authorise(record, signer, policy, position)
    except TrustError:
        for version in policy.judges_of(position):
            then = version.find(signer.key.key_id) if version is not policy else None
            # A revocation says itself up to where it does not reach.
            if then is not None and _allows(record, then._replace(revoked=signer.revoked), version, position):
                return
        raise


def refuse_revoked(signer: TrustedKey) -> None:
    """Check that a key still counts: asked before anybody is shown what they would sign. Raises: TrustError `E_KEY_REVOKED`."""
    if signer.revoked is not None:
        message = f"the key of {signer.name} is revoked: {signer.revoked.reason}"
        hint = "planloom keys list   # shows the keys that count; planloom keys new NAME makes another, planloom keys trust takes it in"
        raise TrustError(message, code="E_KEY_REVOKED", hint=hint)


def refuse_out_of_time(signer: TrustedKey, now: str) -> None:
    """Check that a key counts now: asked before anybody confirms what they would sign. Raises: TrustError `E_KEY_EXPIRED`."""
    if not signer.is_valid_at(now):
        message = f"the key of {signer.name} does not count now: {_out_of_time(signer, now)}"
        raise TrustError(message, code="E_KEY_EXPIRED", hint=_about_time(signer, now))


def _allows(record: Record, signer: TrustedKey, policy: Policy, position: int | None) -> bool:
    try:
        _authorise(record, signer, policy, position)
    except TrustError:
        return False
    return True


def _authorise(record: Record, signer: TrustedKey, policy: Policy, position: int | None) -> None:
    rule = event_rule(record)
    roles = policy.events.get(rule, ())
    if not any(role in signer.roles for role in roles):
        wanted = " or ".join(roles) or "nobody"
        message = f"signed by {signer.name}, who may not sign '{rule}' (the policy wants {wanted})"
        told = Difference(KEY_ID, f"a key with the role {wanted}", _described(signer))
        raise TrustError(message, code="E_ROLE", hint="planloom keys list", difference=told)
    revoked = signer.revoked
    if revoked is not None and (position is None or position >= revoked.at_size):
        message = f"signed by {signer.name}, whose key is revoked from checkpoint size {revoked.at_size} on: {revoked.reason}"
        place = "in no checkpoint" if position is None else f"place {position}"
        told = Difference("place in the checkpoint", f"before place {revoked.at_size}", place)
        raise TrustError(message, code="E_KEY_REVOKED", hint="planloom keys list", difference=told)
    if not signer.is_valid_at(record.at):
        message = f"signed by {signer.name} outside the time in which the key is valid: {_out_of_time(signer, record.at)}"
        told = Difference("predicate.at", _validity(signer), record.at)
        raise TrustError(message, code="E_KEY_EXPIRED", hint=_about_time(signer, record.at), difference=told)
    if signer.builders and not any(fnmatchcase(record.builder.id, pattern) for pattern in signer.builders):
        message = f"made by {record.builder.id}, which the policy does not expect of {signer.name}"
        told = Difference("predicate.builder.id", " or ".join(signer.builders), record.builder.id or "none")
        raise TrustError(message, code="E_BUILDER", hint="planloom keys list", difference=told)


def _described(signer: TrustedKey) -> str:
    return f"{signer.name} ({signer.key.key_id}), whose roles are {', '.join(signer.roles) or 'none'}"


def _out_of_time(signer: TrustedKey, moment: str) -> str:
    """Return by which end of its time a key misses a moment."""
    if signer.valid_from and moment < signer.valid_from:
        return f"at {moment}, and it is valid from {signer.valid_from} on"
    return f"at {moment}, and it was valid until {signer.valid_until}"


def _about_time(signer: TrustedKey, moment: str) -> str:
    """Return what to do: a moment before the key's time is rather a clock that is behind than a key that is too new."""
    if signer.valid_from and moment < signer.valid_from:
        return (
            "date -u   # the clock of the machine that signs: set it when it is behind; planloom keys list shows the key's times"
        )
    return f"planloom keys rotate {signer.name}   # puts a new key in its place; planloom keys list shows the times"


def _validity(signer: TrustedKey) -> str:
    return " and ".join(
        filter(None, (signer.valid_from and f"from {signer.valid_from}", signer.valid_until and f"until {signer.valid_until}"))
    )
