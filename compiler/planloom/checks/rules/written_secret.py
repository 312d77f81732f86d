"""PL610 written-secret: a credential stands in the plan.

What: No text of a plan has the form of a private key or of a token of GitHub, AWS, Slack, PyPI or npm.

Why: Plans are public to everyone who can read the repository, for ever. Revoke it, then name a secret.

Fails:
    steps:
      - key: build
        run: make
        env: {TOKEN: ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}

Passes:
    steps:
      - key: build
        run: make
        secrets: [TOKEN]
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error
from planloom.core.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL610", "written-secret")

_CREDENTIAL: Final = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,}|AKIA[0-9A-Z]{16}"
    r"|xox[abprs]-[A-Za-z0-9-]{20,}|pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}"
)
"""Forms that their makers publish so that scanners find them."""

_BEGINNINGS: Final = (b"-----BEGIN ", *(b"gh%c_" % kind for kind in b"pousr"), b"github_pat_", b"AKIA", b"xox", b"pypi-", b"npm_")
"""What stands in a text in which something matches: looking for these is much faster than the expression."""

MAX_SHOWN: Final = 20
"""Of one file: finding the line of each costs a look at the whole text."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each place of a plan's file that looks like a credential; the message does not repeat it."""
    for plan in facts.plans:
        if not any(begin in facts.sources[plan.path] for begin in _BEGINNINGS):
            continue
        text = facts.sources[plan.path].decode("utf-8", errors="replace")
        for match in itertools.islice(re.finditer(_CREDENTIAL, text), MAX_SHOWN):
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            span = Span(plan.path, line, column, line, column + 8)
            yield FINDER.at(
                span, "this looks like a credential", help="revoke it, store a new one as a secret, and name it under secrets"
            )


RULE = FINDER.rule(__doc__, check)
