"""PL320 reserved-plan-id: a plan has an id that planloom uses itself.

What: `docs`, `schema` and `project` name what else lies under `generated/`; `planloom` names what belongs to the
repository.

Why: The plan's compiled files would lie among files that are not its own.

Fails:
    schema: planloom/plan/v1
    id: schema
    name: Demo
    version: 1.0.0
    steps:
      - key: build

Passes:
    schema: planloom/plan/v1
    id: schema-change
    name: Demo
    version: 1.0.0
    steps:
      - key: build
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL320", "reserved-plan-id")

RESERVED: Final = frozenset({"docs", "schema", "project", "planloom"})


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan with a reserved id."""
    for plan in facts.plans:
        if plan.id in RESERVED:
            yield FINDER.at(plan.node.value_span("id"), f"plan id '{plan.id}' is reserved", help="give it another id")


RULE = FINDER.rule(__doc__, check)
