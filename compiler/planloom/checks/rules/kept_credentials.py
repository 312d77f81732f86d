"""PL615 kept-credentials: a checkout leaves the token on the disk.

What: A GitHub step that uses actions/checkout says `persist-credentials: false`.

Why: Otherwise the token lies in `.git/config` for every later command and every uploaded folder.

Fails:
    steps:
      - key: build
        steps:
          - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1

Passes:
    steps:
      - key: build
        steps:
          - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
            with: {persist-credentials: false}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL615", "kept-credentials")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each checkout that does not say persist-credentials: false."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                action = native.get("uses")
                if not isinstance(action, str) or action.partition("@")[0].lower() != "actions/checkout":
                    continue
                if str(native.map_at("with").get("persist-credentials")).lower() != "false":
                    help_text = "with: {persist-credentials: false}"
                    yield FINDER.at(native.value_span("uses"), "the checkout leaves the token on the disk", help=help_text)


RULE = FINDER.rule(__doc__, check)
