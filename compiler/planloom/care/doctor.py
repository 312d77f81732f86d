"""The doctor: every check in the order in which findings are shown, and repairing what needs no decision."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom import api
from planloom.care.checkpointcare import find_checkpoint_faults
from planloom.care.findings import Finding, Ground, from_error
from planloom.care.foldercare import find_drift, find_git_lines, find_policy_faults
from planloom.care.gitcare import find_cache_faults, find_git_faults
from planloom.care.keycare import find_key_faults, find_tracked_keys
from planloom.care.leftovers import find_half_copy, find_special, find_staged, find_unfinished
from planloom.care.outputcare import find_output_faults
from planloom.care.recordcare import find_record_faults
from planloom.core.errors import PlanloomError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from planloom.core.ports import Clock, Environment

CHECKS: Final[tuple[tuple[str, Callable[[Ground], Iterable[Finding]]], ...]] = (
    ("unfinished appends", find_unfinished),
    ("files left behind", find_staged),
    ("what is no file", find_special),
    ("private keys", find_key_faults),
    ("keys in git", find_tracked_keys),
    ("trust policy", find_policy_faults),
    ("what git ignores", find_git_lines),
    ("compiled files", find_drift),
    ("copies of the ledger", find_cache_faults),
    ("git", find_git_faults),
    ("records and claims", find_record_faults),
    ("outputs that are kept", find_output_faults),
    ("checkpoint", find_checkpoint_faults),
)
"""Every check of a project whose records are whole: what it looks at, and the function."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `--fix` did: the findings that are gone, and those that it could not put right, with the reason."""

    done: tuple[Finding, ...]
    failed: tuple[Finding, ...]


def find_ground(root: Path, ledger: str, environment: Environment, clock: Clock) -> Ground:
    """Return what the checks look at; settings that can't be read count as none (the compiled files' check tells)."""
    try:
        settings = api.read_settings(root)
    except PlanloomError:
        settings = {}
    return Ground(root, environment, clock, settings, ledger)


def examine(ground: Ground) -> tuple[Finding, ...]:
    """Return everything that needs care, in the order of the checks; of half a copy only that, since all else would be seen by halves."""
    half = tuple(find_half_copy(ground))
    if half:
        return half
    return tuple(finding for name, check in CHECKS for finding in _look(name, check, ground))


def _look(name: str, check: Callable[[Ground], Iterable[Finding]], ground: Ground) -> tuple[Finding, ...]:
    """Return what a check finds; that the machine does not let it look is a finding of its own, and no end of the others."""
    try:
        return tuple(check(ground))
    except StoreError as error:
        return (from_error("unreadable", name, error),)
    except OSError as error:
        where = ground.shown(Path(error.filename)) if error.filename else name
        what = f"{name} can't be looked at: {error.strerror or type(error).__name__}"
        return (Finding("unreadable", where, what, f"ls -ld {shlex.quote(where)}  # see that it can be read and written"),)


def repair(findings: Iterable[Finding]) -> Repaired:
    """Put right what can be without a decision; one repair that several findings share is done once."""
    done: list[Finding] = []
    failed: list[Finding] = []
    for finding in findings:
        if finding.fix is None:
            continue
        try:
            finding.fix()
        except PlanloomError as error:
            failed.append(from_error(finding.code, finding.where, error))
        except OSError as error:
            what = f"{finding.what}; it could not be repaired: {error.strerror or error}"
            failed.append(Finding(finding.code, finding.where, what, "check who owns the folder, then planloom doctor --fix"))
        else:
            done.append(finding)
    return Repaired(tuple(done), tuple(failed))
