"""Profiles: which steps share one matrix job of the execute workflow.

A matrix entry can't carry permissions, secrets, an environment or steps of its own, so steps that differ in one of these
go to different jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from planloom.core import canonical
from planloom.core.names import each_variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.core.canonical import Json
    from planloom.model.plan import Step

Traits: TypeAlias = tuple[tuple[tuple[str, str], ...], tuple[str, ...], str, bytes]

PLAIN: Final = "work"
"""The profile of a command that needs nothing special, and the id of its job."""


class Profile(NamedTuple):
    """One matrix job of the execute workflow.

    Shape: `name` is the job's id; `native` holds GitHub steps as plain JSON, empty for commands; `shell`, `working_directory` and `env`
    (the step's own and its foreach values) are set only with `native`: a command gets them from the compiled plan; `steps` are the keys of the steps it carries, in the order of the plan.
    """

    name: str
    permissions: Mapping[str, str]
    secrets: tuple[str, ...]
    environment: str
    native: tuple[Mapping[str, Json], ...]
    shell: str
    working_directory: str
    env: Mapping[str, str]
    steps: tuple[str, ...]


def build_profiles(steps: Iterable[Step]) -> tuple[Profile, ...]:
    """Return the profiles in the order in which the plan first needs them; manual steps have none.

    Guarantee: the plain one is named `work`, any other `work-<its first step>`, so names are unique and stable.
    """
    members: dict[Traits, list[Step]] = {}
    for step in steps:
        if not step.is_manual:
            members.setdefault(_traits(step), []).append(step)
    return tuple(_profile(group) for group in members.values())


def _traits(step: Step) -> Traits:
    """Return what decides which job carries the step."""
    native = b""
    if step.native:
        trees: list[Json] = [dict(tree) for tree in step.native]
        native = canonical.encode([trees, step.shell, step.working_directory, dict(_environment(step))])
    return (tuple(sorted(step.permissions.items())), tuple(sorted(step.secrets)), step.environment, native)


def _environment(step: Step) -> dict[str, str]:
    return {each_variable(axis): value for axis, value in step.each.items()} | dict(step.env)


def _profile(group: list[Step]) -> Profile:
    first = group[0]
    is_plain = not (first.permissions or first.secrets or first.environment or first.native)
    return Profile(
        name=PLAIN if is_plain else f"{PLAIN}-{first.key}",
        permissions=dict(sorted(first.permissions.items())),
        secrets=tuple(sorted(first.secrets)),
        environment=first.environment,
        native=first.native,
        shell=first.shell if first.native else "",
        working_directory=first.working_directory if first.native else "",
        env=_environment(first) if first.native else {},
        steps=tuple(step.key for step in group),
    )
