"""Which ledger is meant: `files[:DIR]` or `git[:REMOTE or URL]`, from the command line down to the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planloom.core.errors import InputError
from planloom.core.names import ITEM_CHAIN
from planloom.ledger.copying import half_copy
from planloom.ledger.files import FileLedger
from planloom.ledger.layout import CHAIN_REFS, KNOWN_ITEMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.core.ports import Clock, Environment, Ids
    from planloom.ledger.ledger import Ledger


def open_ledger(
    where: str,
    root: Path,
    environment: Environment,
    settings: Mapping[str, Any],
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> Ledger:
    """Return the ledger of the project in `root`.

    Shape: `where` as `--ledger` takes it; without one `PLANLOOM_LEDGER`, the project's settings (`generated/project.json`), git inside GitHub
    Actions, and files, in this order. `clock` dates git's commits, `ids` tells them apart; the machine's by default.
    Raises: InputError when it names no ledger, StoreError when there is no such remote, or the folder holds half a copy.
    """
    chosen = where or environment.get("PLANLOOM_LEDGER") or str(settings.get("ledger") or "")
    if not chosen:
        chosen = "git" if environment.get("GITHUB_ACTIONS") == "true" else "files"
    kind, _, rest = chosen.partition(":")
    if kind == "files":
        half = half_copy(root / (rest or "artifacts"))
        if half is not None:
            raise half
        return FileLedger(root / rest, rest) if rest else FileLedger(root / "artifacts")
    if kind != "git":
        message = f"'{chosen}' is not a ledger"
        raise InputError(message, hint="files[:DIR] keeps records in a folder, git[:REMOTE] in a git repository")
    # Whoever keeps records in files never pays for importing these.
    from planloom.ledger.git import DEFAULT_BRANCH, GitLedger, GitOptions
    from planloom.ledger.gitremotes import CommitClock, CommitIds, cache_folder, find_remote

    remote = find_remote(rest, root, environment)
    options = GitOptions(branch=str(settings.get("ledgerBranch") or DEFAULT_BRANCH))
    folder = cache_folder(root, environment, remote)
    return GitLedger(remote, folder, environment.all(), clock or CommitClock(), ids or CommitIds(), options)


def is_cached(root: Path, item: str) -> bool:
    """Return whether a git ledger, at whatever remote, has a work item as far as its copy in this project knows. Reads files: git need not be there."""
    ref = f"{CHAIN_REFS}{item}/{ITEM_CHAIN}"
    for cache in (root / ".planloom" / "cache").glob("*.git"):
        if (cache / ref).exists() or (cache / KNOWN_ITEMS / item).exists():
            return True
        try:
            packed = (cache / "packed-refs").read_text("utf-8", "replace")
        except FileNotFoundError:
            continue
        if any(line.partition(" ")[2] == ref for line in packed.splitlines()):
            return True
    return False
