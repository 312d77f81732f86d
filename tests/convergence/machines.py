"""Machines that work on one ledger inside a test: a session each, with a clock, an environment and an identity of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from planloom.runtime.effects import SystemIds, format_time, parse_time
from planloom.runtime.identity import read_identity
from planloom.runtime.opening import Source, open_item
from planloom.runtime.session import Session
from planloom.trust.keyfiles import find_signing_key
from planloom.trust.policyfiles import load_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.ledger.ledger import Ledger

START = "2026-11-22T20:00:00.000Z"


class Clock:
    """Tells a time that a test sets; it goes on by a second whenever it is asked."""

    def __init__(self, start: str = START) -> None:
        self.milliseconds = parse_time(start)

    def now(self) -> str:
        """Return the time, a second later than before."""
        self.milliseconds += 1000
        return format_time(self.milliseconds)

    def go(self, *, minutes: int) -> None:
        """Set the clock forward, or back."""
        self.milliseconds += minutes * 60_000


class Environment:
    """An environment that is not the process's."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def get(self, name: str) -> str:
        """Return a variable, or the empty text."""
        return self._values.get(name, "")

    def all(self) -> Mapping[str, str]:
        """Return every variable."""
        return dict(self._values)


def in_run(run_id: int, attempt: int = 1, **more: str) -> dict[str, str]:
    """Return the environment of a job in a workflow run."""
    run = {"GITHUB_RUN_ID": str(run_id), "GITHUB_RUN_ATTEMPT": str(attempt), "GITHUB_REPOSITORY": "acme/demo"}
    return {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "c" * 40, "GITHUB_ACTOR": "github-actions[bot]", **run, **more}


def machine(root: Path, ledger: Ledger, clock: Clock | None = None, *, executor: str = "", **environment: str) -> Session:
    """Return the session of a machine whose project lies in `root`."""
    surroundings = Environment({"PATH": os.environ["PATH"], "USER": "anna", **environment})
    return Session(
        root=root,
        workspace=root,
        artifacts=root / "artifacts",
        ledger=ledger,
        policy=load_policy(root),
        clock=clock or Clock(),
        ids=SystemIds(),
        environment=surroundings,
        identity=read_identity(surroundings, executor),
        find_key=lambda name: find_signing_key(name, root, surroundings),
        opened={},
        steps={},
        compiled={},
    )


def open_one(session: Session, item: str, plan: str = "demo", **params: str) -> None:
    """Open a work item."""
    open_item(session, item, plan, params, Source("c" * 40, "main", "acme/demo"), "a test", follow=False)


def events(session: Session, chain: str) -> list[str]:
    """Return the events of a chain, in order."""
    from planloom.runtime.reading import open_chain

    return [signed.record.event for signed in open_chain(session, session.ledger.read([chain])[chain])]


def last_body(session: Session, chain: str) -> object:
    """Return the body of a chain's newest record."""
    from planloom.runtime.reading import open_chain

    return open_chain(session, session.ledger.read([chain])[chain])[-1].record.body
