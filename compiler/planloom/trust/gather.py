"""Gathering a history from where it lies: a project's folder, a bundle, a bare clone, a ledger."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.core.errors import InputError, StoreError
from planloom.core.plainfile import read_plain
from planloom.ledger.copying import MARK, half_copy
from planloom.ledger.gitport import Git
from planloom.ledger.journal import JOURNAL, Journal
from planloom.ledger.layout import CHAIN_REFS, attachment_path, record_path
from planloom.ledger.points import pass_by
from planloom.records.compiled import HEADER_NAME, STEPS_NAME
from planloom.trust.audit.compiled import is_compiled_workflow
from planloom.trust.audit.findings import stranger
from planloom.trust.audit.history import ARTIFACTS, WORKFLOWS, History
from planloom.trust.bundle import BUNDLE_START, read_bundle
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, PORTFOLIO_PATH
from planloom.trust.mirror import open_items, read_refs
from planloom.trust.policyfiles import POLICY_PATH, TRUST_FOLDER
from planloom.trust.policyjournal import read_change, settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planloom.ledger.ledger import Ledger

_TOOLS: Final = ".ledger"
_LEDGER_BRANCH: Final = "planloom"
_SETTINGS_PATH: Final = "generated/project.json"
_GIT_SECONDS: Final = 120
_SHOWN: Final = 3
_NOT_PLAIN: Final = "this is no plain file: nothing was read through it"
_CUT_OFF: Final = f"a change of the trust policy was cut off: it counts here, but {TRUST_FOLDER}/ lacks some of its files; planloom doctor --fix"
_BRINGS_ALL: Final = "git clone --mirror brings all that there is, and verify --since shows what was removed"


def read_history(path: Path) -> History:
    """Return the history in a project's folder, a clone of one, bare or not, or a bundle file.

    A clone whose `artifacts/` has no records has them on the ledger branch, as it was fetched; a mirror has in its refs those that are not copied there yet. Raises: InputError when there is none, StoreError when something can't be read.
    """
    if path.is_file():
        return _read_bundle_file(path)
    if not path.is_dir():
        message = f"{path}: there is no such file or folder"
        raise InputError(message, hint="planloom verify PATH   # the folder of a project, a bare clone or a bundle")
    history = _read_bare(path) if _is_bare(path) else _read_clone(path)
    if POLICY_PATH not in history.files and not history.items():
        message = f"{path} holds nothing to verify: neither {POLICY_PATH} nor records in artifacts/"
        raise InputError(message, hint="planloom init   # lays a project down; planloom verify PATH names one elsewhere")
    return history


def is_evidence(path: str) -> bool:
    """Return whether a verifier looks at this path: records and what lies among them, checkpoint, policy, plans, compiled plans, workflows."""
    if path.startswith(ARTIFACTS):
        return not path.startswith((f"{ARTIFACTS}{_TOOLS}/", f"{ARTIFACTS}schedule/")) and _is_kept_export(path)
    if path.startswith("generated/"):
        return path.count("/") == 2 and path.endswith((f"/{HEADER_NAME}", f"/{STEPS_NAME}"))
    if path.startswith(WORKFLOWS):
        return path.count("/") == 2 and path.endswith((".yml", ".yaml"))
    return path.startswith(f"{TRUST_FOLDER}/") or (path.startswith("specs/") and path.count("/") == 1 and path.endswith(".yaml"))


def is_other_workflow(path: str, content: bytes) -> bool:
    """Return whether a file is a workflow that somebody wrote by hand: that is no evidence, and no part of a bundle."""
    return path.startswith(WORKFLOWS) and not is_compiled_workflow(content)


def _is_kept_export(path: str) -> bool:
    return not path.startswith(f"{ARTIFACTS}exports/") or path in {CHECKPOINT_PATH, LEAVES_PATH, PORTFOLIO_PATH}


def _read_bundle_file(path: Path) -> History:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: it can't be read: {error.strerror}"
        raise StoreError(message) from error
    if not content.startswith(BUNDLE_START):
        message = f"{path} is not a bundle of planloom"
        raise InputError(message, hint="planloom export --bundle FILE   # writes one")
    return read_bundle(content)


def read_folder(root: Path) -> History:
    """Return what lies in a project's folder itself. Raises: StoreError when something can't be read, or the records are half a copy."""
    half = None if _special_tools(root) else half_copy(root / "artifacts")
    if half is not None:
        raise half
    return _read_files(root)


def _read_files(root: Path) -> History:
    files: dict[str, bytes] = {}
    special = _special_tools(root)
    breaks = [stranger(name, _NOT_PLAIN) for name in special]
    try:
        with settled(root):
            change = read_change(root)
            for name in _walk(root):
                if not _is_plain(root, name):
                    # A finding and no error: one link would else keep back whatever else is broken.
                    breaks.append(stranger(name, _NOT_PLAIN))
                    continue
                content = read_plain(root / name, follow=not name.startswith(ARTIFACTS))
                if not is_other_workflow(name, content):
                    files[name] = content
        if change is not None:
            files = change.laid_over(files)
    except OSError as error:
        message = f"{Path(str(error.filename or root)).name}: it can't be read: {error.strerror}"
        raise StoreError(message, hint="verify needs to read all of specs/, generated/ and artifacts/") from error
    artifacts = root / "artifacts"
    # An append of several records counts from the moment at which its journal is there.
    waiting = {} if special else Journal(artifacts, artifacts / _TOOLS, pass_by).pending()
    files |= {ARTIFACTS + name: content for name, content in waiting.items()}
    return History(dict(sorted(files.items())), () if change is None else (_CUT_OFF,), tuple(breaks))


def _walk(root: Path) -> Iterator[str]:
    for top in ("artifacts", "generated", "specs", WORKFLOWS.rstrip("/")):
        if (root / top).is_symlink() and not _is_below(root / top, root):
            if top != "artifacts":  # That one is told with the ledger's own files (`_special_tools`).
                yield top
            continue
        for folder, below, found in os.walk(root / top, onerror=_fail):
            below[:] = sorted(name for name in below if name != _TOOLS)
            for name in sorted((*found, *(name for name in below if (Path(folder) / name).is_symlink()))):
                path = (Path(folder) / name).relative_to(root).as_posix()
                if is_evidence(path):
                    yield path


def _special_tools(root: Path) -> tuple[str, ...]:
    """Return which of the ledger's own files are none: a link there could say that a journal waits, or that half a copy lies here."""
    folder = f"{ARTIFACTS}{_TOOLS}"
    for path in ("artifacts", folder):
        if (root / path).is_symlink() and (path == folder or not _is_below(root / path, root)):
            return (path,)
    paths = (f"{ARTIFACTS}{MARK}", f"{folder}/{JOURNAL}")
    return tuple(path for path in paths if os.path.lexists(root / path) and not _is_plain(root, path))


def _is_plain(root: Path, path: str) -> bool:
    """Return whether a file may be opened: reading a pipe never ends, and a link may lead anywhere. Among the records there are no links."""
    place = root / path
    if place.is_symlink():
        return not path.startswith(ARTIFACTS) and place.is_file() and _is_below(place, root)
    return stat.S_ISREG(place.lstat().st_mode)


def _is_below(place: Path, root: Path) -> bool:
    try:
        return place.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # A circle of links.
        return False


def _fail(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _read_clone(root: Path) -> History:
    """Return what lies in the folder; without records in it, those of the ledger branch that came with the clone."""
    history = read_folder(root)
    git = root / ".git"
    if history.records() or not git.exists():
        return history
    try:
        settings = (root / _SETTINGS_PATH).read_bytes() if _is_plain(root, _SETTINGS_PATH) else b""
    except FileNotFoundError:
        settings = b""
    except OSError as error:
        message = f"{_SETTINGS_PATH}: it can't be read: {error.strerror}"
        raise StoreError(message) from error
    name = _ledger_branch(settings)
    # What was fetched last comes first: nobody works on the local branch, which a collector elsewhere has left behind.
    wanted = [f"refs/remotes/origin/{name}", f"refs/heads/{name}"]
    there = _git(git, "for-each-ref", "--format=%(refname)", *wanted).decode("utf-8", "replace").split()
    branch = next((ref for ref in wanted if ref in there), "")
    found = _with_records_of(history.files, git, branch) if branch else history
    return History(found.files, (*history.notes, *_unseen(found, name, has_branch=bool(branch))), history.breaks)


def _with_records_of(files: Mapping[str, bytes], git: Path, branch: str) -> History:
    """Return policy and plans of some files with the records of a branch."""
    kept = {name: content for name, content in files.items() if not name.startswith(ARTIFACTS)}
    kept |= {name: content for name, content in _read_tree(git, branch).items() if name.startswith(ARTIFACTS)}
    return History(dict(sorted(kept.items())))


def _ledger_branch(settings: bytes) -> str:
    """Return the ledger branch that the compiled project settings name; planloom's own when there are none."""
    try:
        value = json.loads(settings or b"{}")
    except ValueError as error:
        message = f"{_SETTINGS_PATH} can't be read: {error}"
        raise StoreError(message, hint="planloom compile") from error
    named = value.get("ledgerBranch") if isinstance(value, dict) else ""
    return named if isinstance(named, str) and named else _LEDGER_BRANCH


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _read_bare(path: Path) -> History:
    """Return what the default branch holds, the records of the ledger branch when there is one, and those of the refs that a mirror has."""
    branches = _git(path, "for-each-ref", "--format=%(refname)", "refs/heads/").decode("utf-8", "replace").split()
    default = _default_branch(path, branches)
    files = _read_tree(path, default)
    name = _ledger_branch(_read_file(path, default, _SETTINGS_PATH))
    branch = f"refs/heads/{name}"
    if branch in branches:
        files = dict(_with_records_of(files, path, branch).files)
    heads = dict(_chain_refs(path))
    # A mirror has all refs of its remote. Without one of them, only where records are collected from refs to a branch of their own is it known that there were any.
    is_mirror = (
        branch in branches and _git(path, "config", "--bool", "--default=false", "remote.origin.mirror").strip() == b"true"
    )
    if not heads and not is_mirror:
        whole = History(dict(sorted(files.items())))
        return History(whole.files, _unseen(whole, name, has_branch=branch in branches), source="clone")
    found = read_refs(Git(path, _environment()), heads, files, expected=True)
    return History(dict(sorted({**files, **found.files}.items())), found.notes, found.findings, "clone")


def _unseen(history: History, name: str, *, has_branch: bool) -> tuple[str, ...]:
    """Return what can't be known of a clone without refs of chains: it looks the same when it never had any and when they were taken out."""
    if not history.records():
        where = f"its ledger branch '{name}' has none" if has_branch else f"and no ledger branch '{name}'"
        return (
            f"no records are here, {where}: what is in {CHAIN_REFS}* of the remote or was removed is not seen; {_BRINGS_ALL}",
        )
    going_on = open_items(history.files) if has_branch else ()
    if not going_on:
        return ()
    shown = ", ".join(going_on[:_SHOWN]) + (f" and {len(going_on) - _SHOWN} more" if len(going_on) > _SHOWN else "")
    return (f"{CHAIN_REFS}* is not here: what {shown} recorded after it was collected is not seen; {_BRINGS_ALL}",)


def _chain_refs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of every ref of a chain, and the object to which it leads."""
    for line in (
        _git(path, "for-each-ref", "--format=%(objectname) %(refname)", CHAIN_REFS).decode("utf-8", "replace").splitlines()
    ):
        name, _, ref = line.partition(" ")
        yield ref.removeprefix(CHAIN_REFS), name


def _default_branch(path: Path, branches: list[str]) -> str:
    """Return what HEAD names when it exists; a clone of a repository whose HEAD names nothing may still have one branch of plans."""
    named = (path / "HEAD").read_text(encoding="utf-8", errors="replace").strip().removeprefix("ref: ")
    others = [branch for branch in branches if branch != f"refs/heads/{_LEDGER_BRANCH}"]
    if named in branches or not named.startswith("refs/"):
        return "HEAD"
    if len(others) == 1:
        return others[0]
    message = f"{path.name}: its HEAD names {named}, which does not exist"
    raise StoreError(message, hint="git symbolic-ref HEAD refs/heads/BRANCH, in the clone, says which branch has the plans")


def _read_tree(path: Path, revision: str) -> dict[str, bytes]:
    listing = _git(path, "ls-tree", "-r", "-z", "--full-tree", revision)
    wanted: list[tuple[str, str]] = []
    for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
        kind, _, name = entry.partition("\t")
        if name and kind.split()[1] == "blob" and is_evidence(name):
            wanted.append((name, kind.split()[2]))
    stream = _git(path, "cat-file", "--batch", given="".join(f"{blob}\n" for _, blob in wanted).encode())
    files: dict[str, bytes] = {}
    at = 0
    for name, _ in wanted:
        end = stream.index(b"\n", at)
        about = stream[at:end].split()
        if len(about) != 3:
            message = f"{path.name}: git has no content for {name}: the clone is not whole"
            raise StoreError(message, hint="git clone --mirror, without --filter, makes one that is")
        size = int(about[2])
        content = stream[end + 1 : end + 1 + size]
        if not is_other_workflow(name, content):
            files[name] = content
        at = end + size + 2
    return files


def _read_file(path: Path, revision: str, name: str) -> bytes:
    """Return a file of a commit, empty when it has none of this name."""
    listing = _git(path, "ls-tree", "-z", "--full-tree", revision, name).decode("utf-8", "surrogateescape")
    return _git(path, "cat-file", "blob", listing.split()[2]) if listing.startswith("100") else b""


def _git(path: Path, *words: str, given: bytes = b"") -> bytes:
    command = ["git", "--git-dir", str(path), *words]
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_GIT_SECONDS, check=True, env=_environment())
    except FileNotFoundError as error:
        raise StoreError("git is not installed, and a bare clone can't be read without it", hint="install git") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        message = f"git can't read {path.name}: {said[-1] if said else 'it gave no answer'}"
        raise StoreError(message) from error
    return done.stdout


def _environment() -> dict[str, str]:
    """Return the environment of git: the repository is only read, and nothing of the caller's settings may change what it says.

    Its own settings are somebody else's: where an object is missing they could make git fetch it by a command that they name.
    So no transport is allowed, whatever they say, and verifying stays offline.
    """
    settings = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
    anybodys = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    offline = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
    return {"PATH": os.environ.get("PATH", ""), **settings, **anybodys, **offline}


def read_ledger(ledger: Ledger, root: Path, beside: Iterable[tuple[str, bytes]] = ()) -> History:
    """Return a history whose records come from a ledger, and policy and plans from a project's folder.

    `beside` are further files of `artifacts/` by their paths in the project: the checkpoint, where it lies elsewhere than in the folder.
    """
    folder = _read_files(root)
    files = {path: content for path, content in folder.files.items() if not path.startswith(ARTIFACTS)}
    files |= {path: content for path, content in beside if is_evidence(path)}
    owners = [f"{item}/" for item in ledger.items()]
    for name, chain in ledger.read([*owners, f"{names.RESOURCE_CHAINS}/"]).items():
        for index, entry in enumerate(chain.entries, start=1):
            files[ARTIFACTS + record_path(entry.folder, name, index)] = entry.content
            if entry.folder == "work-items":
                for attached in (HEADER_NAME, STEPS_NAME):
                    try:
                        files[ARTIFACTS + attachment_path(name, index, attached)] = ledger.attachment(name, index, attached)
                    except StoreError:
                        continue  # A closing has none; where one is missing the verifier says so.
    return History(dict(sorted(files.items())), folder.notes, folder.breaks)
