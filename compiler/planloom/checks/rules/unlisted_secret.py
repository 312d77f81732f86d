"""PL333 unlisted-secret: a GitHub step reads a secret that its step does not list.

What: Each `secrets.NAME` in a GitHub step stands under `secrets` of the step around it, unless the step has an environment, whose secrets reach
its job by themselves.

Why: Secrets are handed on by name: one that is not listed is empty, and usually nothing says so.

Fails:
    steps:
      - key: publish
        steps:
          - run: make publish
            env: {TOKEN: "${{ secrets.INDEX_TOKEN }}"}

Passes:
    steps:
      - key: publish
        secrets: [INDEX_TOKEN]
        steps:
          - run: make publish
            env: {TOKEN: "${{ secrets.INDEX_TOKEN }}"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, find_expressions, name_of, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span
    from planloom.syntax.nodes import MapNode

FINDER = error("PL333", "unlisted-secret")

_NAMED: Final = r"(?i)\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)"
_ALWAYS_THERE: Final = "GITHUB_TOKEN"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each secret that would be empty, once a place."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            if step.environment:
                continue
            listed = {_ALWAYS_THERE, *(name.upper() for name in step.secrets)}
            for native in native_nodes(step):
                for name, span in _read(native):
                    if name.upper() not in listed:
                        message = f"step '{name_of(step)}' does not list the secret '{name[:80]}'"
                        yield FINDER.at(span, message, help=f"secrets: [{name[:80]}]")


def _read(native: MapNode) -> Iterator[tuple[str, Span]]:
    for node in (native, native.map_at("env"), native.map_at("with")):
        for key, value in node.items():
            if isinstance(value, str):
                names = [name for expression in find_expressions(value) for name in re.findall(_NAMED, expression)]
                yield from ((name, node.value_span(key)) for name in dict.fromkeys(names))


RULE = FINDER.rule(__doc__, check)
