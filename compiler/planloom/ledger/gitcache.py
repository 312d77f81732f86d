"""The private bare repository through which all traffic with a remote goes, and the one way to read the remote: a fetch.

It is a cache: whatever is lost of it is fetched again. It is never the user's own repository, whose locks, shallow state and
configuration are theirs. Several processes may share it: a fetch holds its lock from the transfer until the answer is read.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.ledger import disk
from planloom.ledger.gitanswers import MISSING_REF, final_refusal, gave_up, is_damaged, last_lines
from planloom.ledger.gitport import REMOTE, Git, build_environment
from planloom.ledger.layout import CHAIN_REFS
from planloom.ledger.retry import Pace, Patience

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from planloom.ledger.gitport import Remote

MANY_CHAINS: Final = 40
"""From this many chains of one work item on, all of its refs are asked for at once."""

MANY_LOOSE: Final = 27
"""Loose objects in one of 256 folders; git's own threshold (gc.auto, 6,700 in all)."""

MANY_PACKS: Final = 50

NEARBY: Final = "refs/nearby"
"""Where a pattern puts the branches that it matches."""

_MADE: Final = "planloom-cache"
_HEAD_LINE: Final = re.compile(r"^([0-9a-f]{40})\t[^\t]*\t(?:branch '([^']+)'|'(refs/[^']+)') of ")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the remote said in one answer: chain → commit, and the tip of the ledger branch ("" when there is none)."""

    heads: Mapping[str, str]
    tip: str


class Cache:
    """The cache in `folder` for `remote`, whose ledger branch is called `branch`."""

    def __init__(self, folder: Path, remote: Remote, branch: str, environment: Mapping[str, str], pace: Pace) -> None:
        self.remote = remote
        self.branch = branch
        self.pace = pace
        self.git = Git(folder, build_environment(environment, remote), own_session=bool(remote.token))
        self._folder = folder
        self._branch_ref = f"refs/heads/{branch}"
        self._is_made = False

    def fetch(self, patterns: Sequence[str]) -> Snapshot:
        """Read refs of chains (`release-1/*` or `release-1/build*`, below `refs/planloom/`) and the branch tip together.

        Raises: StoreError when the remote can't be read, at once or after the budget for attempts.
        """
        self.make()
        patience = Patience(self.pace)
        chains = [f"+{CHAIN_REFS}{pattern}:{CHAIN_REFS}{pattern}" for pattern in patterns]
        is_anew = False
        while True:
            answer = self._try_fetch(chains)
            if isinstance(answer, Snapshot):
                return answer
            if is_damaged(answer) and not is_anew:
                self._make_anew()
                is_anew = True
                continue
            refusal = final_refusal(answer, self.remote)
            if refusal is not None:
                raise refusal
            if not patience.wait():
                raise gave_up("; ".join(last_lines(answer)), self.remote, self.pace.budget)

    def _try_fetch(self, chains: Sequence[str]) -> Snapshot | str:
        """Fetch once; return what the remote said, or git's complaint."""
        with disk.locked(self._folder / "planloom-lock", exclusive=True):
            self._begin()
            complaint = ""
            for knows_branch in (True, False) if (self._folder / self._branch_ref).exists() else (False,):
                refspecs = [*chains, self._branch_refspec(known=knows_branch)]
                command = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--stdin", REMOTE]
                finished = self.git.run(command, "".join(f"{line}\n" for line in refspecs).encode())
                if finished.code == 0:
                    answer = self._read_answer(knows_branch=knows_branch)
                    self._tidy()
                    return answer
                complaint = finished.stderr
                if MISSING_REF not in complaint:
                    break
                # The branch was there once and is gone now; whether that matters is seen from the chains.
        return complaint

    def _make_anew(self) -> None:
        with disk.locked(self._folder.with_suffix(".lock"), exclusive=True):
            shutil.rmtree(self._folder, ignore_errors=True)
        self._is_made = False
        self.make()

    def make(self) -> None:
        """Make the cache unless it is there. Raises: StoreError when git is missing or the folder can't be written, OSError."""
        if self._is_made:
            return
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with disk.locked(self._folder.with_suffix(".lock"), exclusive=True):
            if not (self._folder / _MADE).exists():
                shutil.rmtree(self._folder, ignore_errors=True)
                finished = self.git.run(["init", "--quiet", "--bare", "--template=", "--object-format=sha1"])
                if finished.code != 0:
                    message = "; ".join(last_lines(finished.stderr))
                    raise gave_up(message, self.remote, 0)
                (self._folder / _MADE).write_bytes(b"Copies of what is on the remote; may be removed at any time.\n")
        self._is_made = True

    def _begin(self) -> None:
        """Take the tip of the ledger branch into a new cache, without its history: later fetches bring only what is newer.

        Whatever goes wrong here is left to the fetch that follows: it can bring the branch as well, only with all of its history.
        """
        mark = self._folder / "planloom-begun"
        if not mark.exists():
            refspec = f"+{self._branch_ref}:{self._branch_ref}"
            self.git.run(["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", REMOTE, refspec])
            mark.touch()

    def _tidy(self) -> None:
        """Pack what many small fetches have left; git's own housekeeping is off, since it would run at any time and pack refs too."""
        objects = self._folder / "objects"
        # As git does, one folder of 256 tells how many loose objects there are.
        loose = len(list((objects / "17").iterdir())) if (objects / "17").is_dir() else 0
        if loose > MANY_LOOSE or len(list((objects / "pack").glob("*.pack"))) > MANY_PACKS:
            self.git.run(["repack", "-a", "-d", "-q"])

    def _branch_refspec(self, *, known: bool) -> str:
        # An exact name that is missing fails the whole fetch; a pattern does not. Once the branch was seen its name is exact, so that
        # others whose names begin alike are not transferred.
        if known:
            return f"+{self._branch_ref}:{self._branch_ref}"
        # Swept, so that the leftovers of one branch are never in the way of another's name.
        shutil.rmtree(self._folder / NEARBY, ignore_errors=True)
        return f"+{self._branch_ref}*:{NEARBY}/{self.branch}*"

    def _read_answer(self, *, knows_branch: bool) -> Snapshot:
        heads: dict[str, str] = {}
        tip = ""
        for line in (self._folder / "FETCH_HEAD").read_text(encoding="utf-8").splitlines():
            match = _HEAD_LINE.match(line)
            if match is None:
                continue
            if match[2] == self.branch:
                tip = match[1]
            elif match[3] and match[3].startswith(CHAIN_REFS):
                heads[match[3].removeprefix(CHAIN_REFS)] = match[1]
        if tip and not knows_branch:
            path = self._folder / self._branch_ref
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{tip}\n".encode())
        return Snapshot(dict(sorted(heads.items())), tip)


def patterns_for(owners: Iterable[str], chains: Iterable[str]) -> tuple[str, ...]:
    """Return what to ask a remote for, to see every chain of `owners` and each of `chains`.

    A pattern never fails when nothing matches, as an exact name would; the few more that it may match are left out later.
    """
    patterns = {f"{owner}/*" for owner in owners}
    below: dict[str, list[str]] = {}
    for chain in chains:
        below.setdefault(chain.partition("/")[0], []).append(chain)
    for owner, names in below.items():
        patterns.update([f"{owner}/*"] if len(names) > MANY_CHAINS else [f"{name}*" for name in names])
    return tuple(sorted(p for p in patterns if p.endswith("/*") or f"{p.partition('/')[0]}/*" not in patterns))
