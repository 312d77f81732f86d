"""The library: one function a verb, over real effects; imports what it needs when called.

`open_session` puts the effects together (clock, ids, ledger, policy, keys); the verbs take the session. Programs
that bring effects of their own (another clock, a ledger in memory) build a `runtime.session.Session` themselves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planloom.core.errors import Conflict, InputError, StoreError, TrustError
from planloom.core.plainfile import read_plain
from planloom.runtime.effects import SystemClock, SystemEnvironment, SystemIds
from planloom.runtime.identity import read_identity
from planloom.runtime.opening import Source
from planloom.runtime.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.ports import Environment
    from planloom.ledger.ledger import Ledger
    from planloom.records.signed import Signed
    from planloom.runtime.outputs import DirectoryStore
    from planloom.runtime.running import Observer
    from planloom.state.item import ItemView
    from planloom.state.schedule import Schedule


REMOTE_SECONDS: Final = 3.0
"""How often a local run asks a git remote; GitHub recommends at most 15 reads a second for a repository."""


def open_session(root: Path, *, ledger: str = "", executor: str = "", workspace: Path | None = None) -> Session:
    """Return a session of the project in `root`.

    Shape: `ledger` as `--ledger` takes it, "" for the default; `workspace` is where specs, generated files and commands are, when
    that is not `root` (a scratch run). Raises: TrustError without a sound trust policy; StoreError when the ledger can't be opened.
    """
    from planloom.ledger.open import open_ledger
    from planloom.runtime.trusting import find_policy
    from planloom.trust.keyfiles import find_signing_key

    environment = SystemEnvironment()
    settings = read_settings(workspace or root)
    where = open_ledger(ledger, root, environment, settings)
    return Session(
        root=root,
        workspace=workspace or root,
        artifacts=_artifacts(where, root),
        ledger=where,
        policy=find_policy(root, where, environment),
        clock=SystemClock(),
        ids=SystemIds(),
        environment=environment,
        identity=read_identity(environment, executor),
        find_key=lambda name: find_signing_key(name, root, environment),
        opened={},
        steps={},
        compiled={},
    )


def _artifacts(ledger: Ledger, root: Path) -> Path:
    from planloom.ledger.files import FileLedger

    return ledger.artifacts if isinstance(ledger, FileLedger) else root / "artifacts"


def keeps_files(session: Session) -> bool:
    """Return whether records lie in `artifacts/` as they are written (with git they come there by `collect`)."""
    from planloom.ledger.files import FileLedger

    return isinstance(session.ledger, FileLedger)


def read_settings(root: Path) -> Mapping[str, Any]:
    """Return the compiled project settings (`generated/project.json`), empty when there are none. Raises: StoreError when unreadable."""
    path = root / "generated" / "project.json"
    try:
        value = json.loads(read_plain(path, follow=True))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        message = f"{path.relative_to(root)} can't be read: {error}"
        raise StoreError(message, hint="planloom compile") from error
    if not isinstance(value, dict):
        message = f"{path.relative_to(root)} does not hold settings"
        raise StoreError(message, hint="planloom compile")
    return value


def output_store(session: Session, given: Path | None = None) -> DirectoryStore:
    """Return where outputs are kept: the folder that is given or that `PLANLOOM_STORE` names (shared by workers), else `.planloom/outputs`."""
    from planloom.runtime.outputs import DirectoryStore

    shared = given or session.environment.get("PLANLOOM_STORE")
    return DirectoryStore(Path(shared) if shared else session.root / ".planloom" / "outputs")


def find_source(workspace: Path, environment: Environment) -> Source:
    """Return commit, branch and repository of the workspace, from the platform or from git; empty where there is neither."""
    if environment.get("GITHUB_SHA"):
        return Source(environment.get("GITHUB_SHA"), environment.get("GITHUB_REF_NAME"), environment.get("GITHUB_REPOSITORY"))
    if not (workspace / ".git").exists():
        return Source()
    import subprocess

    def ask(*words: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(workspace), *words], capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""  # the source is stated, not proven: without git it is just not stated
        return done.stdout.strip() if done.returncode == 0 else ""

    return Source(ask("rev-parse", "--verify", "-q", "HEAD"), ask("branch", "--show-current"), "")


def choose_item(session: Session, given: str, plan: str) -> tuple[str, str]:
    """Return (work item, plan) that a person means: an item, a plan, or nothing when there is only one plan.

    A plan means its newest open work item, or the next one (`<plan>-<n>`) when none is open. Raises: InputError when it is unclear,
    and when the name of a new work item is perhaps a slip of the hand and `plan` does not say that it is meant.
    """
    from planloom.runtime.delegating import read_items
    from planloom.runtime.mistyped import refuse_slip, refuse_unnamed
    from planloom.runtime.opening import find_plan, list_plans, next_item_id

    items = session.ledger.items()
    if given in items:
        return given, plan
    plans = list_plans(session.workspace)
    wanted = plan or (given if given in plans else "")
    if given and not wanted:
        refuse_slip(session, given)
        wanted = find_plan(session.workspace, given)
        refuse_unnamed(session, given, wanted)
        return given, wanted
    if not wanted:
        if not plans:
            raise InputError("there is no compiled plan in generated/", hint="planloom compile")
        if len(plans) > 1:
            raise InputError(
                "there are several plans: which one?", hint=f"planloom run {plans[0]}   # or: {', '.join(plans[1:])}"
            )
        wanted = plans[0]
    if given and given != wanted:
        return given, wanted
    already = [state for state in read_items(session, wanted) if state.is_open]
    newest = max(already, key=lambda state: (state.opened.record.at, state.id), default=None)
    return (newest.id if newest is not None else next_item_id(session, wanted)), wanted


def next_command(session: Session, view: ItemView, schedule: Schedule) -> str:
    """Return the command that moves a work item on, as short as it can be here."""
    from planloom.report import table
    from planloom.runtime.abandoning import find_evidence

    if view.item.is_open and any(find_evidence(session, row.state, None) for row in schedule.running):
        return f"planloom run {view.item.id}"  # it gives up what a process that is gone has left, and goes on
    try:
        alone = choose_item(session, "", "")[0] == view.item.id
    except InputError:
        alone = False  # several plans: the work item must be named
    # Only what has failed is moved to another plan before it goes on: else the plan's source need not be read again here.
    migration = find_migration(session, view, schedule) if schedule.failed else ""
    return table.next_command(view, schedule, alone=alone, asking=find_asking(session), migration=migration)


def find_migration(session: Session, view: ItemView, schedule: Schedule) -> str:
    """Return the command that moves a work item to its plan as it is now; "" while it is bound to that, or all is done."""
    # A scratch run takes the plan from elsewhere: nothing can be migrated in its folder.
    if not view.item.is_open or schedule.is_finished or session.workspace != session.root:
        return ""
    from planloom.runtime.drifting import find_newer

    compiling = {"": "", "compiled": "planloom migrate", "source": "planloom compile && planloom migrate"}
    command = compiling[find_newer(session.workspace, view.item.plan)]
    return command and f"{command} {view.item.id}"


def find_asking(session: Session) -> str:
    """Return the id of the key that whoever asks approves with; "" where there is none, and in a workflow, whose reader has another."""
    if session.identity.builder.run_id:
        return ""
    try:
        return session.find_key("you").key_id
    except TrustError:
        return ""


def open_item(session: Session, item: str, plan: str, params: Mapping[str, str], reason: str, *, follow: bool = False) -> Signed:
    """Open a work item. See `runtime.opening.open_item`."""
    from planloom.runtime.opening import find_plan, refuse_removed
    from planloom.runtime.opening import open_item as open_it

    _refuse_second_history(session, item)
    plan = plan or find_plan(session.workspace, item)
    refuse_removed(session.workspace, plan)
    source = find_source(session.workspace, session.environment)
    return open_it(session, item, plan, params, source, reason, follow=follow)


def _refuse_second_history(session: Session, item: str) -> None:
    """See that a work item is not begun, or gone on with, in files while it lives in a git ledger. Raises: Conflict."""
    if not keeps_files(session):
        return
    from planloom.ledger.open import is_cached

    if is_cached(session.root, item):
        message = f"work item {item} lives in a git ledger, and this is {session.ledger.describe()}: its history would be split"
        raise Conflict(message, hint=f"planloom run {item} --ledger git   # or name another work item")


def ensure_item(session: Session, item: str, plan: str, params: Mapping[str, str], reason: str) -> bool:
    """Open a work item unless it is there already; returns whether it was opened now.

    Raises: InputError when it is there and parameters are given that it was not opened with; Conflict when it lives in a git ledger.
    """
    from planloom.runtime.reading import read_item

    _refuse_second_history(session, item)
    if item not in session.ledger.items():
        open_item(session, item, plan, params, reason)
        return True
    given = {name: text for name, text in params.items() if text != ""}
    kept = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in read_item(session, item).body.params.items()
    }
    different = sorted(name for name, text in given.items() if kept.get(name) != text)
    if different:
        message = f"work item {item} was opened with other parameters: {', '.join(different)}"
        raise InputError(message, hint="open another work item, or leave the parameters out")
    return False


def run(
    session: Session, item: str, jobs: int, observer: Observer, store: Path | None = None
) -> tuple[ItemView, Schedule, TrustError | None]:
    """Carry out an open work item on this machine, write its schedule, and sign a checkpoint; returns how it stands.

    With it comes why no checkpoint was signed, None when one was: another work item's records may not hold, and this one is not to wait for that.
    """
    from planloom.runtime.delegating import delegate_item
    from planloom.runtime.exporting import check_kept, export, find_origin
    from planloom.runtime.running import REFRESH_SECONDS, LocalRun

    if keeps_files(session):
        check_kept(session)
    pace = REFRESH_SECONDS if keeps_files(session) else REMOTE_SECONDS
    LocalRun(session, item, output_store(session, store), observer, jobs, pace).carry_out()
    delegated = delegate_item(session, item, "planloom run")
    unsigned = None
    if keeps_files(session):
        try:
            export(session, find_origin(session))
        except TrustError as error:
            unsigned = error
    return delegated.view, delegated.schedule, unsigned


def read_status(session: Session, item: str) -> tuple[ItemView, Schedule]:
    """Return how a work item stands."""
    from planloom.runtime.reading import read_view
    from planloom.state.schedule import build_schedule

    view = read_view(session, item).view
    return view, build_schedule(view)


def read_step(session: Session, item: str, step: str) -> tuple[ItemView, Schedule]:
    """Return how one step stands, in a schedule of its own; reads its chain and those before it, not the plan's."""
    from planloom.runtime.reading import read_view
    from planloom.state.readiness import find_blockers
    from planloom.state.schedule import Row, Schedule

    view = read_view(session, item, (step,)).view
    return view, Schedule((Row(view.steps[step], view.states[step], find_blockers(view, step)),))
