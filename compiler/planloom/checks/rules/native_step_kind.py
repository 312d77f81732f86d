"""PL317 native-step-kind: a GitHub step is neither a command nor an action, or both.

What: Each entry of `steps` has exactly one of `run` and `uses`; `with` goes with `uses`, `shell` and
`working-directory` with `run`.

Why: GitHub refuses the whole workflow file.

Fails:
    steps:
      - key: build
        steps:
          - name: Build

Passes:
    steps:
      - key: build
        steps:
          - name: Build
            run: make
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.syntax.nodes import MapNode

FINDER = error("PL317", "native-step-kind")

MISPLACED: Final = {"run": ("with",), "uses": ("shell", "working-directory")}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each GitHub step that is no single command and no single action, and keys of the other kind."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                yield from _check_native(native)


def _check_native(native: MapNode) -> Iterator[Diagnostic]:
    if "run" in native and "uses" in native:
        label = Label(native.key_span("uses"), "and here uses")
        yield FINDER.at(native.key_span("run"), "a GitHub step has run and uses", labels=[label], help="make two steps of it")
    elif "run" not in native and "uses" not in native:
        yield FINDER.at(native.span, "a GitHub step has neither run nor uses", help="add one of them")
    else:
        kind = "run" if "run" in native else "uses"
        for key in MISPLACED[kind]:
            if key in native:
                yield FINDER.at(native.key_span(key), f"'{key}' does not go with {kind}", help="leave it out")


RULE = FINDER.rule(__doc__, check)
