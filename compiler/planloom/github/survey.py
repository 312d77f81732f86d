"""What is there on GitHub: the repository, the environment, its branches, the secret, the protection of a branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planloom.core.errors import InputError, TrustError
from planloom.github.client import PAGE, name

if TYPE_CHECKING:
    from planloom.github.client import Answer, Client

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
    value = answer.value
    rights = value.get("permissions") or {}
    return Repository(
        value.get("full_name", client.repository),
        bool(value.get("private")),
        _plan(client, value.get("owner") or {}),
        value.get("default_branch") or "main",
        bool(rights.get("admin")),
        bool(rights.get("push")),
        bool(value.get("archived")),
    )


def read_environment(client: Client, environment: str) -> Surroundings:
    """Return an environment. Raises: TrustError when the token may not see it."""
    answer = client.get(f"environments/{name(environment)}")
    if answer.status == 404:
        return Surroundings(exists=False)
    value = _allowed(answer, f"see the environment '{environment}'")
    policy = value.get("deployment_branch_policy")
    kept = tuple(_kept(value.get("protection_rules") or []))
    if policy is None:
        return Surroundings(exists=True, kept=kept)
    if policy.get("protected_branches"):
        return Surroundings(exists=True, branches=(), protected_only=True, kept=kept)
    listed = client.get(f"environments/{name(environment)}/deployment-branch-policies?per_page={PAGE}")
    policies = sorted(
        (one["name"], int(one["id"])) for one in _allowed(listed, "see which branches may use it")["branch_policies"]
    )
    return Surroundings(exists=True, branches=tuple(n for n, _ in policies), ids=tuple(i for _, i in policies), kept=kept)


def read_secret(client: Client, secret: str, environment: str = "") -> Secret:
    """Return a secret of an environment, or of the repository ("" as environment). Raises: TrustError when the token may not see it."""
    where = f"environments/{name(environment)}/secrets" if environment else "actions/secrets"
    answer = client.get(f"{where}/{name(secret)}")
    if answer.status == 404:
        return Secret(exists=False)
    return Secret(exists=True, updated=str(_allowed(answer, f"see the secret '{secret}'").get("updated_at") or ""))


def hindrance(client: Client, branch: str) -> str:
    """Return what keeps workflows from pushing to a branch, "" when nothing does or there is no such branch."""
    answer = client.get(f"branches/{name(branch)}")
    if answer.is_good and answer.value.get("protected"):
        return "it is protected"
    rules = client.list(f"rules/branches/{name(branch)}?per_page={PAGE}")
    found = sorted({rule.get("type", "") for rule in rules.value or []} & HINDERING) if rules.is_good else []
    return f"a ruleset asks for {', '.join(found).replace('_', ' ')}" if found else ""


def branch_exists(client: Client, branch: str) -> bool:
    """Return whether a branch is there."""
    return client.get(f"branches/{name(branch)}").is_good


def _allowed(answer: Answer, what: str) -> Any:
    if not answer.is_good:
        message = f"GitHub does not let this token {what}: {answer.message}"
        raise TrustError(message, hint="use a token with the `repo` scope, of somebody with admin rights", code="E_GITHUB_RIGHTS")
    return answer.value


def _plan(client: Client, owner: dict[str, Any]) -> str:
    """Return the plan of a repository's owner where the token may know it, else ""."""
    login = str(owner.get("login") or "")
    is_organization = owner.get("type") == "Organization"
    if not is_organization and not client.token:
        return ""
    answer = client.read(f"orgs/{name(login)}" if is_organization else "user")
    value = answer.value if answer.is_good else {}
    if str(value.get("login", "")).lower() != login.lower():
        return ""
    return str((value.get("plan") or {}).get("name") or "").lower()


def _kept(rules: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Return the settings of an environment that a PUT would take away unless they are given again."""
    kept: list[tuple[str, Any]] = []
    for rule in rules:
        if rule.get("type") == "wait_timer":
            kept.append(("wait_timer", rule.get("wait_timer", 0)))
        elif rule.get("type") == "required_reviewers":
            people = [{"type": r["type"], "id": r["reviewer"]["id"]} for r in rule.get("reviewers") or []]
            kept.append(("reviewers", people))
            kept.append(("prevent_self_review", bool(rule.get("prevent_self_review"))))
    return kept
