"""PL604 unpinned-action: an action is not pinned to a commit.

What: `uses` names a full commit of 40 digits. A tag may stand behind it as a comment. Actions of the own checkout
(`./…`) need none.

Why: Who can move a tag can run code in the job; a commit can't be moved.

Fails:
    steps:
      - key: build
        steps:
          - uses: actions/cache@v5

Passes:
    steps:
      - key: build
        steps:
          - uses: actions/cache@3d3c42e5aac5ba805825da76410c181273ba90b1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, actions_pinned_to
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL604", "unpinned-action", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each action that is named by a tag, a short commit, or nothing; branches are another rule."""
    for action, span in actions_pinned_to(facts, "tag"):
        message = f"action '{action[:80]}' is not pinned to a commit"
        yield FINDER.at(span, message, help="write owner/name@ and the 40 digits of the commit")


RULE = FINDER.rule(__doc__, check)
