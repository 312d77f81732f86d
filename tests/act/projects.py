"""Projects for end-to-end tests: keys and policy by `planloom init`, a plan, its compiled workflows, a git repository."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from act.hub import Hub

DIAMOND = """\
schema: planloom/plan/v1
id: demo
name: A diamond whose right side fails once
version: 1.0.0
workflow:
  execution: {execution}
defaults:
  shell: bash
  timeout-minutes: 5
  attempts: 2
steps:
  - key: prepare
    run: |
      mkdir -p dist
      echo "one grain of sand" >dist/base.txt
    outputs: [dist/base.txt]
  - key: left
    needs: [prepare]
    run: |
      sed s/one/left/ dist/base.txt >dist/left.txt
    outputs: [dist/left.txt]
  - key: right
    needs: [prepare]
    run: |
      if [ "$PLANLOOM_ATTEMPT" = 1 ]; then echo "fails once on purpose"; exit 7; fi
      # Neither key nor token reaches a step's command.
      if env | grep -E '^(PLANLOOM_SIGNING_KEY|GITHUB_TOKEN)='; then exit 8; fi
      sed s/one/right/ dist/base.txt >dist/right.txt
    outputs: [dist/right.txt]
  - key: join
    needs: [left, right]
    run: |
      cat dist/left.txt dist/right.txt >dist/both.txt
      test "$(wc -l <dist/both.txt)" = 2
    outputs: [dist/both.txt]
"""


@dataclass(frozen=True)
class Project:
    """A folder with a plan, committed to git, and the runner's key."""

    folder: Path
    key: str

    def planloom(self, *words: str, expect: int = 0) -> str:
        """Run planloom in the project and return what it printed to stdout."""
        done = planloom(self.folder, *words)
        assert done.returncode == expect, f"planloom {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def planloom(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run planloom in a folder with nobody's configuration."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **environment}
    command = [sys.executable, "-m", "planloom", *words]
    return subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120
    )


def commit_all(folder: Path, message: str) -> None:
    """Commit whatever lies in the folder."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for words in (["init", "-qb", "main"], ["add", "-A"], [*identity, "commit", "-qm", message]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def make_project(folder: Path, plan: str, name: str = "demo") -> Project:
    """Lay down a project with one plan, compile it and commit it."""
    done = planloom(folder.parent, "init", "--example", "none", str(folder))
    assert done.returncode == 0, done.stderr
    (folder / "specs" / f"{name}.yaml").write_text(plan, encoding="utf-8")
    project = Project(folder, (folder / ".planloom" / "ci.pem").read_text())
    project.planloom("compile")
    commit_all(folder, "Plan the demo")
    return project


def history(folder: Path) -> dict[str, list[tuple[str, int, str, tuple[str, ...]]]]:
    """Return what the records in a folder say, without what differs from machine to machine and moment to moment.

    Shape: chain → its entries in order: (event, attempt number, result, "name digest" of each output).
    """
    entries: dict[str, list[tuple[int, tuple[str, int, str, tuple[str, ...]]]]] = {}
    for path in sorted((folder / "artifacts").rglob("[0-9]*.json")):
        statement = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
        predicate = statement["predicate"]
        outputs = tuple(sorted(f"{subject['name']} {subject['digest']['sha256']}" for subject in statement["subject"]))
        # An opened work item's subjects are the compiled plan, which names the plan's own digest: same plan, same bytes.
        said = (
            predicate["event"],
            predicate.get("attempt", {}).get("number", 0),
            predicate["body"].get("result", ""),
            outputs,
        )
        entries.setdefault(predicate["chain"]["name"], []).append((predicate["chain"]["index"], said))
    return {chain: [said for _, said in sorted(found)] for chain, found in sorted(entries.items())}


PEOPLE = """\
schema: planloom/plan/v1
id: demo
name: A plan that waits for people
version: 1.0.0
workflow:
  execution: {execution}
defaults:
  shell: bash
  timeout-minutes: 5
steps:
  - key: check
    foreach: {{part: [code, text]}}
    run: test -n "$EACH_PART"
  - key: review
    name: Read it
    needs: [check]
  - key: build
    needs: [review]
    run: |
      mkdir -p dist
      echo built >dist/thing.txt
    outputs: [dist/thing.txt]
  - key: publish
    needs: [build]
    gate: {{role: approver, approvals: 1}}
    baseline: true
    run: test "$(cat dist/thing.txt)" = built
"""


@dataclass(frozen=True)
class Laptop:
    """A person's clone of the repository, with their key, and a token for the origin."""

    folder: Path
    environment: dict[str, str]

    def planloom(self, *words: str, expect: int = 0) -> str:
        """Run planloom on the remote's records and return what it printed, both streams together."""
        done = planloom(self.folder, *words, **self.environment)
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"planloom {' '.join(words)}: exit {done.returncode}\n{said}"
        return said


def make_laptop(hub: Hub, project: Project, folder: Path) -> Laptop:
    """Clone the repository as a person would, and put the keys of the project there."""
    clone = hub.clone("main", folder)
    url = hub.server.base.replace("http://", f"http://x-access-token:{hub.secrets['GITHUB_TOKEN']}@")
    hub.git("-C", str(clone), "remote", "set-url", "origin", f"{url}/{hub.slug}")
    shutil.copytree(project.folder / ".planloom", clone / ".planloom")
    environment = {
        "PLANLOOM_LEDGER": "git",
        "GITHUB_TOKEN": hub.secrets["GITHUB_TOKEN"],
        "GITHUB_REPOSITORY": hub.slug,
        "GITHUB_API_URL": hub.api.base,
    }
    return Laptop(clone, environment)
