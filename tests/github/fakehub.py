"""A small GitHub on loopback: the part of its REST API that setting up and checking use, with its refusals.

Paths, statuses and shapes are held against GitHub's OpenAPI description (`seen`); whatever else is asked for is a 404 and kept in `unknown`. Secrets come
in through `/_secrets`, which the fake `gh` uses: the real one seals them for the API, which only GitHub can open.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gitserver import run_git
from openapi.described import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN, WRITER, READER = "admin-token", "writer-token", "reader-token"
RIGHTS = {
    ADMIN: {"admin": True, "push": True, "pull": True},
    WRITER: {"admin": False, "push": True, "pull": True},
    READER: {"admin": False, "push": False, "pull": True},
}
STORED = "2030-01-01T00:00:00Z"
NO_PLAN = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports the required protection rule."
)


@dataclass
class Hub:
    """What GitHub knows. `bare` is the repository itself; `plan` its owner's, `tells_plan` whether a token may know it.

    `in_place` is what a proxy answers in GitHub's place, by how the paths begin; `spoil` changes what is answered to a request
    (`GET /user`).
    """

    bare: str
    slug: str = "acme/demo"
    private: bool = True
    plan: str = "team"
    tells_plan: bool = True
    owner: str = "Organization"
    scopes: str = "repo, workflow"
    protected: set[str] = field(default_factory=set)
    rules: dict[str, list[str]] = field(default_factory=dict)
    actions: dict[str, Any] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    selected: dict[str, Any] = field(default_factory=lambda: {"github_owned_allowed": True})
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    archived: bool = False
    disabled: dict[str, str] = field(default_factory=dict)
    fail: int = 0
    fail_with: str = "unavailable"
    in_place: dict[str, bytes] = field(default_factory=dict)
    spoil: Callable[[str, Any], Any] = lambda request, value: value
    requests: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    seen: list[Exchange] = field(default_factory=list)
    next_id: int = 100

    def __post_init__(self) -> None:
        handler = type("Bound", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.api = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def writes(self) -> list[str]:
        """Return the requests that change something."""
        return [line for line in self.requests if not line.startswith("GET ")]

    def branches_of(self, environment: str) -> list[str]:
        """Return the patterns of an environment."""
        return sorted(one["name"] for one in self.environments[environment]["policies"])


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the terminal quiet."""

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class looks for these names

    def _serve(self) -> None:
        hub, url = self.hub, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        value = json.loads(body) if body else {}
        if url.path == "/_secrets":
            hub.secrets[value["environment"], value["name"]] = {"value": value["value"], "updated_at": STORED}
            self._content(201, b"")
            return
        hub.requests.append(f"{self.command} {url.path}")
        self._sent = value if body else None
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        replaced = next((content for start, content in hub.in_place.items() if url.path.startswith(start)), None)
        if replaced is not None:
            self._content(200, replaced)
        elif hub.fail:
            self._json(hub.fail, {"message": hub.fail_with})
        elif token and token not in RIGHTS:
            self._json(401, {"message": "Bad credentials"})
        elif not token and hub.private:
            self._json(404, {"message": "Not Found"})
        else:
            self._route(url.path, value, RIGHTS.get(token))

    def _route(self, path: str, value: dict[str, Any], rights: dict[str, bool] | None) -> None:
        rest = path.removeprefix(f"/repos/{self.hub.slug}") if path.startswith(f"/repos/{self.hub.slug}") else f"@{path}"
        for method, pattern, needs_admin, answer in ROUTES:
            match = re.fullmatch(pattern, rest)
            if match and method == self.command:
                if needs_admin and rights is None:
                    self._json(401, {"message": "Requires authentication"})
                    return
                if needs_admin and rights is not None and not rights["admin"]:
                    self._json(403, {"message": "Must have admin rights to Repository."})
                    return
                status, reply = answer(self.hub, rights, value, *map(unquote, match.groups()))
                self._json(status, reply)
                return
        self.hub.unknown.append(f"{self.command} {self.path}")
        self._json(404, {"message": "Not Found"})

    def _json(self, status: int, value: Any) -> None:
        if not self.hub.fail:
            self.hub.seen.append(Exchange(self.command, self.path, self._sent, status, value))
        if value is None:
            self._content(status, b"")
            return
        self._content(status, json.dumps(self.hub.spoil(f"{self.command} {urlsplit(self.path).path}", value)).encode())

    def _content(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-OAuth-Scopes", self.hub.scopes)
        self.end_headers()
        self.wfile.write(content)


def _repository(hub: Hub, rights: Any, value: Any) -> tuple[int, Any]:
    login = hub.slug.partition("/")[0]
    return 200, {
        "full_name": hub.slug,
        "private": hub.private,
        "default_branch": "main",
        "archived": hub.archived,
        **({"permissions": rights} if rights else {}),
        "owner": {"login": login, "type": hub.owner},
    }


def _organization(hub: Hub, rights: Any, value: Any, login: str) -> tuple[int, Any]:
    return 200, {"login": login, **({"plan": {"name": hub.plan}} if hub.tells_plan else {})}


def _user(hub: Hub, rights: Any, value: Any) -> tuple[int, Any]:
    return _organization(hub, rights, value, hub.slug.partition("/")[0])


def _branch(hub: Hub, rights: Any, value: Any, branch: str) -> tuple[int, Any]:
    if run_git("--git-dir", hub.bare, "for-each-ref", f"refs/heads/{branch}").strip():
        return 200, {"name": branch, "protected": branch in hub.protected}
    return 404, {"message": "Branch not found"}


def _rules(hub: Hub, rights: Any, value: Any, branch: str) -> tuple[int, Any]:
    return 200, [{"type": kind} for kind in hub.rules.get(branch, [])]


def _tree(hub: Hub, rights: Any, value: Any, branch: str) -> tuple[int, Any]:
    if not run_git("--git-dir", hub.bare, "for-each-ref", f"refs/heads/{branch}").strip():
        return 409, {"message": "Git Repository is empty."}
    lines = run_git("--git-dir", hub.bare, "ls-tree", "-r", branch).splitlines()
    found = [line.replace("\t", " ").split(" ", 3) for line in lines]
    return 200, {"truncated": False, "tree": [{"mode": m, "type": t, "sha": s, "path": p} for m, t, s, p in found]}


def _workflows(hub: Hub, rights: Any, value: Any) -> tuple[int, Any]:
    if not run_git("--git-dir", hub.bare, "for-each-ref", "refs/heads/main"):
        return 200, {"total_count": 0, "workflows": []}
    paths = run_git("--git-dir", hub.bare, "ls-tree", "-r", "--name-only", "main", ".github/workflows").splitlines()
    found = [{"id": i, "path": path, "state": hub.disabled.get(path, "active")} for i, path in enumerate(paths, 1)]
    return 200, {"total_count": len(found), "workflows": found}


def _get_environment(hub: Hub, rights: Any, value: Any, name: str) -> tuple[int, Any]:
    if name not in hub.environments:
        return 404, {"message": "Not Found"}
    return 200, {k: v for k, v in hub.environments[name].items() if k != "policies"}


def _put_environment(hub: Hub, rights: Any, value: dict[str, Any], name: str) -> tuple[int, Any]:
    policy = value.get("deployment_branch_policy")
    if policy is not None and policy["protected_branches"] == policy["custom_branch_policies"]:
        return 422, {"message": "protected_branches and custom_branch_policies cannot have the same value"}
    if hub.private and hub.plan == "free" and (policy or value.get("reviewers")):
        return 422, {"message": NO_PLAN}
    rules = [{"type": "branch_policy"}] if policy else []
    if value.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": value["wait_timer"]})
    if value.get("reviewers"):
        people = [{"type": r["type"], "reviewer": {"id": r["id"]}} for r in value["reviewers"]]
        rules.append({"type": "required_reviewers", "reviewers": people, "prevent_self_review": value.get("prevent_self_review")})
    before = hub.environments.get(name, {}).get("policies", [])
    custom = policy is not None and policy["custom_branch_policies"]
    hub.environments[name] = {
        "name": name,
        "protection_rules": rules,
        "deployment_branch_policy": policy,
        "policies": before if custom else [],
    }
    return _get_environment(hub, rights, value, name)


def _get_policies(hub: Hub, rights: Any, value: Any, name: str) -> tuple[int, Any]:
    if name not in hub.environments:
        return 404, {"message": "Not Found"}
    found = hub.environments[name]["policies"]
    return 200, {"total_count": len(found), "branch_policies": found}


def _post_policy(hub: Hub, rights: Any, value: dict[str, Any], name: str) -> tuple[int, Any]:
    found = hub.environments[name]
    if not (found["deployment_branch_policy"] or {}).get("custom_branch_policies"):
        return 404, {"message": "Not Found"}
    if any(one["name"] == value["name"] for one in found["policies"]):
        return 303, None
    hub.next_id += 1
    found["policies"].append({"id": hub.next_id, "name": value["name"], "type": "branch"})
    return 200, found["policies"][-1]


def _delete_policy(hub: Hub, rights: Any, value: Any, name: str, number: str) -> tuple[int, Any]:
    found = hub.environments[name]
    found["policies"] = [one for one in found["policies"] if one["id"] != int(number)]
    return 204, None


def _secret(hub: Hub, rights: Any, value: Any, *names: str) -> tuple[int, Any]:
    environment, secret = names if len(names) == 2 else ("", *names)
    found = hub.secrets.get((environment, secret))
    if found is None:
        return 404, {"message": "Not Found"}
    return 200, {"name": secret, "created_at": STORED, "updated_at": found["updated_at"]}


ROUTES: list[tuple[str, str, bool, Any]] = [
    ("GET", "", False, _repository),
    ("GET", r"@/orgs/([^/]+)", False, _organization),
    ("GET", r"@/user", False, _user),
    ("GET", r"@/rate_limit", False, lambda hub, rights, value: (200, {"resources": {}})),
    ("GET", r"/branches/([^/]+)", False, _branch),
    ("GET", r"/rules/branches/([^/]+)", False, _rules),
    ("GET", r"/git/trees/([^/]+)", False, _tree),
    ("GET", r"/environments/([^/]+)", False, _get_environment),
    ("PUT", r"/environments/([^/]+)", True, _put_environment),
    ("GET", r"/environments/([^/]+)/deployment-branch-policies", False, _get_policies),
    ("POST", r"/environments/([^/]+)/deployment-branch-policies", True, _post_policy),
    ("DELETE", r"/environments/([^/]+)/deployment-branch-policies/(\d+)", True, _delete_policy),
    ("GET", r"/environments/([^/]+)/secrets/([^/]+)", True, _secret),
    ("GET", r"/actions/secrets/([^/]+)", True, _secret),
    ("GET", r"/actions/workflows", False, _workflows),
    ("GET", r"/actions/permissions", True, lambda hub, rights, value: (200, hub.actions)),
    ("GET", r"/actions/permissions/selected-actions", True, lambda hub, rights, value: (200, hub.selected)),
]
