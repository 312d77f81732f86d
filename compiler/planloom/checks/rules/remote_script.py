"""PL611 remote-script: a command runs a script that it has just downloaded.

What: `curl … | sh` and its like run whatever a server sends.

Why: The step runs something else when the server does, and no record says what it was. Download it by digest, or keep
it in the repository.

Fails:
    steps:
      - key: build
        run: curl -sSf https://example.org/install.sh | sh

Passes:
    steps:
      - key: build
        run: sh tools/install.sh
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, name_of, native_nodes
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL611", "remote-script")

_PIPED: Final = (
    r"\b(curl|wget)\b[^\n|;&]{0,500}\|\s{0,9}(sudo\s{1,9})?(ba|z|da)?sh\b|\b(ba|z|da)?sh\s{1,9}<\(\s{0,9}(curl|wget)\b"
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each command that pipes a download into a shell."""
    for plan in facts.plans:
        nodes = [(step, step.node) for step in facts.stating(plan, "run")]
        nodes += [(step, native) for step in facts.stating(plan, "steps") for native in native_nodes(step)]
        for step, node in nodes:
            run = node.get("run")
            if isinstance(run, str) and ("curl" in run or "wget" in run) and re.search(_PIPED, run):
                message = f"a command of step '{name_of(step)}' runs what it downloads"
                yield FINDER.at(
                    node.value_span("run"), message, help="keep the script in the repository, or check its digest first"
                )


RULE = FINDER.rule(__doc__, check)
