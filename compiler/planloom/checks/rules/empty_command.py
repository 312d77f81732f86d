"""PL315 empty-command: a command is empty.

What: `run` holds a command; a step without one has no `run` at all.

Why: An empty command succeeds, and the step would count as done although nothing was.

Fails:
    steps:
      - key: build
        run: ""

Passes:
    steps:
      - key: build
        run: make
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of, native_nodes, written_steps
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL315", "empty-command")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each run of nothing but space and comments."""
    for plan in facts.plans:
        for step in written_steps(plan):
            for node in (step.node, *native_nodes(step)):
                run = node.get("run")
                if isinstance(run, str) and not _does_something(run):
                    help_text = "write the command, or leave run out for a step that somebody does by hand"
                    yield FINDER.at(node.key_span("run"), f"the command of step '{name_of(step)}' is empty", help=help_text)


def _does_something(run: str) -> bool:
    if run[:1].isalnum():
        return True
    return any(line.strip() and not line.lstrip().startswith("#") for line in run.splitlines())


RULE = FINDER.rule(__doc__, check)
