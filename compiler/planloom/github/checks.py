"""What must hold on GitHub for a plan to run there, each looked at for itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import PlanloomError, TrustError
from planloom.core.plainfile import read_plain
from planloom.github import survey
from planloom.github.client import PAGE, name
from planloom.github.local import NEEDED_ROLES
from planloom.pipeline import LOCK_FILE
from planloom.trust.policyfiles import POLICY_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planloom.care.scratch import Scratch
    from planloom.github.client import Client
    from planloom.github.local import Local
    from planloom.github.place import Place
    from planloom.github.survey import Repository

INIT: Final = "planloom init --github"

_SHOWN: Final = 3
"""How many paths a line names."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the result. `is_good` is None when it could not be looked at; then `what` says why, and nothing is claimed."""

    is_good: bool | None
    what: str
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is looked at. `scratch` is where a ref can be tried; `nonce` names the trial."""

    local: Local
    place: Place
    client: Client
    repository: Repository
    scratch: Scratch
    nonce: str

    @property
    def branch(self) -> str:
        """The default branch."""
        return self.repository.default_branch


def check_all(scene: Scene) -> tuple[Check, ...]:
    """Return every check, in order. A question that GitHub does not answer becomes a line of its own, not an end."""
    found: list[Check] = []
    for check in CHECKS:
        try:
            found.extend(check(scene))
        except TrustError as error:
            if error.code == "E_GITHUB_LOGIN":
                raise
            found.append(Check(None, error.message, error.hint))
        except PlanloomError as error:
            found.append(Check(is_good=False, what=error.message, repair=error.hint))
    return tuple(found)


def check_files(scene: Scene) -> Iterator[Check]:
    """Compiled files, policy and pins on the default branch are those that are here."""
    branch = scene.branch
    answer = scene.client.get(f"git/trees/{name(branch)}?recursive=1")
    if not answer.is_good:
        yield Check(is_good=False, what=f"there is nothing on {branch} yet: {answer.message}", repair=f"git push origin {branch}")
        return
    tree = answer.body()
    there = {one.text("path"): one.text("sha") for one in tree.parts("tree") if one.text("type") == "blob"}
    is_whole = not tree.flag("truncated")
    beside = {path: _read(scene, path) for path in (POLICY_PATH, LOCK_FILE) if (scene.local.root / path).is_file()}
    expected = {**scene.local.compiled, **beside}
    different = [path for path in sorted(expected) if there.get(path) != _blob_id(expected[path]) and (is_whole or path in there)]
    if not different:
        yield Check(is_good=True, what=f"workflows on {branch} match the plan")
        return
    missing = [path for path in different if path not in there]
    shown = ", ".join(different[:_SHOWN]) + (f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else "")
    words = "are not there" if len(missing) == len(different) else "are not those of the plan"
    repair = f"planloom compile && git add -A specs generated .github && git commit && git push origin {branch}"
    yield Check(is_good=False, what=f"{len(different)} files on {branch} {words}: {shown}", repair=repair)


def check_actions(scene: Scene) -> Iterator[Check]:
    """Actions may run at all, and those that the workflows use."""
    page = scene.place.page("settings/actions")
    answer = scene.client.get("actions/permissions")
    if not answer.is_good:
        yield Check(None, "whether workflows may run can't be seen with this token", f"look at {page}")
        return
    if not answer.body().flag("enabled"):
        yield Check(is_good=False, what="Actions are switched off in this repository", repair=page)
        return
    allowed = answer.body().text("allowed_actions", "all")
    if allowed == "selected":
        chosen = scene.client.get("actions/permissions/selected-actions")
        allowed = "all" if chosen.is_good and chosen.body().flag("github_owned_allowed", default=False) else "selected"
    if allowed in {"local_only", "selected"}:
        what = "the workflows use actions by GitHub (actions/checkout …), which are not allowed here"
        yield Check(is_good=False, what=what, repair=f"{page}: allow actions created by GitHub")
        return
    yield Check(is_good=True, what="workflows may run, with the actions that they use")
    yield from _find_disabled(scene)


def _find_disabled(scene: Scene) -> Iterator[Check]:
    """Yield workflows of ours that were switched off, by somebody or because nothing happened for long."""
    answer = scene.client.get(f"actions/workflows?per_page={PAGE}")
    for one in answer.body().parts("workflows") if answer.is_good else ():
        path, state = one.text("path"), one.text("state")
        if path in scene.local.compiled and state != "active":
            what = f"{path} is switched off ({state.replace('_', ' ')})"
            yield Check(is_good=False, what=what, repair=f"gh workflow enable {path.rpartition('/')[2]}")


def check_environment(scene: Scene) -> Iterator[Check]:
    """The environment is there and only the default branch may use it; the secret is in it and nowhere else."""
    project, branch = scene.local.project, scene.branch
    environment, secret = project.environment, project.signing_key_secret
    found = survey.read_environment(scene.client, environment)
    whole = survey.read_secret(scene.client, secret)
    risk = f"secret {secret} is one of the whole repository: a workflow on any branch can read it"
    if not found.exists and whole.exists:
        yield Check(is_good=False, what=risk, repair=f"{INIT}, once the repository's plan has environments or it is public")
        return
    if not found.exists:
        yield Check(is_good=False, what=f'there is no environment "{environment}"', repair=INIT)
        return
    if found.is_limited_to(branch):
        yield Check(is_good=True, what=f'environment "{environment}" is usable from {branch} only')
    else:
        who = "every branch" if found.branches is None else "every protected branch" if found.protected_only else "others"
        named = ", ".join(found.branches or ()) if who == "others" else who
        what = f'environment "{environment}" is usable from {named or "no branch"}, not from {branch} only'
        yield Check(is_good=False, what=what, repair=INIT)
    if not survey.read_secret(scene.client, secret, environment).exists:
        yield Check(is_good=False, what=f'the environment "{environment}" has no secret {secret}', repair=INIT)
    elif whole.exists:
        yield Check(is_good=False, what=risk, repair=f"gh secret delete {secret} --repo {scene.place.repository}")
    else:
        yield Check(is_good=True, what=f"secret {secret}, {branch} only" if found.is_limited_to(branch) else f"secret {secret}")


def check_key(scene: Scene) -> Iterator[Check]:
    """The trust policy lets the runner's key do its work."""
    fault = scene.local.key_fault()
    if fault:
        roles = " ".join(f"--role {role}" for role in NEEDED_ROLES)
        yield Check(is_good=False, what=fault, repair=f"planloom keys trust ci {roles}")
    else:
        yield Check(is_good=True, what="its key may claim, hand off and sign checkpoints")


def check_pins(scene: Scene) -> Iterator[Check]:
    """Runners install planloom by hash."""
    if scene.local.is_pinned:
        yield Check(is_good=True, what=f"runners install planloom by hash ({LOCK_FILE})")
    else:
        yield Check(is_good=False, what=f"runners would install planloom without a hash: no {LOCK_FILE}", repair="planloom pin")


def check_token(scene: Scene) -> Iterator[Check]:
    """The token here may start workflows, which `approve` and `revert` do."""
    if scene.repository.archived:
        yield Check(is_good=False, what="the repository is archived: nothing can be written", repair=scene.place.page("settings"))
        return
    scopes = scene.client.call("GET", "rate_limit").headers.get("x-oauth-scopes")
    held = {scope.strip() for scope in scopes.split(",")} if scopes else None
    if not scene.repository.can_push:
        yield Check(is_good=False, what="your token may not write here", repair="use one of somebody with write access")
    elif held is not None and "repo" not in held and not (held & {"public_repo"} and not scene.repository.private):
        yield Check(
            is_good=False, what=f"your token lacks the scope repo (it has: {scopes})", repair="gh auth refresh -s repo,workflow"
        )
    else:
        yield Check(is_good=True, what="your token may start workflows")


def check_ledger_branch(scene: Scene) -> Iterator[Check]:
    """Workflows can push to the branch that records are collected on."""
    branch = scene.local.project.ledger_branch
    why = survey.hindrance(scene.client, branch)
    if why:
        repair = f"{INIT}" if branch == scene.branch else scene.place.page("settings/rules")
        yield Check(is_good=False, what=f"workflows can't collect records on {branch}: {why}", repair=repair)
    else:
        there = survey.branch_exists(scene.client, branch)
        yield Check(is_good=True, what=f"records are collected on {branch}" + ("" if there else ", which the first run makes"))


def check_refs(scene: Scene) -> Iterator[Check]:
    """A ref below refs/planloom/ can be written and removed."""
    scene.scratch.probe(scene.nonce)
    yield Check(is_good=True, what="refs/planloom/* can be written (tried and removed)")


CHECKS: Final[tuple[Callable[[Scene], Iterator[Check]], ...]] = (
    check_files,
    check_actions,
    check_pins,
    check_environment,
    check_key,
    check_token,
    check_ledger_branch,
    check_refs,
)


def _read(scene: Scene, path: str) -> bytes:
    return read_plain(scene.local.root / path, follow=True)


def _blob_id(content: bytes) -> str:
    """Return the id that git gives a file (gitformat-loose: `blob`, length, content)."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
