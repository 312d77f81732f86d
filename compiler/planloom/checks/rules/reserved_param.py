"""PL331 reserved-param: a parameter has the name of an input that every orchestrator has.

What: No parameter is called `work-item`.

Why: Parameters become inputs of the orchestrator, and `work-item` says there which work item is meant: one value would be taken
for both.

Fails:
    params:
      work-item: {type: string}
    steps:
      - key: build
        run: make "$PARAM_WORK_ITEM"

Passes:
    params:
      ticket: {type: string}
    steps:
      - key: build
        run: make "$PARAM_TICKET"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.checks.facts import Facts
    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL331", "reserved-param")

TAKEN: Final = "work-item"
"""The input of `emit.orchestrator` that is there in every plan."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield the parameter with the reserved name."""
    for plan in facts.plans:
        node = plan.node.map_at("params")
        if TAKEN in node:
            help_text = "give it another name; the work item's own id is $PLANLOOM_WORK_ITEM"
            yield FINDER.at(node.key_span(TAKEN), f"parameter '{TAKEN}' is an input of every orchestrator", help=help_text)


RULE = FINDER.rule(__doc__, check)
