"""Projects around a folder: inside one, or with others in it, a new project is rarely what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.trust.policyfiles import POLICY_PATH

if TYPE_CHECKING:
    from pathlib import Path


def find_neighbours(folder: Path) -> tuple[str, ...]:
    """Return what to say about the projects that a folder lies in, or that lie right below it; nothing when it is a project already."""
    if (folder / POLICY_PATH).exists():
        return ()
    whole = folder.absolute()
    said = []
    around = next((parent for parent in whole.parents if (parent / POLICY_PATH).exists()), None)
    if around is not None:
        said.append(f"{folder} lies in the project {around}: GitHub reads workflows only at the top of a repository")
    below = sorted(path.name for path in folder.glob("*/") if (path / POLICY_PATH).exists()) if folder.is_dir() else []
    if below:
        said.append(f"{', '.join(below[:3])} in {folder} is a project already: what is meant there is said there, or with --root")
    return tuple(said)
