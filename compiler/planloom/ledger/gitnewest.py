"""What the remote's default branch holds below one folder, now: for a job that has an older commit checked out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.ledger.gitanswers import MISSING_REF, final_refusal, gave_up, last_lines
from planloom.ledger.gitobjects import ObjectReader
from planloom.ledger.gitport import REMOTE
from planloom.ledger.retry import Patience

if TYPE_CHECKING:
    from planloom.ledger.gitcache import Cache
    from planloom.ledger.gitport import Git

_TIP: Final = "refs/heads/newest"


def read_default_branch(cache: Cache, folder: str) -> dict[str, bytes]:
    """Return the files below a folder at the tip of the default branch, by path; empty when there is no such branch or folder.

    Only commit and folders are fetched, and then the few files that are read (git-rev-list(1), `--filter=blob:none`); a server that can't
    leave anything out sends the whole commit. None of it goes into the cache. Raises: StoreError when the remote can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="planloom-") as name:
        git = cache.git.at(Path(name) / "newest.git")
        made = git.run(["init", "--quiet", "--bare", "--template=", "--object-format=sha1"])
        if made.code != 0:
            raise gave_up("; ".join(last_lines(made.stderr)), cache.remote, 0)
        if not _fetch(git, cache):
            return {}
        listed = git.run(["ls-tree", "-r", "-z", "--full-tree", _TIP, "--", f"{folder}/"]).stdout.split(b"\0")
        with ObjectReader(git) as reader:
            found = {}
            for line in filter(None, listed):
                facts, _, path = line.partition(b"\t")
                found[path.decode("utf-8", "surrogateescape")] = reader.blob(facts.split()[2].decode("ascii"))
            return found


def _fetch(git: Git, cache: Cache) -> bool:
    """Fetch the tip of the default branch; return whether there is one."""
    patience = Patience(cache.pace)
    while True:
        finished = git.run(["fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none", REMOTE, f"+HEAD:{_TIP}"])
        if finished.code == 0:
            return True
        if MISSING_REF in finished.stderr:
            return False
        refusal = final_refusal(finished.stderr, cache.remote)
        if refusal is not None:
            raise refusal
        if not patience.wait():
            raise gave_up("; ".join(last_lines(finished.stderr)), cache.remote, cache.pace.budget)
