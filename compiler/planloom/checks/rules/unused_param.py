"""PL325 unused-param: a parameter is declared and no step reads it.

What: A parameter `tag` is read as PARAM_TAG, in a command, a GitHub step or a file that they name.

Why: Whoever opens a work item is asked for something that has no effect. When a script reads it, allow this with a
comment.

Fails:
    params: {tag: {type: string}}
    steps:
      - key: build
        run: make

Passes:
    params: {tag: {type: string}}
    steps:
      - key: build
        run: make VERSION="$PARAM_TAG"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts
from planloom.checks.rule import warning
from planloom.core.names import param_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL325", "unused-param")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each parameter whose variable no command or GitHub step of its plan mentions."""
    for plan in facts.plans:
        if not plan.params:
            continue
        texts = "\n".join(text for step in plan.steps for text in (step.run, repr(step.native) if step.native else ""))
        for param in plan.params:
            variable = param_variable(param.name)
            if variable not in texts:
                span = plan.node.map_at("params").key_span(param.name)
                yield FINDER.at(span, f"no step reads {variable}", help=f"read it as ${variable}, or leave the parameter out")


RULE = FINDER.rule(__doc__, check)
