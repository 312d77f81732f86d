"""PL793 big-matrix: the matrices of a wave are too big together.

What: The entries of a wave, handed out by job and as one list, have at most 1 MiB in UTF-16.

Why: GitHub drops bigger job outputs, and nothing would be executed. Found in the waves, which
`planloom validate` makes too, without writing them.

Fails:
    steps:
      - key: shard
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
        needs: []
        run: make shard
        matrix: {note: FILL 1500}

Passes:
    steps:
      - key: shard
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
        needs: []
        run: make shard
        matrix: {note: short}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.checks.facts import Facts
    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL793", "big-matrix", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield nothing: `emit.limits` finds it in the waves."""
    del facts
    yield from ()


RULE = FINDER.rule(__doc__, check)
