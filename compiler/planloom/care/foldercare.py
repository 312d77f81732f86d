"""The project's own files: what git must leave alone, the trust policy, and compiled files that are not what compiling makes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from planloom.care.findings import FIX, Finding, from_error
from planloom.care.git import ask_git, is_repository
from planloom.core.errors import InputError, PlanloomError
from planloom.core.surroundings import has_unfinished_policy
from planloom.scaffold.project import LINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planloom.care.findings import Ground

PROBES: Final = {"/.planloom/": ".planloom/you.pem", "/artifacts/.ledger/": "artifacts/.ledger/lock"}
"""A line of `.gitignore` and a path that must be ignored by it or by any other."""


def find_git_lines(ground: Ground) -> Iterator[Finding]:
    """Yield what `.gitignore` and `.gitattributes` do not say, so that git would take keys in or change the bytes of records."""
    if not is_repository(ground.root, ground.environment):
        return
    for line in LINES[".gitignore"]:
        ignored = ask_git(ground.root, ground.environment, "check-ignore", "--no-index", "-q", PROBES[line])
        if ignored is None:
            holds = "private keys" if "planloom" in line else "the lock and unfinished appends"
            what = f"git does not ignore {line.strip('/')}/, which holds {holds}"
            yield Finding("git-ignore", ".gitignore", what, FIX, _AddLine(ground.root / ".gitignore", line))
    for line in LINES[".gitattributes"]:
        pattern = line.split()[0]
        probe = pattern.strip("/").replace("**", "probe.json")
        answer = ask_git(ground.root, ground.environment, "check-attr", "text", "--", probe) or b""
        if not answer.strip().endswith((b": unset", b": binary")):
            what = f"git may change line ends in {pattern.strip('/*')}/, whose bytes are signed or compared"
            yield Finding("git-attributes", ".gitattributes", what, FIX, _AddLine(ground.root / ".gitattributes", line))


def find_policy_faults(ground: Ground) -> Iterator[Finding]:
    """Yield what is wrong with the trust policy."""
    from planloom.trust.policyfiles import POLICY_PATH, load_policy
    from planloom.trust.policyjournal import JOURNAL_PATH, finish_left, read_change

    try:
        load_policy(ground.root)
        if has_unfinished_policy(ground.root):
            counts = "it counts, but its files are not all in their places yet"
            void = "and the policy was replaced since: it counts for nothing"
            what = f"a change of the trust policy was cut off; {counts if read_change(ground.root) else void}"
            yield Finding("policy-change", JOURNAL_PATH, what, FIX, partial(finish_left, ground.root))
    except PlanloomError as error:
        yield from_error("policy", POLICY_PATH, error)


def find_drift(ground: Ground) -> Iterator[Finding]:
    """Yield plans with errors, and compiled files that are stale, missing, left over, edited or not in git."""
    from planloom.emit.changes import repair
    from planloom.emit.tree import Kind, compare, read_ours
    from planloom.pipeline import compile_project, load_project

    if not any(path.name != "planloom.yaml" for path in (ground.root / "specs").glob("*.yaml")):
        left = read_ours(ground.root)
        if left:
            what = f"there is no plan, but {len(left)} compiled files are there"
            yield Finding("plans", "specs", what, "restore the plans from git, or remove generated/ and the workflows")
        return
    try:
        checked = load_project(ground.root)
    except InputError as error:
        yield from_error("plans", "specs", error)
        return
    if not checked.is_sound:
        first = checked.diagnostics[0]
        count = sum(d.severity.value == "error" for d in checked.diagnostics)
        what = f"{count} mistake{'' if count == 1 else 's'} in the plans, so they can't be compiled"
        yield Finding("plans", first.span.path, what, "planloom validate")
        return
    files = compile_project(checked)
    drifts = compare(files, read_ours(ground.root), _tracked(ground))
    # What somebody wrote by hand is theirs to decide about; the rest compiling replaces without loss.
    lossless = all(drift.kind in {Kind.MISSING, Kind.STALE, Kind.UNTRACKED} for drift in drifts)
    for drift in drifts:
        can_fix = lossless and drift.kind is not Kind.UNTRACKED
        yield Finding(
            "compiled",
            drift.path,
            f"this compiled file is {drift.kind.value}",
            FIX if can_fix else repair(drift),
            _Compile(ground.root, files) if can_fix else None,
        )


def _tracked(ground: Ground) -> frozenset[str] | None:
    """Return the paths that git tracks, None when that does not matter: no repository, or plans that are not in it yet."""
    if not is_repository(ground.root, ground.environment):
        return None
    listed = ask_git(ground.root, ground.environment, "ls-files", "-z", "--", "specs", "generated", ".github/workflows") or b""
    paths = frozenset(listed.decode("utf-8", "surrogateescape").split("\0"))
    return paths if any(path.startswith("specs/") for path in paths) else None


class _AddLine:
    """Adds a line to a text file that may not be there."""

    def __init__(self, path: Path, line: str) -> None:
        self._path = path
        self._line = line

    def __call__(self) -> None:
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        if self._line not in text.splitlines():
            joint = "" if not text or text.endswith("\n") else "\n"
            self._path.write_text(f"{text}{joint}{self._line}\n", encoding="utf-8", newline="\n")


class _Compile:
    """Writes what compiling makes."""

    def __init__(self, root: Path, files: dict[str, bytes]) -> None:
        self._root = root
        self._files = files

    def __call__(self) -> None:
        from planloom.emit.tree import write_tree

        write_tree(self._root, self._files)
