"""How the trust policy is written down: JSON in one fixed layout, two spaces a level, keys by name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from planloom.core import canonical
from planloom.core.errors import Difference
from planloom.trust.keys import Key, KeyRefused
from planloom.trust.policy import ROOT, Policy, PolicyError, Revocation, TrustedKey

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = "planloom/policy/v1"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)?")
_DIGEST: Final = re.compile(r"([0-9a-f]{64})?")


def is_key_name(text: str) -> bool:
    """Return whether `text` may name a key."""
    return _NAME.fullmatch(text) is not None


def is_role(text: str) -> bool:
    """Return whether `text` may name a role."""
    return _ROLE.fullmatch(text) is not None


def write_policy(policy: Policy) -> bytes:
    """Return the file."""
    value = {
        "schema": SCHEMA,
        "version": policy.version,
        "previous": policy.previous,
        **({"since-size": policy.since_size} if policy.since_size else {}),
        "keys": {k.name: _write_key(k) for k in policy.keys},
        "events": {event: list(policy.events[event]) for event in sorted(policy.events)},
        "thresholds": {role: policy.thresholds[role] for role in sorted(policy.thresholds)},
        "allow-self-approval": policy.allow_self_approval,
    }
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def next_version(policy: Policy, changed: Iterable[TrustedKey], since_size: int = 0) -> Policy:
    """Return the version after this one, with keys added, or put in the place of those with their names.

    Shape: `since_size` is the checkpoint size up to which the version before judges too; 0 to leave it as it is.
    """
    by_name = {k.name: k for k in (*policy.keys, *changed)}
    keys = tuple(by_name[name] for name in sorted(by_name))
    previous = canonical.digest(write_policy(policy))
    since_size = since_size or policy.since_size
    return policy._replace(version=policy.version + 1, previous=previous, keys=keys, since_size=since_size, earlier=())


def parse_policy(content: bytes) -> Policy:
    """Return the policy in a file. Raises: PolicyError (`E_POLICY`) unless it is one, in exactly our layout."""
    try:
        value: Any = canonical.decode(content, canonical=False)
        _expect(value["schema"] == SCHEMA, "schema")
        policy = Policy(
            version=_natural(value["version"], "version"),
            previous=_matching(_DIGEST, value["previous"], "previous"),
            keys=tuple(_read_key(name, entry) for name, entry in value["keys"].items()),
            events={event: _roles(roles, f"events.{event}") for event, roles in value["events"].items()},
            thresholds={role: _natural(n, f"thresholds.{role}") for role, n in value["thresholds"].items()},
            allow_self_approval=_flag(value["allow-self-approval"], "allow-self-approval"),
            since_size=_size(value.get("since-size", 0), "since-size"),
        )
    except canonical.CanonicalError as error:
        raise _refusal(error.message) from error
    except KeyRefused as error:
        raise _refusal(error.message) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _refusal(f"missing or wrong part: {error}") from error
    _check_whole(policy)
    if write_policy(policy) != content:
        raise _refusal("it is not laid out as planloom writes it")
    return policy


def _check_whole(policy: Policy) -> None:
    if [k.name for k in policy.keys] != sorted(k.name for k in policy.keys):
        _refuse("its keys are not sorted by name")
    if len({k.key for k in policy.keys}) != len(policy.keys):
        _refuse("two names have the same key")
    if len(policy.holders(ROOT)) < policy.root_threshold:
        _refuse(f"it wants {policy.root_threshold} root signatures and has {len(policy.holders(ROOT))} root keys")
    if (policy.version == 1) != (policy.previous == ""):
        _refuse("only the first version has no previous one")


def _write_key(trusted: TrustedKey) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": trusted.key.key_id,
        "public": trusted.key.public.hex(),
        "roles": list(trusted.roles),
    }
    if trusted.valid_from:
        entry["valid-from"] = trusted.valid_from
    if trusted.valid_until:
        entry["valid-until"] = trusted.valid_until
    if trusted.builders:
        entry["builders"] = list(trusted.builders)
    if trusted.revoked is not None:
        entry["revoked"] = {"at-size": trusted.revoked.at_size, "reason": trusted.revoked.reason}
    return entry


def _read_key(name: Any, entry: Any) -> TrustedKey:
    key = Key.from_hex(_text(entry["public"], f"keys.{name}.public"))
    _expect(entry["id"] == key.key_id, f"keys.{name}.id is not the id of its key")
    revoked = entry.get("revoked")
    return TrustedKey(
        name=_matching(_NAME, name, "keys"),
        key=key,
        roles=_roles(entry["roles"], f"keys.{name}.roles"),
        valid_from=_matching(_MOMENT, entry.get("valid-from", ""), f"keys.{name}.valid-from"),
        valid_until=_matching(_MOMENT, entry.get("valid-until", ""), f"keys.{name}.valid-until"),
        builders=_texts(entry.get("builders", []), f"keys.{name}.builders"),
        revoked=None
        if revoked is None
        else Revocation(
            _size(revoked["at-size"], f"keys.{name}.revoked.at-size"), _text(revoked["reason"], f"keys.{name}.revoked.reason")
        ),
    )


def _roles(value: Any, where: str) -> tuple[str, ...]:
    roles = _texts(value, where)
    _expect(all(_ROLE.fullmatch(role) for role in roles), where)
    _expect(list(roles) == sorted(set(roles)), f"{where} is not sorted")
    return roles


def _texts(value: Any, where: str) -> tuple[str, ...]:
    _expect(isinstance(value, list), where)
    return tuple(_text(item, where) for item in value)


def _text(value: Any, where: str) -> str:
    _expect(isinstance(value, str), where)
    return str(value)


def _matching(pattern: re.Pattern[str], value: Any, where: str) -> str:
    _expect(isinstance(value, str) and pattern.fullmatch(value) is not None, where)
    return str(value)


def _size(value: Any, where: str) -> int:
    _expect(isinstance(value, int) and not isinstance(value, bool) and value >= 0, where)
    return int(value)


def _natural(value: Any, where: str) -> int:
    _expect(_size(value, where) >= 1, where)
    return int(value)


def _flag(value: Any, where: str) -> bool:
    _expect(isinstance(value, bool), where)
    return bool(value)


def _expect(condition: bool, what: str) -> None:  # noqa: FBT001 - an assertion about input
    if not condition:
        raise ValueError(what)


def _refuse(reason: str) -> NoReturn:
    raise _refusal(reason)


def _refusal(reason: str) -> PolicyError:
    told = Difference("the file", "a trust policy as planloom writes it", reason)
    return PolicyError(f"not a trust policy: {reason}", code="E_POLICY", hint="planloom keys list", difference=told)
