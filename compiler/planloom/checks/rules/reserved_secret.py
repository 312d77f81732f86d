"""PL609 reserved-secret: a step asks for a secret that is not for steps.

What: `secrets` does not name GITHUB_TOKEN, which comes through `permissions`, nor the secret that holds the signing
key.

Why: A command with the signing key could sign anything in the project's name.

Fails:
    steps:
      - key: build
        run: make
        secrets: [PLANLOOM_SIGNING_KEY]

Passes:
    steps:
      - key: build
        run: make
        secrets: [INDEX_TOKEN]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL609", "reserved-secret", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each reserved secret under secrets, and the signing key anywhere in GitHub steps."""
    key_name = facts.project.signing_key_secret.upper()
    for plan in facts.plans:
        for step in facts.stating(plan, "secrets"):
            secrets = step.node.list_at("secrets")
            for index, name in enumerate(step.secrets):
                if name.upper().startswith("GITHUB_") or name.upper() in (key_name, "PLANLOOM_SIGNING_KEY"):
                    yield FINDER.at(secrets.item_span(index), f"secret '{name}' is not for steps", help="leave it out")
            for native in native_nodes(step):
                if f"secrets.{key_name}" in str(native).upper().replace("SECRETS.", "secrets."):
                    yield FINDER.at(native.span, "a GitHub step reads the signing key", help="leave it out")


RULE = FINDER.rule(__doc__, check)
