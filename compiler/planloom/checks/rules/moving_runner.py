"""PL614 moving-runner: a runner's label means another system next year.

What: Labels that end in `-latest` are moved by the platform to newer systems.

Why: The same plan and commit would run on other tools, and a step that passed before may fail.

Fails:
    steps:
      - key: build
        run: make
        runs-on: ubuntu-latest

Passes:
    steps:
      - key: build
        run: make
        runs-on: ubuntu-24.04
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL614", "moving-runner")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each runs-on with a label that ends in -latest: of the defaults, and of steps."""
    for plan in facts.plans:
        nodes = [plan.node.map_at("defaults"), *(step.node for step in facts.stating(plan, "runs-on"))]
        for node in nodes:
            value = node.get("runs-on")
            labels = value if isinstance(value, list) else [value]
            for name in labels:
                if isinstance(name, str) and name.endswith("-latest"):
                    span = node.key_span("runs-on") if isinstance(value, list) else node.value_span("runs-on")
                    yield FINDER.at(
                        span, f"'{name[:80]}' is another system every year", help="name the system, for example ubuntu-24.04"
                    )


RULE = FINDER.rule(__doc__, check)
