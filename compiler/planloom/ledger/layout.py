"""Where entries lie in `artifacts/`: `<folder>/<item>/<chain>/<index:06d>.json`, attachments in `<index:06d>/` beside it.

The one place that turns names into paths and back. A name that does not fit is refused here, so no chain ever leads out
of `artifacts/`, and no path ever becomes a chain that a git ref could not carry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core import names
from planloom.core.errors import StoreError
from planloom.ledger.ledger import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterable

CHAIN_REFS: Final = "refs/planloom/"
"""Below this lies one ref a chain, where chains lie in git."""

KNOWN_ITEMS: Final = "planloom-items"
"""In the copy of a git ledger: an empty file for each work item that was opened from here."""

WITH_ATTACHMENTS: Final = "work-items"
"""The only folder whose entries may have attachments; below the others lie records and nothing else."""

MAX_INDEX: Final = 999_999
"""The longest chain that six digits count."""

_CHAIN: Final = re.compile(r"_?[a-z0-9][a-z0-9-]{0,67}")
_FILE: Final = re.compile(r"([0-9]{6})\.json")
_ATTACHMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}")


class Place(NamedTuple):
    """What a path names: an entry, or one of its attachments (`attachment` is empty for the entry itself)."""

    folder: str
    chain: str
    index: int  # type: ignore[assignment] # the word of the format; nobody asks a place for tuple.index
    attachment: str = ""


def check_chain(chain: str) -> str:
    """Return `chain` when it may name one: `<item>/<name>`, each part a valid component of a git ref. Raises: StoreError."""
    owner, slash, name = chain.partition("/")
    owner_ok = owner == names.RESOURCE_CHAINS or names.is_work_item_id(owner)
    if not (slash and owner_ok and _CHAIN.fullmatch(name)):
        message = f"'{chain}' can't name a chain of the ledger"
        raise StoreError(message, hint="a chain is named <work item>/<step>")
    return chain


def check_owner(owner: str) -> str:
    """Return `owner` when chains may lie below it: a work item or `_resource`. Raises: StoreError."""
    if owner != names.RESOURCE_CHAINS and not names.is_work_item_id(owner):
        message = f"'{owner}' can't name a work item"
        raise StoreError(message, hint="lower-case letters, digits, '.' and '-' only, at most 63")
    return owner


def record_path(folder: str, chain: str, index: int) -> str:
    """Return where an entry lies, relative to `artifacts/`. Raises: StoreError for a name or index out of range."""
    if folder not in FOLDERS or not 1 <= index <= MAX_INDEX:
        message = f"no place in the ledger for entry {index} of '{chain}' in '{folder}'"
        raise StoreError(message)
    return f"{folder}/{check_chain(chain)}/{index:06d}.json"


def attachment_path(chain: str, index: int, name: str) -> str:
    """Return where an attachment lies, relative to `artifacts/`. Raises: StoreError for a name out of range."""
    if not _ATTACHMENT.fullmatch(name):
        message = f"'{name}' can't name a file that belongs to a record"
        raise StoreError(message)
    return f"{record_path(WITH_ATTACHMENTS, chain, index).removesuffix('.json')}/{name}"


def parse_path(path: str) -> Place | None:
    """Return what lies at a path relative to `artifacts/`, or None when nothing of a chain may lie there."""
    parts = path.split("/")
    if len(parts) not in {4, 5} or parts[0] not in FOLDERS:
        return None
    folder, chain = parts[0], f"{parts[1]}/{parts[2]}"
    match = _FILE.fullmatch(parts[3] if len(parts) == 4 else f"{parts[3]}.json")
    if match is None or int(match[1]) < 1 or not is_chain(chain):
        return None
    if len(parts) == 4:
        return Place(folder, chain, int(match[1]))
    if folder != WITH_ATTACHMENTS or not _ATTACHMENT.fullmatch(parts[4]):
        return None
    return Place(folder, chain, int(match[1]), parts[4])


def is_chain(chain: str) -> bool:
    """Return whether `chain` may name one."""
    try:
        check_chain(chain)
    except StoreError:
        return False
    return True


def split_names(wanted: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what `Ledger.read` was asked for as (owners whose every chain is wanted, single chains), each sorted and once.

    Raises: StoreError for a name out of range.
    """
    owners = {check_owner(name[:-1]) for name in wanted if name.endswith("/")}
    chains = {check_chain(name) for name in wanted if not name.endswith("/")}
    return tuple(sorted(owners)), tuple(sorted(chains))
