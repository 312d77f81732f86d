"""Makes `api.github.com.json` beside it: what GitHub's OpenAPI description says about the addresses that are used here, and nothing else.

The description comes in the npm package @octokit/openapi (MIT; GitHub's own text, github/rest-api-description, is MIT as well):

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python tests/openapi/extract.py package            # writes the extract
    python tests/openapi/extract.py package --check    # exit 1 when it is not the one that is there
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRACT = Path(__file__).with_name("api.github.com.json")

REPOSITORY = "/repos/{owner}/{repo}"
ENVIRONMENT = f"{REPOSITORY}/environments/{{environment_name}}"
ACTIONS = f"{REPOSITORY}/actions"
USED = (
    ("get", "/rate_limit"),
    ("get", "/user"),
    ("get", "/orgs/{org}"),
    ("get", REPOSITORY),
    ("get", f"{REPOSITORY}/branches/{{branch}}"),
    ("get", f"{REPOSITORY}/rules/branches/{{branch}}"),
    ("get", f"{REPOSITORY}/git/trees/{{tree_sha}}"),
    ("get", ENVIRONMENT),
    ("put", ENVIRONMENT),
    ("get", f"{ENVIRONMENT}/deployment-branch-policies"),
    ("post", f"{ENVIRONMENT}/deployment-branch-policies"),
    ("delete", f"{ENVIRONMENT}/deployment-branch-policies/{{branch_policy_id}}"),
    ("get", f"{ENVIRONMENT}/secrets/{{secret_name}}"),
    ("get", f"{ACTIONS}/secrets/{{secret_name}}"),
    ("get", f"{ACTIONS}/permissions"),
    ("get", f"{ACTIONS}/permissions/selected-actions"),
    ("get", f"{ACTIONS}/workflows"),
    ("post", f"{ACTIONS}/workflows/{{workflow_id}}/dispatches"),
    ("get", f"{ACTIONS}/runs"),
    ("get", f"{ACTIONS}/runs/{{run_id}}"),
    ("get", f"{ACTIONS}/runs/{{run_id}}/attempts/{{attempt_number}}"),
    ("get", f"{ACTIONS}/runs/{{run_id}}/jobs"),
    ("get", f"{ACTIONS}/runs/{{run_id}}/attempts/{{attempt_number}}/jobs"),
    ("get", f"{ACTIONS}/runs/{{run_id}}/artifacts"),
    ("get", f"{ACTIONS}/artifacts/{{artifact_id}}/{{archive_format}}"),
)
"""Method and address of all that the client asks or a fake answers."""

PROSE = frozenset({"description", "summary", "title", "example", "externalDocs", "operationId", "tags", "x-github", "x-octokit"})


def make_extract(description: dict[str, Any], licence: str) -> dict[str, Any]:
    """Return the used part of a description: operations, and the components that they refer to, without prose."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in USED:
        paths.setdefault(path, {})[method] = without_prose(description["paths"][path][method])
    components: dict[str, Any] = {}
    waiting = sorted(set(find_references(paths)))
    while waiting:
        reference = waiting.pop()
        if reference not in components:
            found = resolve(description, reference)
            components[reference] = found if "/examples/" in reference else without_prose(found)
            if "/examples/" not in reference:
                waiting.extend(find_references(components[reference]))
    info = {"package": "@octokit/openapi", "version": description["info"]["version"], "licence": licence}
    return {"info": info, "paths": paths, "components": {name: components[name] for name in sorted(components)}}


def without_prose(value: Any, *, names: bool = False) -> Any:
    """Return a part of the description without its texts for people; below `properties` the keys are names."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if names or key not in PROSE}
        return {key: without_prose(one, names=key == "properties" and not names) for key, one in kept.items()}
    return [without_prose(one) for one in value] if isinstance(value, list) else value


def find_references(value: Any) -> Iterator[str]:
    """Yield every `$ref` in a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from find_references(one)
    elif isinstance(value, list):
        for one in value:
            yield from find_references(one)


def resolve(description: dict[str, Any], reference: str) -> Any:
    """Return what `#/a/b` means."""
    found: Any = description
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def write_lines(extract: dict[str, Any]) -> str:
    """Return the extract as JSON with one line an address and a component, so that a new version can be read as a difference."""
    parts = []
    for key, value in extract.items():
        inner = ",\n".join(f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in value.items())
        parts.append(f"{json.dumps(key)}: {{\n{inner}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(package: str, *options: str) -> int:
    """Write the extract, or with --check compare it; returns the exit code."""
    folder = Path(package)
    description = json.loads((folder / "generated" / "api.github.com.json").read_text(encoding="utf-8"))
    text = write_lines(make_extract(description, (folder / "LICENSE").read_text(encoding="utf-8")))
    if "--check" in options:
        return int(EXTRACT.read_text(encoding="utf-8") != text)
    EXTRACT.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
