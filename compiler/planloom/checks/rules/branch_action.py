"""PL605 branch-action: an action is taken from a branch.

What: `uses` names a full commit of 40 digits, not a branch.

Why: Whatever is pushed to the branch next runs in the job.

Fails:
    steps:
      - key: build
        steps:
          - uses: acme/deploy@main

Passes:
    steps:
      - key: build
        steps:
          - uses: acme/deploy@3d3c42e5aac5ba805825da76410c181273ba90b1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, actions_pinned_to
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL605", "branch-action", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each action that is named by something that looks like a branch."""
    for action, span in actions_pinned_to(facts, "branch"):
        message = f"action '{action[:80]}' follows a branch"
        yield FINDER.at(span, message, help="write owner/name@ and the 40 digits of the commit")


RULE = FINDER.rule(__doc__, check)
