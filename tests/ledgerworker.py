"""A process of its own that appends to a ledger, for races and for crashes.

Started as `python ledgerworker.py JSON`; waits for a line on stdin, so that all contenders begin at once; prints one JSON line.
The job: `ledger` (a folder for files, an address for git), `token`, `cache`, `rounds` (a list of appends: chain → text) and `crash`
(a crash point at which to kill itself, at its `crash_at`-th passing).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry, Won


def start(**job) -> subprocess.Popen:
    """Start a worker; it waits for `go`."""
    folder = str(Path(__file__).parent)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": folder, "HOME": "/nonexistent"}
    command = [sys.executable, __file__, json.dumps(job)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def go(*workers) -> list:
    """Let workers begin, all at once; return what each printed, None for one that was killed."""
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = []
    for worker in workers:
        text, _ = worker.communicate()
        assert worker.returncode in {0, -signal.SIGKILL}, text
        answers.append(json.loads(text) if worker.returncode == 0 else None)
    return answers


def open_job(job):
    """Return the ledger that a job is about."""
    left = [job.get("crash_at", 1)]

    def at(point):
        if point == job.get("crash"):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    if "cache" not in job:
        return FileLedger(Path(job["ledger"]), at=at)
    from gitledgers import git_ledger

    return git_ledger(Path(job["cache"]).parent, job["ledger"], job["token"], Path(job["cache"]).name, at=at)


def entry_of(chain, text):
    """Return an entry for a chain: a work item's own one has a file beside it."""
    if chain.endswith("/_item"):
        return Entry("work-items", text.encode(), {"plan.json": text.encode() * 100})
    return Entry("claims", text.encode())


def main():
    """Do the job."""
    job = json.loads(sys.argv[1])
    ledger = open_job(job)
    print("ready", flush=True)
    sys.stdin.readline()
    won = []
    for round_ in job["rounds"]:
        after = ledger.read(list(round_)) if job.get("after") else {}
        heads = {chain: after[chain].head if after else EMPTY for chain in round_}
        outcome = ledger.append({chain: Append(heads[chain], entry_of(chain, text)) for chain, text in round_.items()})
        won.append(isinstance(outcome, Won))
    print(json.dumps(won))


if __name__ == "__main__":
    main()
