"""A bare repository behind git's own HTTP server program, on loopback, with a token."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


class GitServer:
    """Serves one repository at `<base>/<slug>` and `<base>/<slug>.git`; close it with `close`.

    Shape: `tokens` maps a token to `write` or `read`; without one a request gets 401, a push with a reading one 403, as on GitHub.
    """

    def __init__(self, bare: Path, *, slug: str, tokens: Mapping[str, str]) -> None:
        self.bare = bare
        self.slug = slug
        self.tokens = dict(tokens)
        subprocess.run(["git", "--git-dir", str(bare), "config", "http.receivepack", "true"], check=True)
        programs = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
        self.backend = Path(programs) / "git-http-backend"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"origin": self}))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def level(self, header: str) -> str:
        """Return what an Authorization header allows: `write`, `read` or nothing."""
        kind, _, value = header.partition(" ")
        token = base64.b64decode(value).decode().partition(":")[2] if kind.lower() == "basic" else value.strip()
        return self.tokens.get(token, "")


class Handler(BaseHTTPRequestHandler):
    """One request, handed to git-http-backend as a CGI program (RFC 3875)."""

    origin: GitServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Keep the terminal quiet."""

    def do_GET(self) -> None:
        """Answer a reference advertisement or an object."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a fetch or a push; its body is read whole, so that a client that vanishes changes nothing."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._answer(b"".join(self._chunks()))
        else:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _chunks(self) -> list[bytes]:
        found = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, body: bytes) -> None:
        url = urlsplit(self.path)
        place = next((url.path.removeprefix(p) for p in self._prefixes() if url.path.startswith(f"{p}/")), None)
        level = self.origin.level(self.headers.get("Authorization", ""))
        if place is None:
            self._send(404, b"Not Found")
        elif not level:
            self._send(401, b"Invalid username or token.", [("WWW-Authenticate", 'Basic realm="loopback"')])
        elif level != "write" and "git-receive-pack" in self.path:
            self._send(403, b"Write access to repository not granted.")
        else:
            self._backend(place, url.query, body)

    def _prefixes(self) -> tuple[str, str]:
        return f"/{self.origin.slug}.git", f"/{self.origin.slug}"

    def _backend(self, place: str, query: str, body: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self.origin.bare.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": f"/{self.origin.bare.name}{place}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run([self.origin.backend], input=body, env=environment, capture_output=True, check=False)
        head, _, payload = done.stdout.partition(b"\r\n\r\n")
        fields = [tuple(line.split(": ", 1)) for line in head.decode("latin-1").split("\r\n") if ": " in line]
        status = next((int(value.split()[0]) for name, value in fields if name.lower() == "status"), 200)
        self._send(status, payload, [(name, value) for name, value in fields if name.lower() != "status"])

    def _send(self, status: int, body: bytes, fields: list[Any] | None = None) -> None:
        self.send_response(status)
        for name, value in fields or []:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
