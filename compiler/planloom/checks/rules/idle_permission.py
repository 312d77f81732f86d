"""PL608 idle-permission: a command gets permissions that it can't use.

What: The token never reaches a `run` command: planloom takes it out of its environment. Of all permissions only
`id-token` has another way to a command. Native `steps` may use the token.

Why: Rights that nothing uses are rights that something else may use.

Fails:
    steps:
      - key: build
        run: make
        permissions: {packages: write}

Passes:
    steps:
      - key: build
        run: make
        permissions: {id-token: write}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, name_of
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL608", "idle-permission")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each write permission but id-token that a step with run states itself."""
    for plan in facts.plans:
        for step in facts.stating(plan, "permissions"):
            if not step.run:
                continue
            permissions = step.node.map_at("permissions")
            for name, access in permissions.items():
                if access == "write" and name != "id-token":
                    message = f"the command of step '{name_of(step)}' can't use '{name}: write'"
                    yield FINDER.at(permissions.key_span(name), message, help="leave it out, or use native steps")


RULE = FINDER.rule(__doc__, check)
