"""The ledger in a git repository: one ref a chain, exclusive between all machines that can push to it.

An append is one atomic push with a lease on every ref. A read is one fetch of the refs asked for and of the ledger branch. What
lies on that branch is a copy: a ref that is behind its copy was rewound, which is refused; a work item that is closed there is
read from there alone, and its refs may go (`ledger.gitcare`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError, TrustError
from planloom.core.names import ITEM_CHAIN, is_work_item_id
from planloom.ledger import disk, layout
from planloom.ledger.closing import closes_item
from planloom.ledger.entries import check_append, no_attachment
from planloom.ledger.gitbranch import BranchFiles, BranchReader
from planloom.ledger.gitcache import Cache, patterns_for
from planloom.ledger.gitchains import ChainReader, Link, write_link
from planloom.ledger.gitnewest import read_default_branch
from planloom.ledger.gitobjects import ObjectReader, ObjectWriter
from planloom.ledger.gitpush import Pusher, Update
from planloom.ledger.layout import CHAIN_REFS
from planloom.ledger.ledger import EMPTY, NOTHING, Chain, Entry, Head, Lost, Won
from planloom.ledger.points import Hook, pass_by
from planloom.ledger.retry import Pace
from planloom.ledger.timestamps import unix_seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from planloom.core.ports import Clock, Ids
    from planloom.ledger.gitbranch import Copy
    from planloom.ledger.gitcache import Snapshot
    from planloom.ledger.gitport import Remote
    from planloom.ledger.ledger import Append, Outcome

CLOSED: Final = "closed"
"""The token of a head on the ledger branch: nothing can be appended after it."""

DEFAULT_BRANCH: Final = "planloom"


@dataclass(frozen=True, slots=True)
class GitOptions:
    """What may differ: the ledger branch, how long to go on trying, what closes a work item, and the crash-point hook of tests."""

    branch: str = DEFAULT_BRANCH
    pace: Pace = field(default_factory=Pace)
    closes: Callable[[bytes], bool] = closes_item
    at: Hook = pass_by


@dataclass(frozen=True, slots=True)
class Pruned:
    """Chains whose refs were removed, and chains whose refs stay (not closed, not copied whole, or moved meanwhile)."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]


class GitLedger:
    """Chains as refs of `remote`, seen through a private cache in `cache_folder`.

    `environment` is the process environment, of which git gets what it needs; `clock` dates the commits and `ids` makes each unlike any
    other.
    """

    def __init__(
        self,
        remote: Remote,
        cache_folder: Path,
        environment: Mapping[str, str],
        clock: Clock,
        ids: Ids,
        options: GitOptions | None = None,
    ) -> None:
        chosen = options or GitOptions()
        self._cache = Cache(cache_folder, remote, chosen.branch, environment, chosen.pace)
        self._branch = BranchReader()
        self._writer = ObjectWriter(cache_folder)
        self._clock = clock
        self._ids = ids
        self._closes = chosen.closes
        self._at = chosen.at
        self._pusher = Pusher(self._cache, chosen.at)
        self._chains = ChainReader()
        self._seen: dict[str, Mapping[int, Link]] = {}
        self._tip = ""

    def describe(self) -> str:
        """Return `git origin`."""
        return f"git {self._cache.remote.label}"

    def items(self) -> tuple[str, ...]:
        """Return every work item id that has an `_item` chain, sorted. Raises: StoreError."""
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            snapshot = self._cache.fetch([f"*/{ITEM_CHAIN}"])
            own = {chain.partition("/")[0] for chain in snapshot.heads if chain.endswith(f"/{ITEM_CHAIN}")}
            return tuple(sorted({*own, *self._branch.owners(reader, snapshot.tip)}))

    def read(self, names: Sequence[str]) -> dict[str, Chain]:
        """Return chains as of one moment (see `Ledger.read`). Raises: StoreError, TrustError (`E_REWOUND`)."""
        owners, single = layout.split_names(names)
        with self._guarded():
            try:
                return self._read(owners, single)
            except TrustError:
                # A server that lists refs while somebody writes may name an old ref beside a new branch; a chain that was rewound
                # stays rewound.
                return self._read(owners, single)

    def append(self, entries: Mapping[str, Append], unmoved: Mapping[str, Head] = NOTHING) -> Outcome:
        """Append to several chains, all or nothing, in one push (see `Ledger.append`). Raises: StoreError."""
        check_append(entries, unmoved)
        expected = {**{chain: append.expected for chain, append in entries.items()}, **unmoved}
        with self._guarded():
            self._cache.make()
            lost = [chain for chain in sorted(expected) if not self._is_possible(chain, expected[chain])]
            if lost:
                return Lost(tuple(lost))
            links = {chain: self._write(chain, entries[chain]) for chain in sorted(entries)}
            self._at("git: objects written")
            # A ref that is pushed as it is keeps its lease; git sends nothing for it, and nothing else when the lease does not hold.
            moves = {chain: link.commit for chain, link in links.items()} | {chain: head.token for chain, head in unmoved.items()}
            updates = [Update(CHAIN_REFS + chain, expected[chain].token, moves[chain]) for chain in sorted(moves)]
            stale = self._pusher.push(updates, lambda: self._refs(moves))
            self._remember_items(entries)
            if stale:
                return Lost(tuple(ref.removeprefix(CHAIN_REFS) for ref in stale))
            return Won({chain: Head(link.index, link.commit) for chain, link in links.items()})

    def _remember_items(self, entries: Mapping[str, Append]) -> None:
        """Note the work items that were opened from here, or that somebody else opened first: no ref of the cache has them before they are read."""
        for chain in entries:
            owner, _, name = chain.partition("/")
            if name == ITEM_CHAIN and entries[chain].expected == EMPTY:
                note = self._cache.git.folder / layout.KNOWN_ITEMS / owner
                note.parent.mkdir(exist_ok=True)
                note.touch()

    def attachment(self, chain: str, index: int, name: str) -> bytes:
        """Return one file that belongs to an entry. Raises: StoreError when there is none, TrustError."""
        layout.attachment_path(chain, index, name)
        if index not in self._seen.get(chain, {}):
            self.read([chain])
        link = self._seen.get(chain, {}).get(index)
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            if link is None:
                found = self._branch.attachment(reader, self._tip, chain, index, name) if self._tip else ""
            else:
                nodes = reader.tree(link.files) if link.files else ()
                found = next((n.id for n in nodes if n.name == name and not n.is_folder), "")
            if not found:
                raise no_attachment(chain, index, name)
            return reader.blob(found)

    def branch_files(self) -> BranchFiles:
        """Return the files below `artifacts/` on the ledger branch, and its tip. Raises: StoreError."""
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            tip = self._cache.fetch(()).tip
            return BranchFiles(self._cache.git, tip, self._branch.files(reader, tip))

    def default_branch(self, folder: str) -> dict[str, bytes]:
        """Return the files below a folder of the remote's default branch, by path; empty when there are none. Raises: StoreError."""
        with self._guarded():
            return read_default_branch(self._cache, folder)

    def commit_branch(self, changes: Mapping[str, bytes | None], expected_tip: str, message: str) -> Outcome:
        """Commit changes below `artifacts/` to the ledger branch after `expected_tip` ("": there is no branch) and push it.

        Shape: path relative to `artifacts/` → content, or None to remove it. Every other file of the branch stays as it is. The winner's
        head is under the branch's name; when nothing changes no commit is made and the head is the old tip. Raises: StoreError.
        """
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            self._cache.make()
            if expected_tip and not reader.has(expected_tip) and self._cache.fetch(()).tip != expected_tip:
                return Lost((self._cache.branch,))
            tree = self._branch.write(reader, self._writer, expected_tip, changes)
            if expected_tip and reader.commit(expected_tip).tree == tree:
                return Won({self._cache.branch: Head(1, expected_tip)})
            parents = [expected_tip] if expected_tip else []
            tip = self._writer.commit(tree, parents, f"{message}\n\nnonce {self._ids.nonce()}", unix_seconds(self._clock.now()))
            self._at("git: objects written")
            update = Update(f"refs/heads/{self._cache.branch}", expected_tip, tip)
            stale = self._pusher.push([update], lambda: {update.ref: self._branch_commits(update)})
            return Lost((self._cache.branch,)) if stale else Won({self._cache.branch: Head(1, tip)})

    def prune(self, item: str) -> Pruned:
        """Remove the refs of a work item that is closed on the ledger branch, those whose every entry is copied there.

        Raises: StoreError. Nothing is removed of an item that is not closed there.
        """
        owner = layout.check_owner(item)
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            snapshot = self._cache.fetch([f"{owner}/*"])
            removable = self._removable(reader, snapshot, owner)
            kept = tuple(chain for chain in snapshot.heads if chain not in removable)
            if not removable:
                return Pruned((), kept)
            updates = [Update(CHAIN_REFS + chain, snapshot.heads[chain], "") for chain in removable]
            stale = self._pusher.push(updates, lambda: self._refs(removable))
            return Pruned((), tuple(snapshot.heads)) if stale else Pruned(tuple(removable), kept)

    def prunable(self) -> tuple[str, ...]:
        """Return the work items of which `prune` would remove something, sorted; asks the remote once. Raises: StoreError."""
        with self._guarded(), ObjectReader(self._cache.git) as reader:
            snapshot = self._cache.fetch(["*"])
            owners = sorted({chain.partition("/")[0] for chain in snapshot.heads})
            return tuple(o for o in owners if is_work_item_id(o) and self._removable(reader, snapshot, o))

    def _removable(self, reader: ObjectReader, snapshot: Snapshot, owner: str) -> list[str]:
        """Return the chains of a work item whose refs may go: it is closed on the ledger branch, and their every entry is copied there."""
        copies = self._branch.copies(reader, snapshot.tip, owner)
        if not self._is_closed(reader, copies, owner):
            return []
        own = {chain: commit for chain, commit in snapshot.heads.items() if chain.startswith(f"{owner}/")}
        return [chain for chain, commit in own.items() if self._is_copied(reader, chain, commit, copies.get(chain, ()))]

    def _is_copied(self, reader: ObjectReader, chain: str, commit: str, copies: Sequence[Copy]) -> bool:
        links = self._chains.walk(reader, chain, commit)
        return [(link.folder, link.content) for link in links] == [(c.folder, c.content) for c in copies[: len(links)]]

    def _branch_commits(self, update: Update) -> tuple[str, ...]:
        """Return, from the remote, the branch's commits down to the one that an update starts from, newest first."""
        name = self._cache.fetch(()).tip
        found: list[str] = []
        with ObjectReader(self._cache.git) as reader:
            while name:
                found.append(name)
                parents = reader.commit(name).parents if name not in {update.old, update.new} else ()
                # The cache begins at some tip of the branch; what is older is not in it.
                name = parents[0] if parents and reader.has(parents[0]) else ""
        return tuple(found)

    def _read(self, owners: Sequence[str], single: Sequence[str]) -> dict[str, Chain]:
        snapshot = self._cache.fetch(patterns_for(owners, single))
        self._tip = snapshot.tip
        found: dict[str, Chain] = {}
        with ObjectReader(self._cache.git) as reader:
            for owner in sorted({*owners, *(chain.partition("/")[0] for chain in single)}):
                asked = {chain for chain in single if chain.startswith(f"{owner}/")}
                found.update(self._read_owner(reader, snapshot, owner, asked, whole=owner in owners))
        return dict(sorted(found.items()))

    def _read_owner(
        self, reader: ObjectReader, snapshot: Snapshot, owner: str, asked: set[str], *, whole: bool
    ) -> Iterator[tuple[str, Chain]]:
        """Yield the chains of `owner` that were asked for by name, and with `whole` every other that there is."""
        copies = self._branch.copies(reader, snapshot.tip, owner)
        if self._is_closed(reader, copies, owner):
            for chain in sorted({*asked, *(copies if whole else ())}):
                self._seen.pop(chain, None)
                kept = copies.get(chain, ())
                # A chain that never was gets no head to begin at, either.
                yield chain, self._chain(reader, chain, kept, Head(len(kept), CLOSED))
            return
        heads = {chain: commit for chain, commit in snapshot.heads.items() if chain.startswith(f"{owner}/")}
        for chain in sorted({*asked, *((*heads, *copies) if whole else ())}):
            links = self._chains.walk(reader, chain, heads[chain]) if chain in heads else ()
            _check_not_rewound(chain, links, copies.get(chain, ()))
            self._seen[chain] = {link.index: link for link in links}
            yield chain, self._chain(reader, chain, links, Head(len(links), links[-1].commit) if links else EMPTY)

    def _chain(self, reader: ObjectReader, name: str, entries: Sequence[Link | Copy], head: Head) -> Chain:
        return Chain(name, tuple(Entry(e.folder, self._chains.content(reader, e.content)) for e in entries), head)

    def _is_closed(self, reader: ObjectReader, copies: Mapping[str, tuple[Copy, ...]], owner: str) -> bool:
        """Return whether a work item is closed on the ledger branch, by its copies there. Raises: StoreError."""
        own = copies.get(f"{owner}/{ITEM_CHAIN}", ())
        return bool(own) and self._closes(self._chains.content(reader, own[-1].content))

    def _is_possible(self, chain: str, expected: Head) -> bool:
        """Return whether a head can be one of this chain; whether it still is one, the push tells."""
        if expected == EMPTY:
            return True
        if expected.token in {"", CLOSED}:
            return False
        with ObjectReader(self._cache.git) as reader, contextlib.suppress(StoreError):
            return self._chains.link(reader, chain, expected.token).index == expected.index
        return False

    def _write(self, chain: str, append: Append) -> Link:
        parent = None
        if append.expected != EMPTY:
            with ObjectReader(self._cache.git) as reader:
                parent = self._chains.link(reader, chain, append.expected.token)
        seconds = unix_seconds(self._clock.now())
        link = write_link(self._writer, chain, append.entry, parent, self._ids.nonce(), seconds)
        self._chains.remember(chain, link, append.expected.token)
        return link

    def _refs(self, chains: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return, from the remote, ref → its commits, newest first, of some chains."""
        snapshot = self._cache.fetch(patterns_for((), chains))
        with ObjectReader(self._cache.git) as reader:
            found = {}
            for chain in chains:
                links = self._chains.walk(reader, chain, snapshot.heads[chain]) if chain in snapshot.heads else ()
                found[CHAIN_REFS + chain] = tuple(link.commit for link in reversed(links))
            return found

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise disk.refusal(error, self._cache.git.folder) from error


def _check_not_rewound(chain: str, links: Sequence[Link], copies: Sequence[Copy]) -> None:
    for index, copy in enumerate(copies, start=1):
        if len(links) < index or (links[index - 1].folder, links[index - 1].content) != (copy.folder, copy.content):
            message = f"refs/planloom/{chain} was rewound: entry {index} on the ledger branch is not in it"
            hint = "somebody moved or removed this ref; restore it from the ledger branch, then find out who"
            raise TrustError(message, hint=hint, code="E_REWOUND")
