"""PL601 untrusted-text: text from outside stands in a command.

What: In the `run` of a GitHub step, and in the `script` of actions/github-script, an expression is replaced before the
program is read. Titles, branch names,
bodies, inputs and outputs of other steps come from whoever wrote them.

Why: A branch named `a$(curl …)` would run its own command with the job's rights. In `env` the same text is a value
and nothing else.

Fails:
    steps:
      - key: build
        steps:
          - run: echo ${{ github.event.issue.title }}

Passes:
    steps:
      - key: build
        steps:
          - run: echo "$TITLE"
            env: {TITLE: "${{ github.event.issue.title }}"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, find_expressions, native_nodes, programs
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL601", "untrusted-text")

SAFE: Final = (
    r"(github\.(actor_id|job|repository_id|repository_owner_id|run_attempt|run_id|run_number|sha|workspace|action_path)"
    r"|runner\.(os|arch|temp|tool_cache|name)|job\.status|strategy\.job-(index|total))"
)
"""Contexts whose values are made by the platform alone."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each expression in the run of a GitHub step that is not made by the platform alone; secrets are another rule."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                for text, span, help_text in programs(native):
                    for expression in find_expressions(text):
                        if re.fullmatch(SAFE, expression) is None and not expression.startswith("secrets."):
                            message = f"'${{{{ {expression[:80]} }}}}' in a command is text from outside"
                            yield FINDER.at(span, message, help=help_text)


RULE = FINDER.rule(__doc__, check)
