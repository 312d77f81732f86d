"""The three judges of GitHub workflows, as programs that nobody here wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


def stage(folder: Path, workflows: dict[str, bytes]) -> Path:
    """Lay workflows down as a repository; actionlint looks for `.git`."""
    for path, content in workflows.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / ".git").mkdir(exist_ok=True)
    return folder


def workflow_files(folder: Path) -> list[str]:
    found = sorted(str(path.relative_to(folder)) for path in (folder / ".github/workflows").glob("*.yml"))
    assert found, "there is nothing to judge"
    return found


def actionlint(folder: Path) -> str:
    shellcheck = shutil.which("shellcheck", path=str(BIN)) or ""
    assert shellcheck, "shellcheck is part of the judge"
    done = _run(
        BIN / "actionlint",
        "-oneline",
        "-no-color",
        "-shellcheck",
        shellcheck,
        "-pyflakes",
        "",
        *workflow_files(folder),
        cwd=folder,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def zizmor(folder: Path) -> list[tuple[str, str]]:
    """Return (audit, file) of each finding."""
    options = ("--offline", "--no-config", "--persona=auditor", "--no-progress", "-q", "--format=json")
    done = _run(BIN / "zizmor", *options, ".github/workflows", cwd=folder)
    assert done.returncode in {0, 11, 12, 13, 14}, done.stderr
    findings = [f for f in json.loads(done.stdout) if not f["ignored"]]
    return [(f["ident"], json.dumps(f["locations"][0]["symbolic"]["key"])) for f in findings]


def schema(folder: Path) -> str:
    done = _run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflow_files(folder), cwd=folder)
    return "" if done.returncode == 0 else done.stdout + done.stderr
