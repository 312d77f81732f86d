"""Action pins: which commit stands for which action. Data in the package, overridden by the project's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from planloom.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Pin(NamedTuple):
    """A commit of an action, 40 hex digits, and the version that it is known by (a comment)."""

    version: str
    commit: str


class Pins(NamedTuple):
    """Every pin by action name."""

    table: Mapping[str, Pin]

    def of(self, action: str) -> Pin:
        """Return the pin of an action. Raises: InputError for one that the table does not have."""
        pin = self.table.get(action)
        if pin is None:
            message = f"there is no pin for {action}"
            raise InputError(message, hint="name its commit under `pins` in specs/planloom.yaml")
        return pin


def read_pins(overrides: Mapping[str, tuple[str, str]] | None) -> Pins:
    """Return the table that ships with planloom, with the project's overrides (name → version, commit)."""
    shipped = json.loads(Path(__file__).with_name("action-pins.json").read_bytes())
    table = {name: Pin(entry["version"], entry["commit"]) for name, entry in shipped.items()}
    table |= {name: Pin(version, commit) for name, (version, commit) in (overrides or {}).items()}
    return Pins(table)
