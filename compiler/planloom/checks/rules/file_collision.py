"""PL334 file-collision: two files of `specs/` are one on some disks.

What: The names of two files in `specs/` differ in more than upper and lower case, and in more than how an accent is encoded.

Why: Disks of macOS and Windows take such names for one: a checkout there has only one of the two files, so that a plan is
missing, or is read from the wrong file.

Fails:
    --- specs/demo.yaml
    steps:
      - key: build
    --- specs/Demo.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    steps:
      - key: test

Passes:
    --- specs/demo.yaml
    steps:
      - key: build
    --- specs/other.yaml
    schema: planloom/plan/v1
    id: other
    name: Other
    version: 1.0.0
    steps:
      - key: test
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.core.diagnostics import Label, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic

FINDER = error("PL334", "file-collision")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each file whose name an earlier one has in another spelling."""
    seen: dict[str, str] = {}
    for path in sorted(facts.sources):
        first = seen.setdefault(_as_disks_compare(path), path)
        if first != path:
            label = Label(Span(first, 1, 1, 1, 1), "the other file")
            yield FINDER.at(
                Span(path, 1, 1, 1, 1), f"the file is '{first}' in another spelling", labels=[label], help="rename one of the two"
            )


def _as_disks_compare(path: str) -> str:
    if path.isascii():
        return path.lower()
    import unicodedata

    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


RULE = FINDER.rule(__doc__, check)
