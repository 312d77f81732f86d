"""Setting a repository up, as steps that are shown before they are done, and skipped when they are done already."""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError, TrustError
from planloom.emit.pinning import LOCK, installed_from, pin_here, set_install
from planloom.github import survey
from planloom.github.client import name
from planloom.github.local import KEY_FILE, demand_key, set_key
from planloom.model.plan import Project
from planloom.pipeline import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from planloom.github.client import Client
    from planloom.github.local import Local
    from planloom.github.place import Gh, Place
    from planloom.github.survey import Repository

BILLING: Final = "billing plan"
"""In GitHub's refusal when the plan of a private repository's owner has no protected environments (status 422)."""


class NoEnvironments(StoreError):
    """The owner's plan has no environments for private repositories."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, the files that it changes, whether it is done already.

    Shape: `is_done` is None when that can't be seen; `by_hand` says how a person does it, in lines; `do` does it, None where we can't (no gh,
    no rights).
    """

    number: int
    what: str
    files: tuple[str, ...]
    is_done: bool | None
    by_hand: tuple[str, ...]
    do: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class Setting:
    """All that steps need. `repository` is None when GitHub shows nothing without a token, and there is none."""

    local: Local
    place: Place
    client: Client
    repository: Repository | None
    gh: Gh | None
    environments: bool = field(default=True)

    @property
    def branch(self) -> str:
        """The default branch."""
        return self.repository.default_branch if self.repository else "main"

    @property
    def can_write(self) -> bool:
        """Whether this token may change settings."""
        return self.repository is not None and self.repository.can_admin


def plan_steps(setting: Setting) -> tuple[Step, ...]:
    """Return the steps, in the order in which they are done. Raises: TrustError, StoreError when GitHub can't be asked."""
    steps = [
        *([_environment_step(setting)] if setting.environments else []),
        _secret_step(setting),
        _pin_step(setting),
        *_branch_step(setting),
    ]
    return tuple(Step(number, one.what, one.files, one.is_done, one.by_hand, one.do) for number, one in enumerate(steps, start=1))


def has_no_environments(repository: Repository | None) -> bool:
    """Return whether the repository's plan is known to have no environments: a private one of an owner on the free plan."""
    return repository is not None and repository.private and repository.plan == survey.FREE


def _environment_step(setting: Setting) -> Step:
    environment, branch = setting.local.project.environment, setting.branch
    found = survey.read_environment(setting.client, environment) if setting.repository else survey.Surroundings(exists=False)
    others = [pattern for pattern in found.branches or () if pattern != branch]
    what = f'create the environment "{environment}", usable from {branch} only'
    if found.exists:
        now = (
            "every branch" if found.branches is None else "every protected branch" if found.protected_only else ", ".join(others)
        )
        what = f'limit the environment "{environment}" to {branch}' + (f" (now usable from {now} too)" if now else "")
    by_hand = (
        f"{setting.place.page('settings/environments')}: New environment, named {environment}",
        f"there: Deployment branches and tags: Selected branches and tags: add {branch}",
    )
    do = None
    if setting.can_write:

        def do() -> None:
            make_environment(setting.client, environment, branch, found)

    is_done = found.is_limited_to(branch) if setting.repository else None
    return Step(0, what, (), is_done, by_hand, do)


def make_environment(client: Client, environment: str, branch: str, found: survey.Surroundings) -> None:
    """Create an environment, or limit one, so that exactly one branch may use it; its reviewers and timers stay.

    Raises: NoEnvironments when the owner's plan has none, TrustError when the token may not.
    """
    where = f"environments/{name(environment)}"
    body = {
        **dict(found.kept),
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    answer = client.put(where, body)
    if answer.status == 422 and BILLING in answer.message.lower():
        raise NoEnvironments(f"GitHub refuses: {answer.message}", code="E_GITHUB_PLAN")
    _demand(answer.is_good, f"create the environment '{environment}'", answer.message)
    if branch not in (found.branches or ()):
        added = client.post(f"{where}/deployment-branch-policies", {"name": branch, "type": "branch"})
        # 303: a policy of this name is there already.
        _demand(added.is_good or added.status == 303, f"limit the environment to {branch}", added.message)
    for pattern, number in zip(found.branches or (), found.ids, strict=False):
        if pattern != branch:
            gone = client.call("DELETE", f"repos/{client.repository}/{where}/deployment-branch-policies/{number}")
            _demand(gone.is_good or gone.status == 404, f"keep {pattern} from using the environment", gone.message)


def _demand(done: object, what: str, said: str) -> None:
    if not done:
        message = f"GitHub does not let this token {what}: {said}"
        raise TrustError(message, hint="use a token of somebody with admin rights here", code="E_GITHUB_RIGHTS")


def _secret_step(setting: Setting) -> Step:
    local, secret = setting.local, setting.local.project.signing_key_secret
    environment = local.project.environment if setting.environments else ""
    found = _read_secret(setting, secret, environment) or survey.Secret(exists=False)
    is_seen = setting.repository is not None and bool(setting.client.token)
    is_older = found.exists and bool(found.updated) and _seconds(found.updated) < local.key_changed
    where = "there" if environment else "as a secret of the whole repository"
    what = f"store {KEY_FILE} {where} as the secret {secret}" + (", newer than the one stored" if is_older else "")
    option = f" --env {environment}" if environment else ""
    page = setting.place.secret_page(environment) if environment else setting.place.page("settings/secrets/actions")
    by_hand = (
        f"gh secret set {secret}{option} --repo {setting.place.repository} < {KEY_FILE}",
        f"or {page}: Add secret, named {secret}, with the content of {KEY_FILE}",
    )
    gh, do = setting.gh, None
    if gh is not None and is_seen:

        def do() -> None:
            # In the clear, whatever protects the file: GitHub seals it, and the runner has no passphrase.
            gh.set_secret(setting.place, secret, demand_key(local).to_pem("").decode("ascii"), environment)

    return Step(0, what, (), found.exists and not is_older if is_seen else None, by_hand, do)


def _read_secret(setting: Setting, secret: str, environment: str) -> survey.Secret | None:
    """Return what GitHub tells of a secret, None without a token: secrets are never shown to everybody."""
    return survey.read_secret(setting.client, secret, environment) if setting.repository and setting.client.token else None


def _pin_step(setting: Setting) -> Step:
    from planloom import VERSION

    local = setting.local

    def do() -> None:
        try:
            pinned = pin_here(local.root, installed_from())
        except StoreError as error:
            hint = "planloom pin --wheel FILE && planloom init --github   # a wheel instead of the index"
            raise StoreError(error.message, hint=hint) from error
        (local.root / LOCK).write_text(pinned.lock, encoding="utf-8", newline="\n")
        _edit(local, lambda text: set_install(text, pinned.install))

    what = f"pin planloom {VERSION} and its dependencies by hash for the runners"
    return Step(0, what, (PROJECT_FILE, LOCK), local.is_pinned, ("planloom pin",), do)


def _branch_step(setting: Setting) -> tuple[Step, ...]:
    """Records are collected on a branch of their own where the default branch takes no pushes from workflows."""
    local, branch = setting.local, setting.branch
    why = survey.hindrance(setting.client, branch) if setting.repository else ""
    if not why:
        return ()
    chosen = local.project.ledger_branch if local.project.ledger_branch != branch else Project().ledger_branch
    is_done = local.names_ledger_branch and local.project.ledger_branch != branch

    def do() -> None:
        _edit(local, lambda text: set_key(text, "ledger-branch", chosen))

    what = f'collect records on the branch "{chosen}", because of {branch}: {why}'
    by_hand = (f"{PROJECT_FILE}: ledger-branch: {chosen}",)
    return (Step(0, what, (PROJECT_FILE,), is_done, by_hand, do),)


def _edit(local: Local, change: Callable[[str | None], str]) -> None:
    path = local.root / PROJECT_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    path.write_text(change(text), encoding="utf-8", newline="\n")


def _seconds(timestamp: str) -> int:
    try:
        return calendar.timegm(time.strptime(timestamp[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0
