"""A git server on loopback for tests: a bare repository behind `git http-backend`, with tokens and failures on demand.

Answers like GitHub: 401 without a valid token, 403 "Write access to repository not granted." for a push with a read token. A
failure is planned with `fail_next`: a status for the next requests of a service, or `drop`, which lets git do the work and then cuts the
connection, so that the client never hears of it.
"""

from __future__ import annotations

import base64
import binascii
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib import request

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITE_TOKEN = "write-token"
READ_TOKEN = "read-token"
PUSH = "git-receive-pack"
FETCH = "git-upload-pack"

CONFIG = {
    "http.receivepack": "true",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "receive.fsckObjects": "true",
    "receive.autogc": "false",
    "receive.hideRefs": "refs/pull",
    "gc.auto": "0",
}


@dataclass
class Request:
    """One request as served. `service` is PUSH or FETCH; `is_work` tells the transfer from the advertisement before it."""

    service: str
    is_work: bool
    status: int = 0
    sent: int = 0


@dataclass
class Failure:
    """What to do instead of answering: a status, or after the work is done a cut connection (`drop`)."""

    service: str
    status: int = 503
    drop: bool = False
    left: int = 1
    text: str = ""


@dataclass
class GitServer:
    """A running server. `url` is the repository's; `requests` what was asked so far."""

    bare: Path
    slug: str = "acme/demo"
    tokens: dict[str, str] = field(default_factory=lambda: {WRITE_TOKEN: "write", READ_TOKEN: "read"})
    delay: float = 0.0
    host: str = "127.0.0.1"
    requests: list[Request] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    delivered: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """What pushes have sent, headers and body, so that it can be sent again."""

    def __post_init__(self) -> None:
        make_bare(self.bare)
        self.lock = threading.Lock()
        self.backend = Path(run_git("--exec-path")) / "git-http-backend"
        server = self

        class Handler(_Handler):
            outer = server

        self._http = _Server(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        self.base = f"http://{self.host}:{self.port}"
        self.url = f"{self.base}/{self.slug}.git"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> GitServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; the repository stays."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fail_next(self, service: str, status: int = 503, *, drop: bool = False, times: int = 1, text: str = "") -> None:
        """Plan failures of the next `times` requests of a service. Dropped are only transfers, after they were carried out."""
        with self.lock:
            self.failures.append(Failure(service, status, drop, times, text))

    def take_failure(self, request: Request) -> Failure | None:
        """Return the failure planned for a request, and count it."""
        with self.lock:
            for failure in self.failures:
                if failure.left and failure.service == request.service and (request.is_work or not failure.drop):
                    failure.left -= 1
                    return failure
        return None

    def pushes(self) -> int:
        """Return how many pushes reached the repository."""
        return sum(r.service == PUSH and r.is_work and r.status == 200 for r in self.requests)

    def refs(self) -> dict[str, str]:
        """Return every ref of the repository and its object."""
        lines = run_git("--git-dir", str(self.bare), "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def deliver(self, push: tuple[dict[str, str], bytes]) -> None:
        """Send what a push has sent, as a network that repeats or delays does; whatever the answer is."""
        headers, body = push
        asked = request.Request(f"{self.url}/{PUSH}", data=body, headers=headers, method="POST")
        with request.urlopen(asked) as answer:
            answer.read()

    def git(self, *arguments: str) -> str:
        """Run git in the repository, past the server."""
        return run_git("--git-dir", str(self.bare), *arguments)


def make_bare(bare: Path, branch: str = "main") -> None:
    """Make an empty bare repository that can be served; an existing one is kept."""
    if bare.exists():
        return
    run_git("init", "--quiet", "--bare", "-b", branch, str(bare))
    for name, value in CONFIG.items():
        run_git("--git-dir", str(bare), "config", name, value)


def run_git(*arguments: str) -> str:
    """Run git without the user's configuration; return what it printed."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.invalid",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.invalid",
    }
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, env=environment).stdout.strip()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    outer: GitServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        asked = Request(PUSH if PUSH in path + query else FETCH, is_work=path.endswith((PUSH, FETCH)))
        self.outer.requests.append(asked)
        # The whole request is read first: what a client does afterwards changes nothing.
        body = b"".join(self._body())
        if asked.service == PUSH and asked.is_work:
            kept = ("Authorization", "Content-Type", "Content-Encoding", "Git-Protocol")
            self.outer.delivered.append(({name: self.headers[name] for name in kept if self.headers[name]}, body))
        if self.outer.delay:
            time.sleep(self.outer.delay)
        inner = self._inner_path(path)
        refusal = self._refusal(asked) if inner else (404, "Not Found")
        failure = None if refusal else self.outer.take_failure(asked)
        if failure and not failure.drop:
            refusal = (failure.status, failure.text or "planned failure")
        if refusal:
            asked.status = refusal[0]
            self._plain(*refusal)
            return
        status, headers, payload = self._backend(inner or "", query, body)
        if failure:
            # Something of an answer is sent, else the client's library would quietly repeat the request.
            asked.status = -1
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.close_connection = True
            return
        asked.status, asked.sent = status, len(payload)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _inner_path(self, path: str) -> str | None:
        for prefix in (f"/{self.outer.slug}.git/", f"/{self.outer.slug}/"):
            if path.startswith(prefix):
                return "/" + path.removeprefix(prefix)
        return None

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        token = value.strip()
        if kind.lower() == "basic":
            try:
                token = base64.b64decode(value).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                token = ""
        level = self.outer.tokens.get(token)
        if level is None:
            return 401, "Invalid username or token."
        if request.service == PUSH and level != "write":
            return 403, "Write access to repository not granted."
        return None

    def _plain(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                self.rfile.readline()
                return
            yield self.rfile.read(size)
            self.rfile.readline()

    def _backend(self, path: str, query: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        bare = self.outer.bare
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(bare.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(bare.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{bare.name}{path}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        if self.headers.get("Git-Protocol"):
            environment["GIT_PROTOCOL"] = self.headers["Git-Protocol"]
        if self.headers.get("Content-Encoding"):
            environment["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
        answer = subprocess.run([str(self.outer.backend)], input=body, capture_output=True, env=environment, check=False).stdout
        head, _, payload = answer.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode("latin1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        return status, headers, payload
