"""What a plan may do now that it could not do before: the part of a change that a reviewer must see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import pin_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.core.canonical import Json
    from planloom.model.plan import Plan, Step

RANK: Final = {"none": 0, "read": 1, "write": 2}

_DIGEST: Final = "@sha256:"

_SECRET: Final = re.compile(r"\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Privilege:
    """Something that got weaker: `step` is "" for the plan as a whole; `kind` is one word for programs."""

    kind: str
    step: str
    message: str


def find_privileges(old: Plan | None, new: Plan) -> tuple[Privilege, ...]:
    """Return what the new version may do beyond the old one (None: all that it may do), in the order of the file.

    A step that was not there before counts with everything it has, but not for the gate it lacks.
    """
    found: list[Privilege] = []
    if old is not None and old.workflow.execution == "isolated" and new.workflow.execution == "direct":
        found.append(Privilege("execution", "", "commands run beside the signing key (direct instead of isolated)"))
    before = {step.key: step for step in old.steps} if old else {}
    for step in new.steps:
        found.extend(_step_privileges(before.get(step.key), step))
    return tuple(found)


def _step_privileges(old: Step | None, new: Step) -> Iterator[Privilege]:
    yield from _secrets(old, new)
    yield from _permissions(old, new)
    yield from _actions(old, new)
    yield from _container(old, new)
    if old is None:
        return
    yield from _gate(old, new)
    if old.baseline and not new.baseline:
        yield Privilege("baseline", new.key, "is no baseline any more: it may run again without a revert")
    if old.environment and old.environment != new.environment:
        now = f"'{new.environment}'" if new.environment else "none"
        yield Privilege("environment", new.key, f"environment {now} instead of '{old.environment}', with that one's protection")


def _secrets(old: Step | None, new: Step) -> Iterator[Privilege]:
    known = secrets_of(old) if old else frozenset[str]()
    for name in sorted(secrets_of(new) - known):
        yield Privilege("secret", new.key, f"reads the secret {name}")


def secrets_of(step: Step) -> frozenset[str]:
    """Return the secrets that a step may read: listed, or named in its GitHub steps."""
    texts = _SECRET.findall(str(step.native)) if step.native else []
    return frozenset(name.upper() for name in (*step.secrets, *texts))


def _permissions(old: Step | None, new: Step) -> Iterator[Privilege]:
    known: Mapping[str, str] = old.permissions if old else {}
    for name in sorted(new.permissions):
        access, before = new.permissions[name], known.get(name, "none")
        if RANK[access] > RANK[before]:
            yield Privilege("permission", new.key, f"the token may {access} {name}" + (f" (before: {before})" if old else ""))


def _actions(old: Step | None, new: Step) -> Iterator[Privilege]:
    known = {action for item in old.native if (action := _action(item))} if old else set()
    for action in dict.fromkeys(filter(None, map(_action, new.native))):
        if action not in known and pin_kind(action) in ("tag", "branch"):
            yield Privilege("unpinned", new.key, f"runs {action}, which is not pinned to a commit")
        elif action not in known and action.startswith("docker://") and _DIGEST not in action:
            yield Privilege("unpinned", new.key, f"runs {action}, which is not pinned by digest")


def _container(old: Step | None, new: Step) -> Iterator[Privilege]:
    before = old.container if old else ""
    if before == new.container or _DIGEST in new.container:
        return
    if _DIGEST in before:
        now = f"image '{new.container}'" if new.container else "no container"
        yield Privilege("container", new.key, f"{now} instead of one pinned by digest")
    elif new.container:
        yield Privilege("container", new.key, f"runs in image '{new.container}', which is not pinned by digest")


def _action(item: Mapping[str, Json]) -> str:
    return str(item.get("uses", ""))


def _gate(old: Step, new: Step) -> Iterator[Privilege]:
    if old.gate is None:
        return
    if new.gate is None:
        yield Privilege("gate", new.key, f"waits for no approval any more (before: {old.gate.approvals} by {old.gate.role})")
        return
    if new.gate.role != old.gate.role:
        yield Privilege("gate", new.key, f"is approved by {new.gate.role} instead of {old.gate.role}")
    if new.gate.approvals < old.gate.approvals:
        yield Privilege("gate", new.key, f"waits for {new.gate.approvals} approvals instead of {old.gate.approvals}")
