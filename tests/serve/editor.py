"""An editor, as far as a language server can tell: JSON-RPC over the standard streams of a process."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import Any


class Editor:
    """Starts a server and talks to it. Columns are in the units of `encoding`."""

    def __init__(self, encoding: str = "utf-16") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "planloom", "serve", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._number = 0
        self.published: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        capabilities = {"general": {"positionEncodings": [encoding]}, "textDocument": {}}
        self.agreed = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.tell("initialized", {})

    def ask(self, method: str, params: Any) -> Any:
        """Return the result of a request. Raises: RuntimeError with the server's message."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message.get("result")

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """Return the next diagnostics of a file that are published from now on."""
        while True:
            for number, one in enumerate(self.published):
                if one["uri"] == uri:
                    del self.published[number]
                    found: list[dict[str, Any]] = one["diagnostics"]
                    return found
            self._next()

    def open(self, uri: str, text: str) -> None:
        """Open a file."""
        self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})

    def change(self, uri: str, version: int, text: str) -> None:
        """Replace a file's whole text."""
        self.tell(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}
        )

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
        """Ask about a place."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return self.ask(f"textDocument/{method}", {**place, **more})

    def close(self) -> None:
        """End the server as the protocol asks; returns when its process is gone."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        message = self._inbox.get(timeout=60)
        if message is None:
            raise RuntimeError(self.process.stderr.read().decode())
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published.append(message["params"])
        return message

    def _read(self) -> None:
        stream = self.process.stdout
        while line := stream.readline():
            length = int(line.partition(b":")[2])
            while stream.readline().strip():
                pass
            self._inbox.put(json.loads(stream.read(length)))
        self._inbox.put(None)
