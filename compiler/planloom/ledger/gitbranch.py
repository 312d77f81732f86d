"""The ledger branch: `artifacts/` in the tree of a commit, in the same layout as on disk.

Reading takes only the folders that are asked for; writing replaces only what is below `artifacts/` and keeps every other file of
the commit as it is, so the branch may be the default branch, and `.github/workflows` is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError
from planloom.core.names import ITEM_CHAIN
from planloom.ledger import layout
from planloom.ledger.gitobjects import FILE_MODE, TREE_MODE, Node, ObjectReader, blob_id
from planloom.ledger.ledger import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.ledger.gitobjects import ObjectWriter
    from planloom.ledger.gitport import Git

TOP: Final = "artifacts"


@dataclass(frozen=True, slots=True)
class Copy:
    """An entry as it lies on the branch: its folder and the id of its content."""

    folder: str
    content: str


class BranchFiles(Mapping[str, bytes]):
    """The files below `artifacts/` at one tip of the ledger branch: path relative to `artifacts/` → content.

    Contents are read when the first is asked for; `holds` and `ids` tell which are equal without reading any. `tip` is "" when there is no branch yet.
    """

    def __init__(self, git: Git, tip: str, ids: Mapping[str, str]) -> None:
        self.tip = tip
        self.ids = ids
        self._git = git
        self._contents: dict[str, bytes] = {}

    def __getitem__(self, path: str) -> bytes:
        name = self.ids[path]
        if not self._contents:
            with ObjectReader(self._git) as reader:
                self._contents = {each: reader.blob(each) for each in sorted(set(self.ids.values()))}
        return self._contents[name]

    def holds(self, path: str, content: bytes) -> bool:
        """Return whether a file is there with just this content; reads none."""
        return self.ids.get(path) == blob_id(content)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


class BranchReader:
    """Reads trees of the branch; remembers the folders it saw, since they never change."""

    def __init__(self) -> None:
        self._trees: dict[str, dict[str, Node]] = {}

    def owners(self, reader: ObjectReader, tip: str) -> tuple[str, ...]:
        """Return every work item that has an entry of its own on the branch, sorted. Raises: StoreError."""
        folder = self._folder(reader, tip, f"{TOP}/{layout.WITH_ATTACHMENTS}")
        return tuple(sorted(n.name for n in folder.values() if n.is_folder and ITEM_CHAIN in self._tree(reader, n.id)))

    def copies(self, reader: ObjectReader, tip: str, owner: str) -> dict[str, tuple[Copy, ...]]:
        """Return the chains of `owner` as they lie on the branch. Raises: StoreError for a gap or a foreign file."""
        found: dict[str, dict[int, Copy]] = {}
        for folder in FOLDERS:
            for chain, node in self._folder(reader, tip, f"{TOP}/{folder}/{owner}").items():
                name = f"{owner}/{chain}"
                for file in self._tree(reader, node.id).values() if node.is_folder else ():
                    self._add(found.setdefault(name, {}), name, folder, file)
        return {name: _in_order(name, places) for name, places in sorted(found.items()) if places}

    def attachment(self, reader: ObjectReader, tip: str, chain: str, index: int, name: str) -> str:
        """Return the id of a file beside an entry, or "". Raises: StoreError."""
        path = layout.attachment_path(chain, index, name)
        folder, _, file = path.rpartition("/")
        node = self._folder(reader, tip, f"{TOP}/{folder}").get(file)
        return node.id if node else ""

    def files(self, reader: ObjectReader, tip: str) -> dict[str, str]:
        """Return every file below `artifacts/`: path → id, sorted. Raises: StoreError."""
        found: dict[str, str] = {}

        def visit(nodes: dict[str, Node], prefix: str) -> None:
            for name, node in nodes.items():
                if node.is_folder:
                    visit(self._tree(reader, node.id), f"{prefix}{name}/")
                else:
                    found[prefix + name] = node.id

        visit(self._folder(reader, tip, TOP), "")
        return dict(sorted(found.items()))

    def write(self, reader: ObjectReader, writer: ObjectWriter, tip: str, changes: Mapping[str, bytes | None]) -> str:
        """Write the tree of `tip` with files below `artifacts/` changed (None removes one); return its id.

        Raises: StoreError for a path that leads elsewhere, OSError.
        """
        nested: _Changes = {}
        for path, content in changes.items():
            parts = path.split("/")
            if any(part in {"", ".", "..", ".git"} for part in parts):
                message = f"'{path}' does not lie below artifacts/"
                raise StoreError(message)
            inner = nested
            for part in parts[:-1]:
                inner = _descend(inner, part, path)
            inner[parts[-1]] = content if content is None else writer.blob(content)
        root = reader.commit(tip).tree if tip else ""
        return self._rewrite(reader, writer, root, {TOP: nested}) or writer.tree([])

    def _rewrite(self, reader: ObjectReader, writer: ObjectWriter, tree: str, changes: _Changes) -> str:
        """Return the id of a changed folder, "" when nothing is left in it."""
        nodes = dict(self._tree(reader, tree)) if tree else {}
        for name, change in changes.items():
            old = nodes.pop(name, None)
            if isinstance(change, dict):
                below = self._rewrite(reader, writer, old.id if old and old.is_folder else "", change)
                if below:
                    nodes[name] = Node(TREE_MODE, name, below)
            elif change is not None:
                nodes[name] = Node(FILE_MODE, name, change)
        return writer.tree(nodes.values()) if nodes else ""

    def _add(self, places: dict[int, Copy], chain: str, folder: str, file: Node) -> None:
        place = layout.parse_path(f"{folder}/{chain}/{file.name}")
        if place is None or file.is_folder:
            if folder == layout.WITH_ATTACHMENTS and file.is_folder:
                return
            message = f"{TOP}/{folder}/{chain}/{file.name} on the ledger branch is not a record, and only records may lie there"
            raise StoreError(message, hint="remove it from the branch", code="E_FOREIGN")
        if places.setdefault(place.index, Copy(folder, file.id)).folder != folder:
            message = f"the ledger branch has two entries {place.index} of {chain}"
            raise StoreError(message, hint="restore the branch from its history", code="E_CHAIN_FORK")

    def _folder(self, reader: ObjectReader, tip: str, path: str) -> dict[str, Node]:
        if not tip:
            return {}
        tree = reader.commit(tip).tree
        for part in path.split("/"):
            node = self._tree(reader, tree).get(part)
            if node is None or not node.is_folder:
                return {}
            tree = node.id
        return self._tree(reader, tree)

    def _tree(self, reader: ObjectReader, name: str) -> dict[str, Node]:
        found = self._trees.get(name)
        if found is None:
            found = self._trees[name] = {node.name: node for node in reader.tree(name)}
        return found


_Changes = dict[str, "_Changes | str | None"]


def _descend(changes: _Changes, name: str, path: str) -> _Changes:
    inner = changes.setdefault(name, {})
    if not isinstance(inner, dict):
        message = f"'{path}' lies below a file"
        raise StoreError(message)
    return inner


def _in_order(chain: str, places: dict[int, Copy]) -> tuple[Copy, ...]:
    missing = [index for index in range(1, len(places) + 1) if index not in places]
    if missing:
        message = f"the ledger branch: entry {missing[0]} of {chain} is missing, although entry {max(places)} is there"
        raise StoreError(message, hint="restore the branch from its history", code="E_CHAIN_GAP")
    return tuple(places[index] for index in range(1, len(places) + 1))
