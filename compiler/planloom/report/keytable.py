"""A key of the trust policy, as people and scripts see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.trust.policy import TrustedKey


def describe_key(trusted: TrustedKey) -> dict[str, Json]:
    """Return what the policy says of a key, as JSON; what is not set is left out."""
    roles: list[Json] = [*trusted.roles]
    document: dict[str, Json] = {
        "name": trusted.name,
        "id": trusted.key.key_id,
        "public": trusted.key.public.hex(),
        "roles": roles,
    }
    if trusted.valid_from:
        document["validFrom"] = trusted.valid_from
    if trusted.valid_until:
        document["validUntil"] = trusted.valid_until
    if trusted.builders:
        document["builders"] = [*trusted.builders]
    if trusted.revoked is not None:
        document["revoked"] = {"atSize": trusted.revoked.at_size, "reason": trusted.revoked.reason}
    return document


def remark_on(trusted: TrustedKey, place: str) -> str:
    """Return what limits a key, and where it lies on this machine (`place`, "" when it does not), on one line."""
    remarks = []
    if trusted.revoked is not None:
        remarks.append(f"revoked from checkpoint size {trusted.revoked.at_size} on: {trusted.revoked.reason}")
    if trusted.valid_from:
        remarks.append(f"valid from {trusted.valid_from}")
    if trusted.valid_until:
        remarks.append(f"valid until {trusted.valid_until}")
    if trusted.builders:
        remarks.append(f"expected in {', '.join(trusted.builders)}")
    if place:
        remarks.append(place)
    return "; ".join(remarks)
