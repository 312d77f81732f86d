"""Copies files into `$ACT_ARTIFACTS/<run id>/<artifact name>/`, with upload-artifact's rules for names and paths."""

import glob
import os
import shutil
import sys
from pathlib import Path

FORBIDDEN = set('":<>|*?\r\n\\/')


def found(patterns: list[str], *, with_hidden: bool) -> list[str]:
    """Return the absolute paths of the files that the patterns name."""
    files: set[str] = set()
    for pattern in patterns:
        for match in glob.glob(pattern, recursive=True, include_hidden=with_hidden):
            below = glob.glob(f"{match}/**", recursive=True, include_hidden=with_hidden) if os.path.isdir(match) else [match]
            files.update(os.path.abspath(path) for path in below if os.path.isfile(path))
    return sorted(files)


def common_folder(patterns: list[str], files: list[str]) -> str:
    """Return the folder that the artifact's paths are relative to: the one searched, or the least common one of several."""
    if len(patterns) == 1 and os.path.isdir(patterns[0]):
        return os.path.abspath(patterns[0])
    return os.path.dirname(files[0]) if len(files) == 1 else os.path.commonpath(files)


def main() -> None:
    """Upload, or say why not."""
    name = os.environ["ARTIFACT_NAME"]
    if not name or FORBIDDEN & set(name):
        sys.exit(f"::error::the artifact name is not valid: {name!r}")
    patterns = [line.strip() for line in os.environ["ARTIFACT_PATH"].splitlines() if line.strip()]
    with_hidden = os.environ["ARTIFACT_HIDDEN"] == "true"
    files = found(patterns, with_hidden=with_hidden)
    if not files:
        wanted = os.environ["ARTIFACT_IF_NONE"]
        message = f"no files were found with the provided path: {', '.join(patterns)}"
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
    base = common_folder(patterns, files)
    for path in files:
        place = target / os.path.relpath(path, base)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    print(f"artifact {name}: {len(files)} files")


main()
