"""A mirror: the records in `refs/planloom/*` of a repository together with their copies on its ledger branch, read offline.

The rules are those by which the git ledger reads the remote (`ledger.git`). An open work item's truth is its refs, and what lies on
the branch is a copy: a ref that lacks an entry which was copied from it was rewound. The refs of a work item that is closed on the
branch may be gone; what they have beyond the closing is void. Nothing is raised for what the refs hold: it is a finding.
What can't be read is one of its own: a clone that lacks objects says nothing about who wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from planloom.core import names
from planloom.core.errors import StoreError
from planloom.ledger.closing import closes_item
from planloom.ledger.gitchains import ChainReader
from planloom.ledger.gitobjects import ObjectReader, UnreadableObjectError, blob_id
from planloom.ledger.layout import CHAIN_REFS, attachment_path, is_chain, record_path
from planloom.trust.audit.findings import Finding, stranger
from planloom.trust.audit.history import ARTIFACTS, place_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from planloom.ledger.gitchains import Link
    from planloom.ledger.gitport import Git


class _Copy(NamedTuple):
    path: str
    folder: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the refs add to the files of a branch: records that were not copied yet, what is wrong with refs, what was not looked at."""

    files: Mapping[str, bytes]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def read_refs(git: Git, heads: Mapping[str, str], files: Mapping[str, bytes], *, expected: bool) -> Mirrored:
    """Return what the refs of chains hold beyond `files`, and where they disagree with them.

    Shape: `heads` maps the name of each ref below `refs/planloom/` to its object; `expected` says that a chain whose copies are among
    `files` has a ref, unless its work item is closed: so it is in a mirror. Raises: StoreError when git can't be asked.
    """
    copies = _copies(files)
    closed = _closed(copies)
    found: dict[str, bytes] = {}
    findings: list[Finding] = []
    notes: list[str] = []
    chains = ChainReader()
    with ObjectReader(git) as reader:
        for chain in sorted(heads):
            owner, kept = chain.partition("/")[0], copies.get(chain, {})
            if owner.startswith(names.SCRATCH) and names.item_chain(owner) not in heads:
                notes.append(f"{CHAIN_REFS}{chain} is left over from a race of doctor: not looked at (planloom doctor --fix)")
                continue
            try:
                links = _walk(chains, reader, chain, heads[chain])
                broken = list(_rewound(chain, links, kept))
                more = () if broken else links[max(kept, default=0) :]
                if more and owner in closed:
                    notes.append(f"{len(more)} more in {CHAIN_REFS}{chain}, of {owner}, which is closed: void, not looked at")
                else:
                    found.update(_files_of(reader, chain, more))
                findings += broken
            except UnreadableObjectError as error:
                findings.append(_unreadable(chain, heads[chain], error))
            except (StoreError, ValueError) as error:
                findings.append(_foreign(chain, heads[chain], error))
    if expected:
        findings += _gone(heads, copies, closed)
    return Mirrored(found, tuple(findings), tuple(notes))


def open_items(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the work items among some files that are not closed, sorted."""
    copies = _copies(files)
    items = {chain.partition("/")[0] for chain in copies} - {names.RESOURCE_CHAINS}
    return tuple(sorted(items - _closed(copies)))


def _closed(copies: Mapping[str, Mapping[int, _Copy]]) -> set[str]:
    return {chain.partition("/")[0] for chain, kept in copies.items() if _closes(chain, kept)}


def _copies(files: Mapping[str, bytes]) -> dict[str, dict[int, _Copy]]:
    """Return the copies of every chain: chain → number → copy. Two files with one number are told by the verifier."""
    found: dict[str, dict[int, _Copy]] = {}
    for path, content in files.items():
        place = place_of(path)
        if place is not None and not place.attachment:
            found.setdefault(place.chain, {})[place.index] = _Copy(path, place.folder, content)
    return found


def _closes(chain: str, kept: Mapping[int, _Copy]) -> bool:
    return chain.endswith(f"/{names.ITEM_CHAIN}") and closes_item(kept[max(kept)].content)


def _walk(chains: ChainReader, reader: ObjectReader, chain: str, name: str) -> tuple[Link, ...]:
    if not is_chain(chain):
        message = f"'{chain}' can't name a chain"
        raise StoreError(message)
    return chains.walk(reader, chain, name)


def _rewound(chain: str, links: tuple[Link, ...], kept: Mapping[int, _Copy]) -> Iterator[Finding]:
    """Yield the first entry that was copied from a ref and is not in it any more."""
    for index in sorted(kept):
        copy = kept[index]
        link = links[index - 1] if index <= len(links) else None
        wanted = f"{blob_id(copy.content)}, as in {copy.path}"
        if link is None:
            message = (
                f"the ref was rewound: it ends after {len(links)}, and entry {index} was copied from it to the ledger branch"
            )
            yield Finding("E_REWOUND", CHAIN_REFS + chain, message, f"entry {index}", wanted, "no such entry")
            return
        if (link.folder, link.content) != (copy.folder, blob_id(copy.content)):
            message = f"the ref was rewound: its entry {index} is not the one that was copied from it to the ledger branch"
            yield Finding(
                "E_REWOUND", CHAIN_REFS + chain, message, f"entry {index}", wanted, f"{link.content}, in {link.folder}/"
            )
            return


def _gone(heads: Mapping[str, str], copies: Mapping[str, Mapping[int, _Copy]], closed: Collection[str]) -> Iterator[Finding]:
    for chain, kept in copies.items():
        if chain not in heads and chain.partition("/")[0] not in closed:
            message = f"the ref is gone, and {_count(kept)} copied from it to the ledger branch"
            yield Finding("E_REWOUND", CHAIN_REFS + chain, message, "entry 1", kept[min(kept)].path, "no ref")


def _files_of(reader: ObjectReader, chain: str, links: tuple[Link, ...]) -> dict[str, bytes]:
    """Return the files of some entries as the ledger branch would have them. Raises: StoreError for a name that can't lie there."""
    found: dict[str, bytes] = {}
    for link in links:
        found[ARTIFACTS + record_path(link.folder, chain, link.index)] = reader.blob(link.content)
        for node in reader.tree(link.files) if link.files else ():
            found[ARTIFACTS + attachment_path(chain, link.index, node.name)] = reader.blob(node.id)
    return found


def _foreign(chain: str, name: str, error: Exception) -> Finding:
    ref = CHAIN_REFS + chain
    if not is_chain(chain):
        return stranger(ref, "the name of this ref can't be that of a chain")
    told = error.message if isinstance(error, StoreError) and error.code else "it leads to what is no commit of planloom"
    message = f"planloom did not write this ref: {told.removeprefix(f'{ref}: ')}"
    return Finding("E_FOREIGN", ref, message, "commit", f"one that planloom wrote for {chain}", name)


def _unreadable(chain: str, name: str, error: UnreadableObjectError) -> Finding:
    """Return the finding about a ref of which not all can be read; who wrote it is then not known."""
    ref = CHAIN_REFS + chain
    message = f"the records of this ref can't be read: git has no sound object {error.name[:12]} here; a fresh git clone --mirror brings it"
    return Finding("E_UNREADABLE", ref, message, "commit", "one that can be read whole", name)


def _count(kept: Mapping[int, _Copy]) -> str:
    return f"{len(kept)} records were" if len(kept) > 1 else "1 record was"
