"""PL606 unpinned-image: a container image is not pinned by digest.

What: `container`, and `uses: docker://…`, name an image as `name@sha256:…`.

Why: A tag can be pushed again; the step would run something else, and nothing in the record would say so.

Fails:
    steps:
      - key: build
        run: make
        container: python:3.13

Passes:
    steps:
      - key: build
        run: make
        container: python@sha256:0000000000000000000000000000000000000000000000000000000000000000
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts, native_nodes
from planloom.checks.rule import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic, Span


FINDER = error("PL606", "unpinned-image")

_DIGEST: Final = r".+@sha256:[0-9a-f]{64}"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each image without a digest."""
    for plan in facts.plans:
        for step in facts.stating(plan, "container"):
            if step.container and re.fullmatch(_DIGEST, step.container) is None:
                yield _report(step.node.value_span("container"), step.container)
        for step in facts.stating(plan, "steps"):
            for native in native_nodes(step):
                action = native.get("uses")
                if isinstance(action, str) and action.startswith("docker://") and re.fullmatch(_DIGEST, action) is None:
                    yield _report(native.value_span("uses"), action)


def _report(span: Span, image: str) -> Diagnostic:
    return FINDER.at(
        span, f"image '{image[:80]}' is not pinned by digest", help="write name@sha256:… (docker buildx imagetools inspect NAME)"
    )


RULE = FINDER.rule(__doc__, check)
