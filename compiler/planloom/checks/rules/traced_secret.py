"""PL613 traced-secret: a command with secrets prints itself.

What: A step with `secrets` does not say `set -x` or `bash -x`.

Why: Tracing prints variables as they are used; masking by the platform misses whatever is changed or encoded.

Fails:
    steps:
      - key: publish
        run: |
          set -x
          login "$TOKEN"
        secrets: [TOKEN]

Passes:
    steps:
      - key: publish
        run: login "$TOKEN"
        secrets: [TOKEN]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import warning
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL613", "traced-secret")

_TRACE: Final = r"(?m)(^|[\s;&])(set\s{1,9}-[a-wyz]{0,9}x|set\s{1,9}-o\s{1,9}xtrace|(ba|da|z)?sh\s{1,9}-[a-wyz]{0,9}x)"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each step with secrets whose command traces itself."""
    for plan in facts.plans:
        for step in facts.stating(plan, "secrets"):
            if step.secrets and re.search(_TRACE, step.run):
                label = Label(step.node.key_span("secrets"), "the secrets")
                message = f"the command of step '{name_of(step)}' prints itself"
                yield FINDER.at(step.node.value_span("run"), message, labels=[label], help="leave the tracing out")


RULE = FINDER.rule(__doc__, check)
