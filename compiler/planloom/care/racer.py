"""One contender of a race: a process of its own that appends through the real ledger when it is told to.

Started as `python -m planloom.care.racer`; talks in lines of JSON. The first line says where to race, every other one is a round.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planloom.core.errors import PlanloomError
from planloom.ledger.files import FileLedger
from planloom.ledger.git import GitLedger, GitOptions
from planloom.ledger.gitport import Remote
from planloom.ledger.gitremotes import CommitClock, CommitIds
from planloom.ledger.ledger import Append, Entry, Head, Won
from planloom.runtime.effects import SystemEnvironment

if TYPE_CHECKING:
    from planloom.ledger.ledger import Ledger


def race() -> None:
    """Answer every line on stdin with one on stdout, until there are no more."""
    ledger: Ledger | None = None
    chain = name = ""
    for line in sys.stdin:
        asked = json.loads(line)
        if ledger is None:
            ledger, chain, name = _open(asked), asked["chain"], asked["name"]
            answer = _warm_up(ledger, chain)
        else:
            answer = _append(ledger, chain, name, asked)
        print(json.dumps(answer), flush=True)  # noqa: T201 - stdout is the line to the referee


def _open(asked: dict[str, Any]) -> Ledger:
    if asked["kind"] == "files":
        return FileLedger(Path(asked["folder"]))
    remote = Remote(asked["url"], asked["label"], asked["token"], tuple((key, value) for key, value in asked["settings"]))
    options = GitOptions(branch=asked["branch"])
    return GitLedger(remote, Path(asked["folder"]), SystemEnvironment().all(), CommitClock(), CommitIds(), options)


def _warm_up(ledger: Ledger, chain: str) -> dict[str, Any]:
    try:
        ledger.read([chain])
    except PlanloomError as error:
        return {"error": error.message, "hint": error.hint}
    return {"ready": True}


def _append(ledger: Ledger, chain: str, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    entry = Entry("claims", f"round {asked['round']} by {name}\n".encode())
    started = time.perf_counter_ns()
    try:
        # What a claim does: read the chain, then append after the head that was read.
        ledger.read([chain])
        outcome = ledger.append({chain: Append(Head(asked["index"], asked["token"]), entry)})
    except PlanloomError as error:
        return {"error": error.message, "hint": error.hint}
    spent = (time.perf_counter_ns() - started) // 1000
    if isinstance(outcome, Won):
        head = outcome.heads[chain]
        return {"won": True, "index": head.index, "token": head.token, "micros": spent}
    return {"won": False, "micros": spent}


if __name__ == "__main__":
    race()
