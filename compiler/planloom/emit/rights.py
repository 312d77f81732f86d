"""What the jobs of an execute workflow may do: permissions and secrets, and what their caller must pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.ir.workflow import Permission

if TYPE_CHECKING:
    from planloom.emit.profiles import Profile
    from planloom.model.plan import Plan, Project

_RANK: Final = {"none": 0, "read": 1, "write": 2}
OWN_TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - the name of a secret, not a secret
"""Exists in every job; GitHub refuses a called workflow that declares it."""


def job_permissions(plan: Plan, profile: Profile) -> tuple[Permission, ...]:
    """Return the rights of one matrix job: ours, and those that the plan asks for, each with its reason."""
    is_direct = plan.workflow.execution == "direct"
    own = {
        "contents": Permission("contents", "write", "checkout, and pushes its claim and handoff to refs/planloom/*")
        if is_direct
        else Permission("contents", "read", "checkout, and reading claims"),
        "actions": Permission("actions", "read", "downloads the outputs of earlier steps"),
    }
    for name, level in profile.permissions.items():
        has = own.get(name)
        if has is None or _RANK[level] > _RANK[has.level]:
            own[name] = Permission(name, level, f"asked for by {_steps(profile)} in {plan.path}")
    return tuple(own.values())


def call_permissions(plan: Plan, profiles: tuple[Profile, ...]) -> tuple[Permission, ...]:
    """Return what the caller must hold: rights can only shrink along a call, so the widest of each."""
    widest: dict[str, Permission] = {}
    for profile in profiles:
        for permission in job_permissions(plan, profile):
            has = widest.get(permission.name)
            if has is None or _RANK[permission.level] > _RANK[has.level]:
                widest[permission.name] = permission
    return tuple(widest.values())


def call_secrets(plan: Plan, profiles: tuple[Profile, ...], project: Project) -> tuple[str, ...]:
    """Return the secrets that the called workflow declares, sorted.

    Direct execution signs in the called workflow. Its environment holds the key; a repository secret of the
    same name is passed on for repositories that can't have environments.
    """
    names = {name for profile in profiles for name in profile.secrets} - {OWN_TOKEN}
    if plan.workflow.execution == "direct" and profiles:
        names.add(project.signing_key_secret)
    return tuple(sorted(names))


def _steps(profile: Profile) -> str:
    first = profile.steps[0]
    more = len(profile.steps) - 1
    return f"step {first}" if not more else f"step {first} and {more} more"
