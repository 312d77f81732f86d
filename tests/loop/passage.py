"""A plan with everything in it, carried through by workflows and by hand; and what its records say, compared."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from act.hub import TOKEN
from act.projects import planloom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from act.hub import Hub
    from act.projects import Project

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Everything that the loop has to carry
version: 1.0.0
params:
  tag: {{type: string, pattern: "^v[0-9]+$"}}
resources:
  bench: {{capacity: 4}}
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
      echo "$PARAM_TAG" >dist/base.txt
    outputs: [dist/base.txt]
  - key: check
    needs: [prepare]
    resources: [bench]
    foreach: {{side: [left, right]}}
    run: |
      test "$(cat dist/base.txt)" = "$PARAM_TAG"
      if env | grep -E '^(PLANLOOM_SIGNING_KEY|PLANLOOM_LEDGER_TOKEN|GITHUB_TOKEN|ACTIONS_RUNTIME_TOKEN)'; then exit 8; fi
      if [ "$EACH_SIDE$PLANLOOM_ATTEMPT" = right1 ]; then echo "fails once on purpose"; exit 7; fi
  - key: join
    needs: [check, prepare]
    run: |
      sed s/v/joined-/ dist/base.txt >dist/joined.txt
    outputs: [dist/joined.txt]
  - key: notes
    needs: [join]
    role: editor
  - key: ship
    needs: [notes, join]
    gate: {{role: approver}}
    baseline: true
    run: |
      sed s/joined/shipped/ dist/joined.txt >dist/shipped.txt
    outputs: [dist/shipped.txt]
"""


class Laptop:
    """The project's folder as a person's machine: their key, the records on the platform, and the platform's API."""

    def __init__(self, hub: Hub, project: Project) -> None:
        self._folder = project.folder
        self._environment = {
            "PLANLOOM_LEDGER": f"git:{hub.server.base}/{hub.slug}.git",
            "PLANLOOM_LEDGER_TOKEN": TOKEN,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": hub.api.base,
            "GITHUB_REPOSITORY": hub.slug,
        }

    def do(self, *words: str, expect: int = 0) -> str:
        """Run planloom and return what it said."""
        done = planloom(self._folder, *words, **self._environment)
        assert done.returncode == expect, f"planloom {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def statements(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the predicates of the records in a folder, by chain and in order; each with the digest of its payload."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((folder / "artifacts").rglob("[0-9]*.json")):
        payload = base64.b64decode(json.loads(path.read_text())["payload"])
        statement = json.loads(payload)
        predicate = statement["predicate"]
        subjects = sorted(f"{s['name']} {s['digest']['sha256']}" for s in statement["subject"])
        predicate |= {"digest": digest(payload), "subjects": subjects}
        found.setdefault(predicate["chain"]["name"], []).append(predicate)
    return {chain: sorted(entries, key=lambda p: p["chain"]["index"]) for chain, entries in sorted(found.items())}


def digest(content: bytes) -> str:
    """Return a SHA-256 as records write it."""
    import hashlib

    return hashlib.sha256(content).hexdigest()


def shape(folder: Path, item: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the records of a work item say, with every digest of a record replaced by its place.

    Two passages of one plan have the same shape when the same was done in the same order upon the same: events, attempts, results,
    outputs, and which record each one builds on.
    """
    chains = {chain: entries for chain, entries in statements(folder).items() if chain.startswith(f"{item}/")}
    places = {entry["digest"]: f"{chain}#{entry['chain']['index']}" for chain, entries in chains.items() for entry in entries}
    return {chain: [_said(entry, places) for entry in entries] for chain, entries in chains.items()}


def _said(entry: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    body = entry["body"]
    said = {
        "event": entry["event"],
        "attempt": entry.get("attempt", {}).get("number", 0),
        "result": body.get("result", ""),
        "baseline": body.get("baseline", ""),
        "outputs": entry["subjects"],
        "dependsOn": sorted(_place(d, places) for d in body.get("dependsOn", body.get("inputs", ()))),
        "approvals": sorted(places[d] for d in body.get("approvals", ())),
        "claim": places.get(body.get("claim", ""), ""),
    }
    return {name: value for name, value in said.items() if value}


def _place(dependency: dict[str, Any], places: dict[str, str]) -> str:
    """Return `<step>: <place of its handoff>` of one dependency."""
    return f"{dependency['step']}: {places.get(digest_of(dependency), 'elsewhere')}"


def digest_of(value: dict[str, Any]) -> str:
    """Return the SHA-256 in a reference to another record."""
    return str(value["digest"]["sha256"] if isinstance(value["digest"], dict) else value["digest"])


def by_hand(do: Callable[..., str], item: str) -> str:
    """Carry out the manual step as a person does; return what the second command said."""
    attempt = do("claim", item, "notes").splitlines()[0]
    return do("complete", item, "notes", "--attempt", attempt, "--outcome", "written", "--next-action", "ship it")


def judgement(folder: Path, item: str, root: str = "") -> dict[str, Any]:
    """Return what `planloom verify` says of a folder and what it has proven of a work item, but for what differs from passage to passage.

    `root` pins the trust root, as somebody does who got it elsewhere. Proven are, of each record, its place and event, whose key signed it, which
    step of which plan it is about, and, of what was handed on, the files.
    """
    done = planloom(folder, "verify", "--format", "json", *(["--root-key", f"sha256:{root}"] if root else []))
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    (found,) = [one for one in said["workItems"] if one["id"] == item]
    proven = [
        {name: record["proven"].get(name) for name in ("chain", "index", "plan", "step", "subjects")}
        | {"event": record["event"], "by": record["proven"]["key"]["name"]}
        | {"attempt": record["proven"].get("attempt", {}).get("number", 0)}
        for record in found["records"]
    ]
    return {
        "verdict": said["verdict"],
        "findings": said["findings"],
        "root": said["root"]["digest"],
        "events": found["events"],
        "proven": sorted(proven, key=lambda one: (one["chain"], one["index"])),
    }
