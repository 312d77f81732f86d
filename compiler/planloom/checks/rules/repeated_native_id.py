"""PL329 repeated-native-id: two GitHub steps of a step have the same id.

What: The `id` of a GitHub step is unique in its job, in any case.

Why: GitHub refuses the whole workflow file.

Fails:
    steps:
      - key: build
        steps:
          - {id: a, run: make}
          - {id: a, run: make test}

Passes:
    steps:
      - key: build
        steps:
          - {id: a, run: make}
          - {id: b, run: make test}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.syntax.nodes import MapNode

FINDER = error("PL329", "repeated-native-id")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each id that an earlier GitHub step of the same step has."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            seen: dict[str, MapNode] = {}
            for native in native_nodes(step):
                name = native.get("id")
                if not isinstance(name, str):
                    continue
                first = seen.setdefault(name.lower(), native)
                if first is not native:
                    label = Label(first.value_span("id"), "first defined here")
                    yield FINDER.at(
                        native.value_span("id"), f"id '{name}' is here a second time", labels=[label], help="rename one"
                    )


RULE = FINDER.rule(__doc__, check)
