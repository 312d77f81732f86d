"""Pushing with a lease: won, lost, or found out.

A push that failed or was cut off may have reached the remote, or may still reach it after the client is gone. So after anything but a clear
answer the remote is read again: our own commits there are a win, anybody else's on one of the refs is a loss, and if nothing
moved the same commits are pushed once more, which can't do harm: they are ours, and the lease still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planloom.ledger.gitanswers import Verdict, final_refusal, gave_up, judge_push
from planloom.ledger.gitport import REMOTE
from planloom.ledger.retry import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planloom.ledger.gitcache import Cache
    from planloom.ledger.points import Hook


@dataclass(frozen=True, slots=True)
class Update:
    """A ref to be moved from `old` ("" for a ref that must not exist) to `new` ("" to remove it)."""

    ref: str
    old: str
    new: str


class Pusher:
    """Pushes updates through a cache; `at` is the crash-point hook."""

    def __init__(self, cache: Cache, at: Hook) -> None:
        self._cache = cache
        self._at = at

    def push(self, updates: Sequence[Update], reread: Callable[[], Mapping[str, Sequence[str]]]) -> tuple[str, ...]:
        """Move every ref or none. Return the refs that had moved before, empty when won.

        `reread` asks the remote for each ref's commits, newest first. Raises: StoreError when the remote refuses, or for longer than
        the budget for attempts.
        """
        patience = Patience(self._cache.pace)
        refs = [update.ref for update in updates]
        leases = [f"--force-with-lease={u.ref}:{u.old}" for u in updates]
        command = ["push", "--porcelain", "--atomic", "--no-verify", *leases, REMOTE, *(f"{u.new}:{u.ref}" for u in updates)]
        first = True
        while True:
            self._at("git: before push")
            finished = self._cache.git.run(command)
            self._at("git: after push")
            pushed = judge_push(finished, refs)
            if pushed.verdict is Verdict.WON:
                return ()
            # Later than the first time, a lease that does not hold may mean that our own push had come through.
            if pushed.verdict is Verdict.LOST and first:
                return pushed.stale
            first = False
            if pushed.verdict is Verdict.UNKNOWN:
                refusal = final_refusal(f"{finished.stderr} {pushed.reason}".strip(), self._cache.remote)
                if refusal is not None:
                    raise refusal
            settled = _settle(updates, reread())
            if settled is not None:
                return settled
            if not patience.wait():
                raise gave_up(pushed.reason, self._cache.remote, self._cache.pace.budget)


def _settle(updates: Sequence[Update], commits: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Return what the remote shows: () for won, the moved refs for lost, None when nothing has moved."""
    if all(_is_ours(update, commits.get(update.ref, ())) for update in updates):
        return ()
    moved = tuple(u.ref for u in updates if next(iter(commits.get(u.ref, ())), "") != u.old)
    return moved or None


def _is_ours(update: Update, commits: Sequence[str]) -> bool:
    return update.new in commits if update.new else not commits
