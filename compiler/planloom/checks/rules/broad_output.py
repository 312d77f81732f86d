"""PL327 broad-output: an output pattern takes the whole workspace.

What: An output pattern names a folder or a kind of file, not everything.

Why: The checkout itself, caches and whatever lies around would be signed and handed on.

Fails:
    steps:
      - key: build
        run: make
        outputs: ["**"]

Passes:
    steps:
      - key: build
        run: make
        outputs: ["dist/**"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL327", "broad-output")

BROAD: Final = frozenset({"*", "**", "**/*", ".", "./", "./*", "./**", "./**/*"})


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each output pattern that takes everything."""
    for plan in facts.plans:
        for step in facts.stating(plan, "outputs"):
            for index, pattern in enumerate(step.outputs):
                if pattern in BROAD:
                    span = step.node.list_at("outputs").item_span(index)
                    yield FINDER.at(
                        span, f"output '{pattern}' takes the whole workspace", help="name a folder, for example dist/**"
                    )


RULE = FINDER.rule(__doc__, check)
