"""Writes the golden history of the records' schema as it is now: `PYTHONPATH=tests python tests/trust/make_golden.py`.

Run it once a release, under the new version's name; a file that is there is never written again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from planloom.records.record import SCHEMA_VERSION
from planloom.trust.bundle import write_bundle
from trust.histories import ANN, Shape, World

FOLDER = Path(__file__).parent / "golden"


def everything(folder):
    """A history in which every event occurs."""
    shapes = (
        Shape("lint", resources={"lab": 1}),
        Shape("build", ("lint",)),
        Shape("publish", ("build",), gate=2),
        Shape("announce", ("publish",)),
    )
    world = World(folder, shapes, capacity={"lab": 1})
    world.open()
    world.do("lint")
    world.do("build", result="failure")
    world.do("build", result="timeout")
    world.retry("build")
    world.do("build")
    world.approve("publish", reject=True, reentry="build")
    late = world.claim("build")
    world.abandon("build")
    world.finish(late)
    world.do("build")
    world.integrate("build")
    world.approve("publish", expires="2099-01-01T00:00:00.000Z")
    world.approve("publish", by=ANN)
    stale = world.claim("publish")
    world.revert("build")
    world.finish(stale)
    world.do("build")
    world.migrate((*shapes[:3], Shape("announce", ("publish",), version=2)))
    world.close()
    return world


def main():
    path = FOLDER / f"records-v{SCHEMA_VERSION}.bundle"
    if path.exists():
        print(f"{path.name} is there already")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        path.write_bytes(write_bundle(everything(Path(name)).history().files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
