"""Where the project is."""

from __future__ import annotations

from pathlib import Path

from planloom.core.errors import InputError


def find_root(given: Path | None) -> Path:
    """Return the project's folder: the one given, or the nearest upward with `specs/` or `artifacts/`.

    Raises: InputError when there is none.
    """
    if given is not None:
        if not given.is_dir():
            message = f"{given}: there is no such folder"
            raise InputError(message, hint="--root names the folder that holds specs/")
        if not any((given / name).is_dir() for name in ("specs", "artifacts")):
            message = f"{given} is not a planloom project: there is no specs/ in it"
            raise InputError(message, hint="planloom init DIR   # lays one down; --root DIR names the folder that holds specs/")
        return given.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "specs").is_dir() or (folder / "artifacts" / "work-items").is_dir():
            return folder
    message = f"{here} is not a planloom project: there is no specs/ here or above"
    raise InputError(message, hint="planloom init DIR   # lays one down; --root DIR names one elsewhere")
