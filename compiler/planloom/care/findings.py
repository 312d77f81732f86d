"""Findings: what needs care, where, and the command that repairs it; and the ground that checks look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.runtime.effects import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from planloom.core.errors import PlanloomError
    from planloom.core.ports import Clock, Environment

FIX: Final = "planloom doctor --fix"
"""The repair of everything that can be put right without a decision."""

SETTLED_SECONDS: Final = 60
"""A file being written is younger than this; one that is older was left behind by a process that died."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that needs care.

    Shape: `code` is a stable word (`left-over`, `key-mode` …), `where` a path, chain or address, `what` one line without full stop, `repair` the command
    that helps. `fix` does what `--fix` may do by itself and returns nothing; None when a person must decide.
    """

    code: str
    where: str
    what: str
    repair: str
    fix: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What checks look at.

    Shape: `root` is the project's folder; `settings` the compiled project settings; `ledger` what `--ledger` said, "" for the usual one.
    """

    root: Path
    environment: Environment
    clock: Clock
    settings: Mapping[str, Any]
    ledger: str = ""

    @property
    def chosen_ledger(self) -> str:
        """The ledger that is meant, as `ledger.open` chooses it: `files` or `git`, with what follows the colon."""
        chosen = self.ledger or self.environment.get("PLANLOOM_LEDGER") or str(self.settings.get("ledger") or "")
        if chosen:
            return chosen
        return "git" if self.environment.get("GITHUB_ACTIONS") == "true" else "files"

    @property
    def artifacts(self) -> Path:
        """The folder of records, exports and schedules."""
        kind, _, rest = self.chosen_ledger.partition(":")
        return self.root / rest if kind == "files" and rest else self.root / "artifacts"

    def is_settled(self, path: Path) -> bool:
        """Return whether nobody can be at work on a file any more; False when it is gone."""
        try:
            changed = path.stat().st_mtime_ns // 1_000_000
        except OSError:
            return False
        return parse_time(self.clock.now()) - changed > SETTLED_SECONDS * 1000

    def shown(self, path: Path) -> str:
        """Return a path as people see it: relative to the project where it lies in it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def from_error(code: str, where: str, error: PlanloomError, repair: str = "") -> Finding:
    """Return an error that a check met as a finding."""
    return Finding(error.code or code, where, error.message, repair or error.hint or "planloom verify")
