"""PL326 unknown-param: a command reads a parameter or axis that does not exist.

What: PARAM_… in a command is a parameter of the plan, EACH_… an axis of the step's `foreach`.

Why: The variable would be empty, and the command would go on with nothing.

Fails:
    params: {tag: {type: string}}
    steps:
      - key: build
        run: make VERSION="$PARAM_TAGS"

Passes:
    params: {tag: {type: string}}
    steps:
      - key: build
        run: make VERSION="$PARAM_TAG"
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, written_steps
from planloom.checks.rule import error
from planloom.core.names import each_variable, param_variable
from planloom.syntax.suggest import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL326", "unknown-param")

_VARIABLE: Final = re.compile(r"\$\{?((?:PARAM|EACH)_[A-Z0-9_]+)")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each variable of a parameter or axis that a command reads and nothing sets."""
    for plan in facts.plans:
        params = {param_variable(name) for name in facts.written[plan.path].params}
        for step in written_steps(plan):
            if "PARAM_" not in step.run and "EACH_" not in step.run:
                continue
            known = params | {each_variable(axis) for axis in step.each}
            for variable in dict.fromkeys(match[1] for match in _VARIABLE.finditer(step.run)):
                if variable not in known:
                    message = f"the command of step '{name_of(step)}' reads {variable}, which nothing sets"
                    yield FINDER.at(
                        step.node.key_span("run"), message, help=advise(variable, known) or "add it to params or foreach"
                    )


RULE = FINDER.rule(__doc__, check)
