"""Copies files into `$ACT_ARTIFACTS/<run id>/<artifact name>/`, with upload-artifact's rules for names and paths."""

import glob
import os
import shutil
import sys
from pathlib import Path

FORBIDDEN = set('":<>|*?\r\n\\/')


def matches(pattern: str, *, hidden: bool) -> list[Path]:
    """Return what a pattern names; names that begin with a dot only if `hidden`."""
    # Path.glob has no way to leave out hidden files, and takes no absolute patterns.
    return [Path(found).absolute() for found in glob.glob(pattern, recursive=True, include_hidden=hidden)]  # noqa: PTH207


def files_of(patterns: list[str], *, hidden: bool) -> list[Path]:
    """Return the files that the patterns name, those below a named folder too, sorted."""
    named = [path for pattern in patterns for path in matches(pattern, hidden=hidden)]
    below = [path for folder in named if folder.is_dir() for path in matches(f"{folder}/**", hidden=hidden)]
    return sorted({path for path in (*named, *below) if path.is_file()})


def base_of(patterns: list[str], files: list[Path]) -> Path:
    """Return the folder that the artifact's paths are relative to: the one searched, or the least common one of several."""
    if len(patterns) == 1 and Path(patterns[0]).is_dir():
        return Path(patterns[0]).absolute()
    return Path(os.path.commonpath([path.parent for path in files]))


def main() -> None:
    """Upload, or say why not."""
    name = os.environ["ARTIFACT_NAME"]
    if not name or FORBIDDEN & set(name):
        sys.exit(f"::error::the artifact name is not valid: {name!r}")
    patterns = [line.strip() for line in os.environ["ARTIFACT_PATH"].splitlines() if line.strip()]
    files = files_of(patterns, hidden=os.environ["ARTIFACT_HIDDEN"] == "true")
    if not files:
        wanted = os.environ["ARTIFACT_IF_NONE"]
        message = f"No files were found with the provided path: {', '.join(patterns)}"
        if wanted == "error":
            sys.exit(f"::error::{message}")
        print(f"::warning::{message}" if wanted == "warn" else message)
        return
    target = Path(os.environ["ACT_ARTIFACTS"]) / os.environ["GITHUB_RUN_ID"] / name
    if os.environ["ARTIFACT_OVERWRITE"] == "true":
        shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.mkdir()
    except FileExistsError:
        sys.exit(f"::error::an artifact with this name already exists on the workflow run: {name}")
    base = base_of(patterns, files)
    for path in files:
        place = target / path.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    print(f"artifact {name}: {len(files)} files")


main()
