"""How a chain lies in git: one commit an entry, each with the one before as its parent, the entry and its files in the tree.

The tree holds `<folder>.json` and, where there are files beside the entry, a folder `files`. The message names chain and index, so
that a commit can't stand in for one of another chain, and carries a nonce, so that no two appends are ever the same commit
(a push of a commit that is already there succeeds, and would look like a win).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError
from planloom.ledger.gitobjects import FILE_MODE, TREE_MODE, Node
from planloom.ledger.ledger import FOLDERS

if TYPE_CHECKING:
    from planloom.ledger.gitobjects import ObjectReader, ObjectWriter
    from planloom.ledger.ledger import Entry

FILES: Final = "files"

MANY_CONTENTS: Final = 10_000
"""How many contents are kept in memory for the next read; some 30 MB."""

_SUBJECT: Final = re.compile(r"planloom: (\S+) #([0-9]{1,6})\n")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a chain in git: its commit, its place, and the ids of its content and of its files' folder ("" for none)."""

    commit: str
    index: int
    folder: str
    content: str
    files: str


def write_link(writer: ObjectWriter, chain: str, entry: Entry, parent: Link | None, nonce: str, seconds: int) -> Link:
    """Write the objects of one entry after `parent`. Raises: OSError."""
    content = writer.blob(entry.content)
    nodes = [Node(FILE_MODE, f"{entry.folder}.json", content)]
    files = ""
    if entry.attachments:
        files = writer.tree(Node(FILE_MODE, name, writer.blob(data)) for name, data in entry.attachments.items())
        nodes.append(Node(TREE_MODE, FILES, files))
    index = parent.index + 1 if parent else 1
    message = f"planloom: {chain} #{index}\n\nnonce {nonce}"
    commit = writer.commit(writer.tree(nodes), [parent.commit] if parent else [], message, seconds)
    return Link(commit, index, entry.folder, content, files)


class ChainReader:
    """Reads chains of commits; remembers what it saw, since a commit never changes."""

    def __init__(self) -> None:
        self._links: dict[str, tuple[str, Link, str]] = {}
        self._contents: dict[str, bytes] = {}

    def remember(self, chain: str, link: Link, parent: str) -> None:
        """Take note of a link that this process wrote itself."""
        self._links[link.commit] = (chain, link, parent)

    def link(self, reader: ObjectReader, chain: str, commit: str) -> Link:
        """Return the entry that a commit of `chain` holds. Raises: StoreError when it is not one of ours."""
        return self._step(reader, chain, commit)[0]

    def walk(self, reader: ObjectReader, chain: str, commit: str) -> tuple[Link, ...]:
        """Return every entry of a chain, in order. Raises: StoreError when a commit is not one of ours."""
        links: list[Link] = []
        while commit:
            link, commit = self._step(reader, chain, commit)
            links.append(link)
        links.reverse()
        if [link.index for link in links] != list(range(1, len(links) + 1)):
            raise _foreign(chain, links[-1].commit)
        return tuple(links)

    def content(self, reader: ObjectReader, blob: str) -> bytes:
        """Return the content of an entry. Raises: StoreError."""
        found = self._contents.get(blob)
        if found is None:
            if len(self._contents) >= MANY_CONTENTS:
                self._contents.clear()
            found = self._contents[blob] = reader.blob(blob)
        return found

    def _step(self, reader: ObjectReader, chain: str, name: str) -> tuple[Link, str]:
        known = self._links.get(name)
        if known is None:
            commit = reader.commit(name)
            subject = _SUBJECT.match(commit.message)
            if subject is None or len(commit.parents) > 1:
                raise _foreign(chain, name)
            parent = commit.parents[0] if commit.parents else ""
            folder, content, files = _read_tree(reader.tree(commit.tree), chain, name)
            known = self._links[name] = (subject[1], Link(name, int(subject[2]), folder, content, files), parent)
        owner, link, parent = known
        if owner != chain:
            raise _foreign(chain, name)
        return link, parent


def _read_tree(nodes: tuple[Node, ...], chain: str, commit: str) -> tuple[str, str, str]:
    """Return folder, content id and files id of an entry's tree."""
    records = [n for n in nodes if not n.is_folder and n.mode == FILE_MODE]
    files = [n for n in nodes if n.is_folder and n.name == FILES]
    folder = records[0].name.removesuffix(".json") if len(records) == 1 else ""
    if len(records) + len(files) != len(nodes) or folder not in FOLDERS or records[0].name != f"{folder}.json":
        raise _foreign(chain, commit)
    return folder, records[0].id, files[0].id if files else ""


def _foreign(chain: str, commit: str) -> StoreError:
    message = f"refs/planloom/{chain}: commit {commit[:12]} was not written by planloom for this chain"
    return StoreError(message, hint="somebody pushed to this ref by hand; restore it from a copy", code="E_FOREIGN")
