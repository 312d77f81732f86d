"""How a drift is shown: a word for the kind, and a unified diff of what compiling would change."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from planloom.emit.tree import Kind

if TYPE_CHECKING:
    from planloom.emit.tree import Drift

DIFF_BYTES: Final = 400_000
"""Above this a diff would take long and nobody would read it."""


def render_diff(drift: Drift) -> str:
    """Return a unified diff from the file as it is to the file as compiling leaves it; only the facts for big files."""
    found, expected = drift.found or b"", drift.expected or b""
    if drift.kind is Kind.UNTRACKED:
        return ""
    path = one_line(drift.path)
    if len(found) + len(expected) > DIFF_BYTES:
        return f"--- {path}: {len(found):,} bytes\n+++ {path}: {len(expected):,} bytes, too big to show\n"
    old, new = (content.decode("utf-8", "backslashreplace").splitlines(keepends=True) for content in (found, expected))
    before = "/dev/null" if drift.found is None else f"a/{path}"
    after = "/dev/null" if drift.expected is None else f"b/{path}"
    lines = difflib.unified_diff(old, new, before, after)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def describe(drift: Drift) -> str:
    """Return one line: the kind and the path."""
    return f"{drift.kind.value:<14} {one_line(drift.path)}"


def one_line(path: str) -> str:
    """Return a path that stays on its line: what lies below `generated/` in a pull request may have any name."""
    return path if path.isprintable() else ascii(path)[1:-1]


def repair(drift: Drift) -> str:
    """Return what to do about it, as a command."""
    return "git add generated .github/workflows" if drift.kind is Kind.UNTRACKED else "planloom compile"
