"""What is there on GitHub: the repository, the environment, its branches, the secret, the protection of a branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core.errors import InputError, TrustError
from planloom.github.client import PAGE, name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planloom.github.client import Answer, Client
    from planloom.runtime.answers import Reply

HINDERING: Final = frozenset(
    {
        "update",
        "pull_request",
        "required_status_checks",
        "required_signatures",
        "required_deployments",
        "merge_queue",
        "workflows",
    }
)
"""Rules of a ruleset that keep a workflow from pushing a commit to a branch (REST, "get rules for a branch", `type`)."""

FREE: Final = "free"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: `plan` is its owner's (`free`, `team` …), "" where the token may not know; `can_admin` and `can_push` are the token's rights."""

    full_name: str
    private: bool
    plan: str
    default_branch: str
    can_admin: bool
    can_push: bool
    archived: bool = False

    @property
    def title(self) -> str:
        """`acme/demo (private, Team)`."""
        shown = ["private" if self.private else "public", *([self.plan.capitalize()] if self.plan else [])]
        return f"{self.full_name} ({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """An environment.

    Shape: `branches` are the patterns of branches that may use it, None for every branch; `ids` the numbers of these patterns; `protected_only`:
    usable from every protected branch; `kept` are settings that a change must give again.
    """

    exists: bool
    branches: tuple[str, ...] | None = None
    ids: tuple[int, ...] = ()
    protected_only: bool = False
    kept: tuple[tuple[str, Any], ...] = ()

    def is_limited_to(self, branch: str) -> bool:
        """Return whether exactly one branch may use it."""
        return self.exists and self.branches == (branch,)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret: whether it exists and when it was stored (RFC 3339, "" when unknown)."""

    exists: bool
    updated: str = ""


def read_repository(client: Client) -> Repository:
    """Return the repository. Raises: InputError when it is not there or hidden from this token."""
    answer = client.get("")
    if not answer.is_good:
        message = f"GitHub shows no repository {client.repository} to this token: {answer.message}"
        raise InputError(message, hint="check `git remote -v` and `gh auth status`")
    value = answer.body()
    rights = value.part("permissions")
    return Repository(
        value.text("full_name"),
        value.flag("private"),
        _plan(client, value.need("owner")),
        value.text("default_branch"),
        rights is not None and rights.flag("admin"),
        rights is not None and rights.flag("push"),
        value.flag("archived"),
    )


def read_environment(client: Client, environment: str) -> Surroundings:
    """Return an environment. Raises: TrustError when the token may not see it."""
    answer = client.get(f"environments/{name(environment)}")
    if answer.status == 404:
        return Surroundings(exists=False)
    value = _allowed(answer, f"see the environment '{environment}'")
    policy = value.part("deployment_branch_policy")
    kept = tuple(_kept(value.parts("protection_rules", optional=True)))
    if policy is None:
        return Surroundings(exists=True, kept=kept)
    if policy.flag("protected_branches"):
        return Surroundings(exists=True, branches=(), protected_only=True, kept=kept)
    listed = client.get(f"environments/{name(environment)}/deployment-branch-policies?per_page={PAGE}")
    policies = sorted(
        (one.text("name"), one.number("id")) for one in _allowed(listed, "see which branches may use it").parts("branch_policies")
    )
    return Surroundings(exists=True, branches=tuple(n for n, _ in policies), ids=tuple(i for _, i in policies), kept=kept)


def read_secret(client: Client, secret: str, environment: str = "") -> Secret:
    """Return a secret of an environment, or of the repository ("" as environment). Raises: TrustError when the token may not see it."""
    where = f"environments/{name(environment)}/secrets" if environment else "actions/secrets"
    answer = client.get(f"{where}/{name(secret)}")
    if answer.status == 404:
        return Secret(exists=False)
    return Secret(exists=True, updated=_allowed(answer, f"see the secret '{secret}'").text("updated_at"))


def hindrance(client: Client, branch: str) -> str:
    """Return what keeps workflows from pushing to a branch, "" when nothing does or there is no such branch."""
    answer = client.get(f"branches/{name(branch)}")
    if answer.is_good and answer.body().flag("protected"):
        return "it is protected"
    rules = client.get(f"rules/branches/{name(branch)}?per_page={PAGE}")
    found = sorted({rule.text("type") for rule in rules.bodies()} & HINDERING) if rules.is_good else []
    return f"a ruleset asks for {', '.join(found).replace('_', ' ')}" if found else ""


def branch_exists(client: Client, branch: str) -> bool:
    """Return whether a branch is there."""
    return client.get(f"branches/{name(branch)}").is_good


def _allowed(answer: Answer, what: str) -> Reply:
    if not answer.is_good:
        message = f"GitHub does not let this token {what}: {answer.message}"
        raise TrustError(message, hint="use a token with the `repo` scope, of somebody with admin rights", code="E_GITHUB_RIGHTS")
    return answer.body()


def _plan(client: Client, owner: Reply) -> str:
    """Return the plan of a repository's owner where the token may know it, else ""."""
    login = owner.text("login")
    is_organization = owner.text("type") == "Organization"
    if not is_organization and not client.token:
        return ""
    answer = client.call("GET", f"orgs/{name(login)}" if is_organization else "user")
    if not answer.is_good or answer.body().text("login").lower() != login.lower():
        return ""
    plan = answer.body().part("plan")
    return plan.text("name").lower() if plan else ""


def _kept(rules: Iterable[Reply]) -> list[tuple[str, Any]]:
    """Return the settings of an environment that a PUT would take away unless they are given again."""
    kept: list[tuple[str, Any]] = []
    for rule in rules:
        if rule.text("type") == "wait_timer":
            kept.append(("wait_timer", rule.number("wait_timer", 0)))
        elif rule.text("type") == "required_reviewers":
            people = [
                {"type": r.text("type"), "id": r.need("reviewer").number("id")} for r in rule.parts("reviewers", optional=True)
            ]
            kept.append(("reviewers", people))
            kept.append(("prevent_self_review", rule.flag("prevent_self_review", default=False)))
    return kept
