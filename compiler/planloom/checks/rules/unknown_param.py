"""PL326 unknown-param: a command reads a parameter or axis that does not exist.

What: PARAM_… in a command is a parameter of the plan, EACH_… an axis of the step's `foreach`. In `outputs` EACH_… is an axis
too; parameters are not known yet when a plan is compiled.

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
    from planloom.model.plan import Step


FINDER = error("PL326", "unknown-param")

_VARIABLE: Final = r"\$\{?((?:PARAM|EACH)_[A-Z0-9_]+)"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each variable of a parameter or axis that a command reads and nothing sets."""
    for plan in facts.plans:
        params = {param_variable(name) for name in facts.written[plan.path].params}
        for step in written_steps(plan):
            if "PARAM_" not in step.run and "EACH_" not in step.run:
                continue
            known = params | {each_variable(axis) for axis in step.each}
            for variable in dict.fromkeys(match[1] for match in re.finditer(_VARIABLE, step.run)):
                if variable not in known:
                    message = f"the command of step '{name_of(step)}' reads {variable}, which nothing sets"
                    yield FINDER.at(
                        step.node.key_span("run"), message, help=advise(variable, known) or "add it to params or foreach"
                    )
        for step in facts.stating(plan, "outputs"):
            if any("$" in output for output in step.outputs):
                yield from _in_outputs(step)


def _in_outputs(step: Step) -> Iterator[Diagnostic]:
    axes = {each_variable(axis) for axis in step.each}
    outputs = step.node.list_at("outputs")
    for index, output in enumerate(outputs):
        for variable in dict.fromkeys(match[1] for match in re.finditer(_VARIABLE, str(output))):
            if variable not in axes:
                message = f"an output of step '{name_of(step)}' names {variable}, for which nothing is put in"
                help_text = advise(variable, axes) or "only EACH_… of an axis of the step's foreach is replaced in outputs"
                yield FINDER.at(outputs.item_span(index), message, help=help_text)


RULE = FINDER.rule(__doc__, check)
