"""The published JSON Schemas as they ship with planloom: data in the package, which `emit.schemas` makes and `make docs` writes.

They are the same for every project, and making them takes longer than compiling a small plan.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("schema")
NAMES: Final = tuple(f"{name}.schema.json" for name in ("matrix", "plan", "project", "record", "schedule"))


def read_schemas() -> dict[str, bytes]:
    """Return file name → JSON Schema, for `generated/schema/`."""
    return {name: (FOLDER / name).read_bytes() for name in NAMES}
