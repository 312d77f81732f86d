"""PL504 not-pinned: runners would install planloom without a lock.

What: `specs/requirements.lock` names planloom and everything it needs by hash; `planloom pin` writes it, and so does
`planloom init --github`. Said of a project in a git repository: no other gets to GitHub.

Why: What runs beside the signing key would be whatever an index serves on that day.

Fails:
    steps:
      - key: build
        run: make

Passes:
    steps:
      - key: build
        run: make
    --- specs/requirements.lock
    planloom==0.1.0 --hash=sha256:0000
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL504", "not-pinned")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield one warning a project, at its first plan."""
    if not facts.locked and facts.plans:
        plan = facts.plans[0]
        yield FINDER.at(
            plan.node.value_span("id"), "specs/requirements.lock is missing", help="planloom pin, before this runs on GitHub"
        )


RULE = FINDER.rule(__doc__, check)
