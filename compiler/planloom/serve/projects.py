"""Projects as an editor has them: files on disk, and over them the buffers that are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from planloom.core.errors import PlanloomError
from planloom.pipeline import SPECS, Checked, Specs, check_project, needs_no_lock, read_policy, read_specs
from planloom.serve.steps import Named, find_steps
from planloom.syntax.reader import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.model.plan import Plan

ENDINGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a project: the project's folder, and the path relative to it."""

    root: Path
    path: str

    @property
    def uri(self) -> str:
        """The address that editors know it by."""
        return (self.root / self.path).as_uri()


@dataclass(slots=True)
class Project:
    """What is known of one project: its last check, and the steps of each file when it could last be read."""

    root: Path
    checked: Checked | None = None
    steps: dict[str, tuple[Named, ...]] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    _texts: dict[str, str] = field(default_factory=dict)

    def plan(self, path: str) -> Plan | None:
        """Return the plan of a file as last checked."""
        return next((plan for plan in self.checked.plans if plan.path == path), None) if self.checked else None

    def read_steps(self, path: str, text: str) -> tuple[Named, ...]:
        """Return the steps of a text; those from before where it can't be read just now."""
        if self._texts.get(path) == text:
            return self.steps.get(path, ())
        self._texts[path] = text
        node, _ = read(path, text.encode("utf-8", "surrogatepass"))
        if node is not None:
            self.steps[path] = find_steps(node)
        return self.steps.get(path, ())


def place_of(uri: str) -> Place | None:
    """Return which project's file an address means, None for files that are not plans or settings."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.path))
    if path.parent.name != SPECS or path.suffix not in ENDINGS:
        return None
    return Place(path.parent.parent, f"{SPECS}/{path.name}")


def check(root: Path, buffers: Mapping[str, str]) -> Checked:
    """Return what checking a project gives, `buffers` (path → text) in the place of what is on disk. Reads the disk."""
    try:
        specs = read_specs(root)
    except PlanloomError:
        specs = Specs({})
    files = {**specs.files, **{path: text.encode("utf-8", "surrogatepass") for path, text in buffers.items()}}
    refused = [one for one in specs.refused if one.span.path not in buffers]
    policy, distrust = read_policy(root)
    return check_project(files, policy, locked=needs_no_lock(root), distrust=distrust, refused=refused)
