"""PL313 reserved-variable: a variable is set that planloom or GitHub sets.

What: `env` does not set PLANLOOM_…, PARAM_…, EACH_…, GITHUB_…, RUNNER_… or ACTIONS_….

Why: The value would be ignored, or would make a command believe something that is not so.

Fails:
    steps:
      - key: build
        run: make
        env: {GITHUB_SHA: main}

Passes:
    steps:
      - key: build
        run: make
        env: {BASE_SHA: main}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic
    from planloom.syntax.nodes import MapNode

FINDER = error("PL313", "reserved-variable")

RESERVED: Final = ("PLANLOOM_", "PARAM_", "EACH_", "GITHUB_", "RUNNER_", "ACTIONS_")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each reserved variable in the env of the defaults, of a step or of a GitHub step."""
    for plan in facts.plans:
        yield from _check_env(plan.node.map_at("defaults").map_at("env"))
        for step in facts.stating(plan, "env"):
            yield from _check_env(step.node.map_at("env"))
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                yield from _check_env(native.map_at("env"))


def _check_env(env: MapNode) -> Iterator[Diagnostic]:
    for name in env:
        if name.upper().startswith(RESERVED):
            yield FINDER.at(env.key_span(name), f"variable '{name}' is reserved", help="give it another name")


RULE = FINDER.rule(__doc__, check)
