"""PL607 secret-beside-unpinned: a step with secrets runs an action that is not pinned.

What: A step that has `secrets`, or whose GitHub steps read them, uses only actions and images pinned by commit or
digest.

Why: Whoever can move the tag can read the secret.

Fails:
    steps:
      - key: build
        secrets: [TOKEN]
        steps:
          - uses: acme/deploy@v1

Passes:
    steps:
      - key: build
        secrets: [TOKEN]
        steps:
          - uses: acme/deploy@3d3c42e5aac5ba805825da76410c181273ba90b1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.checks.facts import Facts, native_nodes, pin_kind
from planloom.checks.rule import error
from planloom.core.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = error("PL607", "secret-beside-unpinned", is_strict=True)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each action that is not pinned in a step that holds secrets."""
    for plan in facts.plans:
        for step in facts.stating(plan, "steps"):
            natives = list(native_nodes(step))
            if not step.secrets and not any("secrets." in str(native) for native in natives):
                continue
            for native in natives:
                action = native.get("uses")
                if isinstance(action, str) and pin_kind(action) in ("tag", "branch"):
                    where = step.node.key_span("secrets") if step.secrets else step.node.key_span("steps")
                    message = f"'{action[:80]}' runs beside secrets and is not pinned"
                    labels = [Label(where, "the secrets")]
                    yield FINDER.at(
                        native.value_span("uses"),
                        message,
                        labels=labels,
                        help="pin it to a commit, or move it to a step of its own",
                    )


RULE = FINDER.rule(__doc__, check)
