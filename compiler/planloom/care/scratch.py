"""A corner of the user's own git remote to try things in: refs that no work item has, and that are removed afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from planloom.core.names import SCRATCH
from planloom.ledger.git import DEFAULT_BRANCH, GitLedger, GitOptions
from planloom.ledger.gitcache import Cache
from planloom.ledger.gitpush import Pusher, Update
from planloom.ledger.gitremotes import CommitClock, CommitIds, cache_folder, find_remote
from planloom.ledger.layout import CHAIN_REFS
from planloom.ledger.ledger import EMPTY, Append, Entry, Won
from planloom.ledger.points import pass_by
from planloom.ledger.retry import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.care.findings import Ground
    from planloom.ledger.gitport import Remote

REFS_A_PUSH: Final = 5
"""How many refs one push moves: what an administrator is advised to allow (GitHub, "managing the push policy")."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where to try: a remote, the folder of its private copy, the ledger branch (read along, never written), and the environment."""

    remote: Remote
    folder: Path
    branch: str
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def find(cls, ground: Ground, *, demand: bool = False) -> Scratch | None:
        """Return the remote that the project's ledger lies on, None when it lies in files.

        With `demand` the usual remote even then. Raises: StoreError when there is no such remote.
        """
        kind, _, rest = ground.chosen_ledger.partition(":")
        if kind != "git":
            if not demand:
                return None
            rest = ""
        remote = find_remote(rest, ground.root, ground.environment)
        folder = cache_folder(ground.root, ground.environment, remote)
        branch = str(ground.settings.get("ledgerBranch") or DEFAULT_BRANCH)
        return cls(remote, folder, branch, ground.environment.all())

    @property
    def label(self) -> str:
        """How people know it: `git origin`."""
        return f"git {self.remote.label}"

    def seen_from(self, folder: Path) -> Scratch:
        """Return the same remote as another machine sees it: through a private copy of its own."""
        return replace(self, folder=folder)

    def ledger(self) -> GitLedger:
        """Return the real ledger on this remote."""
        return GitLedger(self.remote, self.folder, self.environment, CommitClock(), CommitIds(), GitOptions(branch=self.branch))

    def probe(self, name: str) -> None:
        """Write a ref and remove it. Raises: StoreError when the remote does not let us."""
        chain = f"{SCRATCH}{name}/probe"
        outcome = self.ledger().append({chain: Append(EMPTY, Entry("claims", b"a probe of planloom doctor\n"))})
        if isinstance(outcome, Won):
            self._remove({chain: outcome.heads[chain].token})

    def find_left(self, name: str = "") -> dict[str, str]:
        """Return chain → commit of everything here, or of one trial. Raises: StoreError."""
        return dict(self._cache().fetch([f"{SCRATCH}{name}*"]).heads)

    def sweep(self, name: str = "") -> int:
        """Remove everything here, or what one trial left; returns how many refs. Raises: StoreError."""
        left = self.find_left(name)
        self._remove(left)
        return len(left)

    def _remove(self, heads: Mapping[str, str]) -> None:
        cache = self._cache()
        pusher = Pusher(cache, pass_by)
        everything = sorted(heads.items())
        for start in range(0, len(everything), REFS_A_PUSH):
            some = dict(everything[start : start + REFS_A_PUSH])
            updates = [Update(CHAIN_REFS + chain, commit, "") for chain, commit in some.items()]

            def reread(chains: tuple[str, ...] = tuple(some)) -> dict[str, tuple[str, ...]]:
                now = cache.fetch([f"{chain}*" for chain in chains]).heads
                return {CHAIN_REFS + chain: (now[chain],) if chain in now else () for chain in chains}

            pusher.push(updates, reread)

    def _cache(self) -> Cache:
        cache = Cache(self.folder, self.remote, self.branch, self.environment, Pace())
        cache.make()
        return cache
