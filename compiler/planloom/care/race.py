"""`doctor --race`: many processes claim the same entry at once, round after round; exactly one may win each.

Every contender is a process with a private copy of the ledger, as a machine of its own would have it. After each round the
referee reads the chain itself: what counts is what the ledger holds, not what contenders say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planloom.care.scratch import Scratch
from planloom.core.errors import StoreError
from planloom.core.names import SCRATCH
from planloom.ledger.files import TOOLS, FileLedger
from planloom.ledger.ledger import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from planloom.care.findings import Ground
    from planloom.ledger.ledger import Head, Ledger

CONTENDERS: Final = 4
"""How many processes race by default."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: who says to have won, whose entry the ledger holds ("" when not exactly one more), microseconds of each contender."""

    number: int
    winners: tuple[str, ...]
    holds: str
    micros: tuple[int, ...]

    @property
    def is_exclusive(self) -> bool:
        """Whether exactly one contender won, and its entry is the one in the ledger."""
        return len(self.winners) == 1 and self.winners[0] == self.holds


@dataclass(frozen=True, slots=True)
class Race:
    """A whole race: where, how many contenders, and its rounds."""

    where: str
    contenders: int
    rounds: tuple[Round, ...]

    @property
    def is_exclusive(self) -> bool:
        """Whether every round had exactly one winner."""
        return bool(self.rounds) and all(one.is_exclusive for one in self.rounds)

    @property
    def won(self) -> int:
        """How many appends were won."""
        return sum(len(one.winners) for one in self.rounds)

    @property
    def tried(self) -> int:
        """How many appends were tried."""
        return self.contenders * len(self.rounds)

    def latency(self, share: int) -> int:
        """Return the microseconds that `share` percent of all appends stayed below."""
        every = sorted(micros for one in self.rounds for micros in one.micros)
        return every[min(len(every) - 1, len(every) * share // 100)] if every else 0


@dataclass(frozen=True, slots=True)
class _Track:
    """Where a race takes place: what contenders are told, the referee's own ledger, and the chain."""

    where: str
    starts: tuple[dict[str, Any], ...]
    referee: Ledger
    chain: str


def run_race(ground: Ground, rounds: int, contenders: int, nonce: str, tell: Callable[[Round], None]) -> Race:
    """Race on the project's ledger, in a corner of it that is removed afterwards, whatever happens.

    `tell` hears of each round. Raises: StoreError when the ledger can't be used.
    """
    name = f"{SCRATCH}{nonce[:12]}"
    make = _git_track if ground.chosen_ledger.startswith("git") else _file_track
    with make(ground, name, contenders) as track, ExitStack() as stack:
        racers = [stack.enter_context(_contender(start)) for start in track.starts]
        for racer in racers:
            _hear(racer)
        head: Head = EMPTY
        held: list[Round] = []
        for number in range(1, rounds + 1):
            one, head = _hold(track, racers, number, head)
            tell(one)
            held.append(one)
        return Race(track.where, contenders, tuple(held))


def _hold(track: _Track, racers: Sequence[subprocess.Popen[str]], number: int, head: Head) -> tuple[Round, Head]:
    for racer in racers:
        _say(racer, {"round": number, "index": head.index, "token": head.token})
    answers = [_hear(racer) for racer in racers]
    winners = tuple(start["name"] for start, answer in zip(track.starts, answers, strict=True) if answer["won"])
    chain = track.referee.read([track.chain])[track.chain]
    holds = ""
    if chain.head.index == head.index + 1:
        text = chain.entries[-1].content.decode("utf-8", "replace")
        holds = text.removeprefix(f"round {number} by ").strip() if text.startswith(f"round {number} by ") else ""
    return Round(number, winners, holds, tuple(answer["micros"] for answer in answers)), chain.head


@contextmanager
def _file_track(ground: Ground, name: str, contenders: int) -> Iterator[_Track]:
    """Race beside the records, on the same disk, in a folder that readers never look into."""
    folder = ground.artifacts / TOOLS / f"race-{name.removeprefix(SCRATCH)}"
    chain = f"{name}/race"
    starts = tuple(
        {"kind": "files", "folder": str(folder), "chain": chain, "name": f"contender-{i}"} for i in range(1, contenders + 1)
    )
    try:
        folder.mkdir(parents=True)
        yield _Track(f"files {ground.shown(ground.artifacts)}/", starts, FileLedger(folder), chain)
    except OSError as error:
        message = f"{ground.shown(folder)}: {error.strerror or error}"
        raise StoreError(message, hint="a race needs a folder that it may write to") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _git_track(ground: Ground, name: str, contenders: int) -> Iterator[_Track]:
    """Race on the remote, each contender through a private copy of its own."""
    scratch = Scratch.find(ground, demand=True)
    if scratch is None:
        message = "there is no git remote to race on"
        raise StoreError(message, hint="planloom doctor --race N --ledger git:REMOTE")
    chain = f"{name}/race"
    with tempfile.TemporaryDirectory(prefix="planloom-race-") as folder:
        starts = tuple(
            {
                "kind": "git",
                "folder": str(Path(folder) / f"{i}.git"),
                "url": scratch.remote.url,
                "label": scratch.remote.label,
                "token": scratch.remote.token,
                "settings": [list(pair) for pair in scratch.remote.settings],
                "branch": scratch.branch,
                "chain": chain,
                "name": f"contender-{i}",
            }
            for i in range(1, contenders + 1)
        )
        referee = scratch.seen_from(Path(folder) / "referee.git")
        try:
            yield _Track(scratch.label, starts, referee.ledger(), chain)
        finally:
            referee.sweep(name.removeprefix(SCRATCH))


@contextmanager
def _contender(start: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "planloom.care.racer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )
    try:
        _say(process, start)
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _say(process: subprocess.Popen[str], value: dict[str, Any]) -> None:
    if process.stdin is None:
        raise AssertionError
    try:
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()
    except BrokenPipeError as error:
        raise _died() from error


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    if process.stdout is None:
        raise AssertionError
    line = process.stdout.readline()
    if not line:
        raise _died()
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise StoreError(answer["error"], hint=answer["hint"])
    return answer


def _died() -> StoreError:
    return StoreError("a contender of the race ended early", hint="its own message stands above; run the race again")
