"""The parts of GitHub's REST API that planloom uses in a workflow, on loopback.

Served: a repository, workflow_dispatch, a run and its attempts, the jobs of a run, its artifacts and their contents.
Whatever else is asked for is a 404 and kept in `unknown`, so that a test fails loudly instead of passing by luck.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from openapi.described import Exchange, find_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from act.actrun import ActRun


@dataclass
class Facts:
    """What the API knows. `runs` by id; `dispatched` waits for the hub to carry it out."""

    slug: str
    token: str
    artifacts: Path
    head: Callable[[], str]
    runs: dict[int, ActRun] = field(default_factory=dict)
    dispatched: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    workflows: Callable[[], list[str]] = list
    requests: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    base: str = ""
    twice: str = ""
    """An artifact that the store holds twice."""
    busy: int = 0
    """How many requests are still answered with `busy_with`."""
    busy_with: tuple[int, str, dict[str, str]] = (503, "Service Unavailable", {})
    """Status, message and headers."""
    seen: list[Exchange] = field(default_factory=list)
    """What was asked and answered, but for archives and refusals of a busy server; held against GitHub's OpenAPI description."""
    spoil: Callable[[str, Any], Any] = lambda request, value: value
    """Changes what is answered to a request (`GET /repos/…`): a JSON value, or bytes that are sent as they are."""


class RestApi:
    """The server; `base` is what GITHUB_API_URL holds."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        handler = type("Bound", (Handler,), {"facts": facts})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        facts.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base = facts.base
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and give the port back. Raises: AssertionError when something was said that GitHub's description does not know."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert [fault for one in self._facts.seen for fault in find_faults(one)] == []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    facts: Facts
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep the terminal quiet."""

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a write."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        url = urlsplit(self.path)
        self.facts.requests.append(f"{self.command} {url.path}")
        self._sent = json.loads(body) if body else None
        if self.facts.busy:
            self.facts.busy -= 1
            status, message, headers = self.facts.busy_with
            self._content(status, {"message": message}, headers)
            return
        if url.path.startswith("/blob/"):
            self._blob(url.path.removeprefix("/blob/"))
            return
        if self.headers.get("Authorization", "").partition(" ")[2].strip() != self.facts.token:
            self._json(401, {"message": "Bad credentials"})
            return
        prefix = f"/repos/{self.facts.slug}"
        rest = url.path.removeprefix(prefix)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        for method, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, rest)
            if url.path.startswith(prefix) and method == self.command and match:
                answer(self, *match.groups(), query=query, body=body)
                return
        self.facts.unknown.append(f"{self.command} {self.path}")
        self._json(404, {"message": "Not Found"})

    def _json(self, status: int, value: Any, **headers: str) -> None:
        if not self.path.startswith("/blob/"):
            self.facts.seen.append(Exchange(self.command, self.path, self._sent, status, value))
        self._content(status, value, headers)

    def _content(self, status: int, value: Any, headers: dict[str, str]) -> None:
        said = b"" if value is None else self._spoiled(value)
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _blob(self, name: str) -> None:
        """Send an artifact's archive. The real store refuses a request that carries GitHub's token; so does this one."""
        folder = self.facts.artifacts / name
        if "Authorization" in self.headers:
            self._json(400, {"message": "AuthenticationFailed"})
            return
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        content = self._spoiled(body.getvalue())
        self.send_response(200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _spoiled(self, value: Any) -> Any:
        return self.facts.spoil(f"{self.command} {urlsplit(self.path).path}", value)

    def repository(self, *, query: dict[str, str], body: bytes) -> None:
        """GET /repos/{owner}/{repo}."""
        self._json(200, {"full_name": self.facts.slug, "default_branch": "main", "private": True})

    def dispatch(self, workflow: str, *, query: dict[str, str], body: bytes) -> None:
        """POST …/actions/workflows/{file}/dispatches."""
        asked = json.loads(body)
        if workflow not in self.facts.workflows():
            self._json(404, {"message": "Not Found"})
            return
        if asked.get("ref") not in {"main", "refs/heads/main"}:
            self._json(422, {"message": f"No ref found for: {asked.get('ref')}"})
            return
        inputs = asked.get("inputs") or {}
        if any(not isinstance(value, str) for value in inputs.values()) or len(inputs) > 25:
            self._json(422, {"message": "Invalid inputs"})
            return
        self.facts.dispatched.append((workflow, inputs))
        self._json(204, None)

    def list_runs(self, *, query: dict[str, str], body: bytes) -> None:
        """GET …/actions/runs."""
        self._page("workflow_runs", [self._describe(run) for run in self.facts.runs.values()], query)

    def run(self, run: str, attempt: str | None = None, *, query: dict[str, str], body: bytes) -> None:
        """GET …/actions/runs/{id}, and of one attempt."""
        found = self._run(run, attempt)
        if found:
            self._json(200, self._describe(found))

    def jobs(self, run: str, attempt: str | None = None, *, query: dict[str, str], body: bytes) -> None:
        """GET …/actions/runs/{id}/jobs, and of one attempt."""
        found = self._run(run, attempt)
        if not found:
            return
        jobs = [
            {
                "id": zlib.crc32(f"{found.id} {number} {job.name}".encode()),
                "run_id": found.id,
                "run_attempt": found.attempt,
                "name": job.name,
                "status": "completed" if job.conclusion else "in_progress",
                "conclusion": job.conclusion or None,
                "started_at": job.started,
                "completed_at": job.completed or None,
                "html_url": f"{self.facts.base}/{self.facts.slug}/actions/runs/{found.id}/job/{number}",
                "runner_name": "loopback",
                "steps": [
                    {"name": name, "status": "completed", "conclusion": result, "number": place}
                    for place, (name, result) in enumerate(job.steps, 1)
                ],
            }
            for number, job in enumerate(found.jobs, 1)
        ]
        self._page("jobs", jobs, query)

    def artifacts(self, run: str, *, query: dict[str, str], body: bytes) -> None:
        """GET …/actions/runs/{id}/artifacts."""
        folder = self.facts.artifacts / run
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        names += [name for name in names if name == self.facts.twice]
        if "name" in query:
            names = [name for name in names if name == query["name"]]
        self._page("artifacts", [self._artifact(run, name) for name in names], query)

    def archive(self, artifact: str, *, query: dict[str, str], body: bytes) -> None:
        """GET …/actions/artifacts/{id}/zip: a redirect to the store."""
        for folder in sorted(self.facts.artifacts.glob("*/*")):
            if str(zlib.crc32(f"{folder.parent.name} {folder.name}".encode())) == artifact:
                self._json(302, None, Location=f"{self.facts.base}/blob/{folder.parent.name}/{folder.name}")
                return
        self._json(404, {"message": "Not Found"})

    def _artifact(self, run: str, name: str) -> dict[str, Any]:
        number = zlib.crc32(f"{run} {name}".encode())
        folder = self.facts.artifacts / run / name
        return {
            "id": number,
            "name": name,
            "size_in_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            "expired": False,
            "created_at": stamp(folder),
            "archive_download_url": f"{self.facts.base}/repos/{self.facts.slug}/actions/artifacts/{number}/zip",
            "workflow_run": {"id": int(run)},
        }

    def _page(self, key: str, values: list[Any], query: dict[str, str]) -> None:
        size, page = min(int(query.get("per_page", "30")), 100), int(query.get("page", "1"))
        self._json(200, {"total_count": len(values), key: values[(page - 1) * size : page * size]})

    def _run(self, run: str, attempt: str | None) -> ActRun | None:
        found = self.facts.runs.get(int(run))
        if found is None or (attempt is not None and int(attempt) != found.attempt):
            self._json(404, {"message": "Not Found"})
            return None
        return found

    def _describe(self, run: ActRun) -> dict[str, Any]:
        return {
            "id": run.id,
            "name": run.workflow,
            "path": f".github/workflows/{run.workflow}",
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion or None,
            "run_attempt": run.attempt,
            "head_branch": "main",
            "head_sha": self.facts.head(),
            "html_url": f"{self.facts.base}/{self.facts.slug}/actions/runs/{run.id}",
        }


def stamp(path: Path) -> str:
    """Return when a file or folder was made here, as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(path.stat().st_mtime))


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "", Handler.repository),
    ("POST", r"/actions/workflows/([^/]+)/dispatches", Handler.dispatch),
    ("GET", r"/actions/runs", Handler.list_runs),
    ("GET", r"/actions/runs/(\d+)", Handler.run),
    ("GET", r"/actions/runs/(\d+)/attempts/(\d+)", Handler.run),
    ("GET", r"/actions/runs/(\d+)/jobs", Handler.jobs),
    ("GET", r"/actions/runs/(\d+)/attempts/(\d+)/jobs", Handler.jobs),
    ("GET", r"/actions/runs/(\d+)/artifacts", Handler.artifacts),
    ("GET", r"/actions/artifacts/(\d+)/zip", Handler.archive),
]
