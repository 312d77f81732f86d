"""Collecting: records come from the refs of a git ledger into `artifacts/`, verified, and from there onto the ledger branch.

Three verbs in a row: `collect_records` (verify, fold into files), `export` (portfolio, checkpoint), `push_records` (one commit on the ledger
branch). Whoever loses the race for the branch throws its commit away and does all three again on the new tip.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical, names
from planloom.core.errors import Conflict, StoreError, TrustError
from planloom.core.plainfile import read_plain
from planloom.ledger import layout
from planloom.ledger.copying import replacing
from planloom.ledger.git import GitLedger
from planloom.ledger.ledger import Won
from planloom.records.compiled import HEADER_NAME, STEPS_NAME
from planloom.runtime.delegating import write_atomically
from planloom.runtime.exporting import export, find_origin, read_records
from planloom.runtime.reading import open_chain, read_view
from planloom.state.item import fold_item, fold_resource
from planloom.state.schedule import build_schedule, schedule_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.ledger.gitbranch import BranchFiles
    from planloom.ledger.ledger import Chain
    from planloom.runtime.session import Session

TIP_NAME: Final = "collected-tip"
MAX_ROUNDS: Final = 20
"""How often a collector folds again after losing the branch to another one; each loss means that another one has succeeded."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was folded: the work items, how many records they have, how many were not in `artifacts/` of the ledger branch before."""

    items: tuple[str, ...]
    records: int
    new: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was pushed: the commit, how many files it changes, which work items' refs were removed, and the whole in a sentence."""

    commit: str
    files: int
    pruned: tuple[str, ...]
    text: str


def collect_records(session: Session, plan: str, item: str) -> Collected:
    """Verify the records of the work items that are meant and lay them into `artifacts/`, over what the ledger branch holds.

    Raises: TrustError when a record or chain does not hold: nothing of it is folded then.
    """
    if not isinstance(session.ledger, GitLedger):
        chains = _verified(session, _wanted(session, plan, item))
        return Collected(_owners(chains), _count(chains), 0)
    branch = session.ledger.branch_files()
    _refuse_to_lose(session, branch)
    wanted = _wanted(session, plan, item)
    chains = _verified(session, wanted)
    # The tip goes first and comes back last: what a collector that died has left by halves can't be pushed. A work item whose closing
    # is on the branch without its steps would lose them for good.
    with replacing(session.artifacts, session.ledger.describe().removeprefix("git ")):
        _remove(_tip_file(session.artifacts))
        _replace_copy(session.artifacts, branch)
        # Exactly what was verified: whatever came since waits for the next collector.
        new = sum(_fold_chain(session, name, chain) for name, chain in chains.items())
        for one in wanted:
            _write_schedule(session, one)
        write_atomically(_tip_file(session.artifacts), branch.tip.encode("ascii"))
    return Collected(wanted, _count(chains), new)


def _count(chains: Mapping[str, Chain]) -> int:
    return sum(len(chain.entries) for chain in chains.values())


def _refuse_to_lose(session: Session, branch: BranchFiles) -> None:
    """Refuse to replace records in `artifacts/` that are nowhere else: those of a ledger in files that was used here before.

    In a workflow `artifacts/` is a checkout, and git has what was in it. Raises: Conflict.
    """
    if session.environment.get("GITHUB_ACTIONS") == "true":
        return
    here = {path.removeprefix("artifacts/"): content for path, content in read_records(session.artifacts).items()}
    unknown = {path: content for path, content in here.items() if not branch.holds(path, content)}
    places = {path: place for path in unknown if (place := layout.parse_path(path)) is not None}
    chains = session.ledger.read(sorted({place.chain for place in places.values()}))
    only_here = sorted(
        {
            place.chain.partition("/")[0]
            for path, place in places.items()
            if [entry.content for entry in chains[place.chain].entries[place.index - 1 : place.index]] != [unknown[path]]
        }
    )
    if only_here:
        message = f"artifacts/ holds records of {', '.join(only_here)} that are in no git ledger: collecting would replace them"
        raise Conflict(message, hint="collect in a fresh clone, or move artifacts/ away first")


def _wanted(session: Session, plan: str, item: str) -> tuple[str, ...]:
    if item:
        return (item,)
    found = []
    chains = session.ledger.read([names.item_chain(one) for one in session.ledger.items()])
    for name, chain in chains.items():
        state = fold_item(name.partition("/")[0], open_chain(session, chain))
        if plan in {"", state.plan.name}:
            found.append(state.id)
    return tuple(found)


def _verified(session: Session, items: tuple[str, ...]) -> Mapping[str, Chain]:
    """Return the chains of work items and resources, after checking signatures, links and the state machine."""
    chains = session.ledger.read([*(f"{item}/" for item in items), f"{names.RESOURCE_CHAINS}/"])
    records = {name: open_chain(session, chain) for name, chain in chains.items()}
    for name, found in records.items():
        if name.startswith(f"{names.RESOURCE_CHAINS}/"):
            fold_resource(found)
    for item in items:
        if not records.get(names.item_chain(item)):
            message = f"work item {item} has no records in {session.ledger.describe()}"
            raise StoreError(message, hint="planloom status   # lists the work items")
        # Folds every chain of the work item, each step with the attempts that its plan allows.
        read_view(session, item)
    return chains


def _owners(chains: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({name.partition("/")[0] for name in chains} - {names.RESOURCE_CHAINS}))


def _replace_copy(artifacts: Path, branch: Mapping[str, bytes]) -> None:
    """Make `artifacts/` what the ledger branch holds. Only folders that planloom owns are replaced."""
    for folder in ("claims", "gates", "handoff", "reverts", "schedule", "work-items"):
        _remove(artifacts / folder)
    for path, content in branch.items():
        if ".." in PurePosixPath(path).parts:
            message = f"the ledger branch holds a path that leads out of artifacts/: {path}"
            raise TrustError(message, code="E_SUBJECT_PATH")
        write_atomically(artifacts / path, content)
    # The last export stays until all that it covers is back: whoever exports meanwhile is told what is missing, and signs no other history.
    for exported in sorted(artifacts.glob("exports/*")):
        if f"exports/{exported.name}" not in branch:
            _remove(exported)
    (artifacts / ".ledger").mkdir(parents=True, exist_ok=True)


def _remove(path: Path) -> None:
    """Remove a folder or a file. Raises: StoreError."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        message = f"artifacts/{path.name} can't be replaced: {error.strerror}"
        raise StoreError(message, hint="see that the folder may be written to, then run the command again") from error


def _tip_file(artifacts: Path) -> Path:
    return artifacts / ".ledger" / TIP_NAME


def _fold_chain(session: Session, name: str, chain: Chain) -> int:
    """Write the entries of a chain that are not there yet; returns how many. Raises: TrustError (`E_FORK`) when one differs."""
    new = 0
    for index, entry in enumerate(chain.entries, start=1):
        path = session.artifacts / layout.record_path(entry.folder, name, index)
        if path.exists():
            if read_plain(path) != entry.content:
                message = f"{path.name} of {name} on the ledger branch is not the record in the ledger"
                raise TrustError(message, code="E_FORK", hint="planloom verify   # reports all that is broken")
            continue
        write_atomically(path, entry.content)
        new += 1
        if name.endswith(f"/{names.ITEM_CHAIN}"):
            _fold_attachments(session, name, index)
    return new


def _fold_attachments(session: Session, chain: str, index: int) -> None:
    """Write the compiled plan that lies beside an opening or a migration."""
    for name in (HEADER_NAME, STEPS_NAME):
        try:
            content = session.ledger.attachment(chain, index, name)
        except StoreError:
            return  # a closing has none
        write_atomically(session.artifacts / layout.attachment_path(chain, index, name), content)


def _write_schedule(session: Session, item: str) -> None:
    """Write a work item's schedule as of its newest record, so that nothing new changes no byte."""
    loaded = read_view(session, item)
    view = loaded.view
    newest = max(
        [r.record.at for r in loaded.item_records] + [s.last.record.at for s in view.states.values() if s.last is not None]
    )
    still = view._replace(now=newest)
    document = schedule_document(still, build_schedule(still), prompt="collect", actor="planloom")
    write_atomically(session.artifacts / "schedule" / f"{item}.json", canonical.encode(document) + b"\n")


def push_records(session: Session, plan: str = "", item: str = "") -> Pushed:
    """Commit `artifacts/` to the ledger branch and push it, then remove the refs of work items that are closed there.

    Nothing new makes no commit. A lost race is folded and exported again on the new tip. Raises: StoreError when the records do not
    lie in git, were not collected before, or others win again and again.
    """
    ledger = session.ledger
    if not isinstance(ledger, GitLedger):
        message = f"the records lie in {ledger.describe()}: there is nothing to push"
        raise StoreError(message, hint="commit artifacts/ with git, or use --ledger git")
    for round_ in range(MAX_ROUNDS):
        if round_:
            collect_records(session, plan, item)
            export(session, find_origin(session))
        tip_file = _tip_file(session.artifacts)
        if not tip_file.exists():
            message = "nothing was collected yet"
            raise StoreError(message, hint="planloom collect && planloom export && planloom collect --push")
        tip = tip_file.read_text(encoding="ascii")
        branch = ledger.branch_files()
        changes: dict[str, bytes | None] = {
            path: content for path, content in _read_copy(session.artifacts).items() if not branch.holds(path, content)
        }
        if branch.tip != tip and changes:
            continue
        outcome = ledger.commit_branch(changes, tip, "planloom: collect records")
        if isinstance(outcome, Won):
            commit = next(iter(outcome.heads.values())).token
            return _after_push(session, ledger, commit, len(changes), moved=commit != tip)
    message = f"the ledger branch moved {MAX_ROUNDS} times while this collector worked"
    raise StoreError(message, hint="run the collector again")


def require_collected(session: Session) -> None:
    """See that records of a git ledger were brought into `artifacts/`, before anything is signed over what lies there. Raises: Conflict."""
    if not _tip_file(session.artifacts).exists():
        message = f"the records of {session.ledger.describe()} were not collected yet: a checkpoint would cover none of them"
        raise Conflict(message, hint="planloom collect && planloom export && planloom collect --push")


def _read_copy(artifacts: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(artifacts.rglob("*")):
        name = path.relative_to(artifacts).as_posix()
        if path.is_file() and not name.startswith(".") and not path.name.endswith(".part"):
            found[name] = read_plain(path)
    return found


def _after_push(session: Session, ledger: GitLedger, commit: str, files: int, *, moved: bool) -> Pushed:
    write_atomically(_tip_file(session.artifacts), commit.encode("ascii"))
    pruned = tuple(item for item in ledger.prunable() if ledger.prune(item).removed)
    said = f"pushed {files} files as {commit[:12]}" if moved else "nothing new to push"
    if pruned:
        said += f"; removed the refs of {', '.join(pruned)}"
    return Pushed(commit if moved else "", files if moved else 0, pruned, said)
