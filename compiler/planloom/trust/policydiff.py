"""What a change of the trust policy means, and whether it makes anything easier to sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.trust.policy import Policy, TrustedKey


class PolicyChange(NamedTuple):
    """One difference in words; `weakens` when somebody may now sign what they might not before, or fewer must."""

    text: str
    weakens: bool


def describe_changes(before: Policy, after: Policy) -> tuple[PolicyChange, ...]:
    """Return every difference between two versions, weakening ones first, else by key, event and role."""
    changes = [*_keys(before, after), *_events(before, after), *_thresholds(before, after)]
    if before.allow_self_approval != after.allow_self_approval:
        text = "people may approve their own work" if after.allow_self_approval else "nobody approves their own work any more"
        changes.append(PolicyChange(text, after.allow_self_approval))
    if before.since_size != after.since_size:
        changes.append(
            PolicyChange(
                f"what the checkpoint has before place {after.since_size} is judged by the version before too", weakens=False
            )
        )
    return tuple(sorted(changes, key=lambda change: not change.weakens))


def _keys(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    names = sorted({k.name for k in (*before.keys, *after.keys)})
    for name in names:
        old, new = before.named(name), after.named(name)
        if new is None:
            yield PolicyChange(f"key {name} is taken out: what it signed can't be verified any more", weakens=False)
        elif old is None:
            known = before.find(new.key.key_id)
            if known is None:
                yield PolicyChange(f"new key {name} ({new.key.key_id[:8]}), may act as {', '.join(new.roles)}", weakens=True)
            else:
                yield from _key(known, new, renamed=f"key {known.name}, now {name}")
        else:
            yield from _key(old, new)


def _key(old: TrustedKey, new: TrustedKey, renamed: str = "") -> Iterator[PolicyChange]:
    who = renamed or f"key {new.name}"
    if old.key != new.key:
        yield PolicyChange(f"{who} is another key: {old.key.key_id[:8]} became {new.key.key_id[:8]}", weakens=True)
    gained, lost = sorted(set(new.roles) - set(old.roles)), sorted(set(old.roles) - set(new.roles))
    if gained:
        yield PolicyChange(f"{who} may also act as {', '.join(gained)}", weakens=True)
    if lost:
        yield PolicyChange(f"{who} may no longer act as {', '.join(lost)}", weakens=False)
    if (old.valid_from, old.valid_until) != (new.valid_from, new.valid_until):
        longer = _is_longer(old, new)
        text = f"{who} is valid from {new.valid_from or 'the beginning'} until {new.valid_until or 'further notice'}"
        yield PolicyChange(text, weakens=longer)
    if old.builders != new.builders:
        wider = (bool(old.builders) and not set(new.builders) <= set(old.builders)) or (bool(old.builders) and not new.builders)
        yield PolicyChange(f"{who} is expected in {', '.join(new.builders) or 'any workflow'}", weakens=wider)
    if old.revoked != new.revoked:
        if new.revoked is None:
            yield PolicyChange(f"{who} is no longer revoked", weakens=True)
        else:
            later = old.revoked is not None and new.revoked.at_size > old.revoked.at_size
            yield PolicyChange(
                f"{who} is revoked from checkpoint size {new.revoked.at_size} on: {new.revoked.reason}", weakens=later
            )


def _is_longer(old: TrustedKey, new: TrustedKey) -> bool:
    sooner = new.valid_from < old.valid_from
    later = bool(old.valid_until) and (not new.valid_until or new.valid_until > old.valid_until)
    return sooner or later


def _events(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    for event in sorted({*before.events, *after.events}):
        old, new = set(before.events.get(event, ())), set(after.events.get(event, ()))
        if new - old:
            yield PolicyChange(f"'{event}' may also be signed by {', '.join(sorted(new - old))}", weakens=True)
        if old - new:
            yield PolicyChange(f"'{event}' may no longer be signed by {', '.join(sorted(old - new))}", weakens=False)


def _thresholds(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    for role in sorted({*before.thresholds, *after.thresholds}):
        old, new = before.thresholds.get(role, 1), after.thresholds.get(role, 1)
        if old != new:
            yield PolicyChange(f"{role}: {new} signatures instead of {old}", weakens=new < old)
