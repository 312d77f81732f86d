"""PL319 device-name: a name is a device on Windows.

What: `con`, `prn`, `aux`, `nul`, `com1` … and `lpt1` … can't be names of files or folders on Windows; plan ids and
step keys become such names.

Why: The repository could not be checked out there.

Fails:
    steps:
      - key: aux

Passes:
    steps:
      - key: auxiliary
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.checks.facts import Facts
from planloom.checks.rule import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.core.diagnostics import Diagnostic


FINDER = warning("PL319", "device-name")

DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))})
"""Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file, "Naming conventions"."""


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Yield each plan id and step key that is a device name."""
    for plan in facts.plans:
        names = [("id", plan.id, plan.node), *(("key", step.key, step.node) for step in plan.steps)]
        for field, name, node in names:
            if name in DEVICES:
                yield FINDER.at(
                    node.value_span(field), f"'{name}' is the name of a device on Windows", help="give it another name"
                )


RULE = FINDER.rule(__doc__, check)
