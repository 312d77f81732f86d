"""Copies artifacts from `$ACT_ARTIFACTS/<run id>/` into the workspace, with download-artifact's rules."""

import fnmatch
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    """Download, or say why not."""
    name, pattern = os.environ["ARTIFACT_NAME"], os.environ["ARTIFACT_PATTERN"]
    run = os.environ["ARTIFACT_RUN"] or os.environ["GITHUB_RUN_ID"]
    if run != os.environ["GITHUB_RUN_ID"] and not os.environ["ARTIFACT_TOKEN"]:
        sys.exit("::error::artifacts of another run need github-token")
    store = Path(os.environ["ACT_ARTIFACTS"]) / run
    target = Path(os.environ["ARTIFACT_PATH"] or ".")
    if name:
        if not (store / name).is_dir():
            sys.exit(f"::error::Unable to download artifact(s): Artifact not found for name: {name}")
        shutil.copytree(store / name, target, dirs_exist_ok=True)
        print(f"artifact {name} → {target}")
        return
    known = sorted(folder.name for folder in store.iterdir()) if store.is_dir() else []
    chosen = [folder for folder in known if fnmatch.fnmatchcase(folder, pattern or "*")]
    for folder in chosen:
        place = target if os.environ["ARTIFACT_MERGE"] == "true" else target / folder
        shutil.copytree(store / folder, place, dirs_exist_ok=True)
    print(f"{len(chosen)} artifacts → {target}")


main()
