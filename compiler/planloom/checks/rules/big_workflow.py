"""PL791 big-workflow: a compiled workflow file is too big.

What: A workflow file has at most 512,000 bytes. Steps that differ in permissions, secrets, environment or GitHub steps take
a job each in the execute workflow; commands that need nothing special share one.

Why: A bigger file never starts, and nothing says why. Found in the compiled file, which `planloom validate` makes
too, without writing it.

Fails:
    steps:
      - key: shard
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
        steps:
          - run: make shard

Passes:
    steps:
      - key: shard
        foreach:
          a: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
          b: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
        run: make shard
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.checks.facts import Facts
    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL791", "big-workflow", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield nothing: `emit.limits` finds it in the compiled files."""
    del facts
    yield from ()


RULE = FINDER.rule(__doc__, check)
