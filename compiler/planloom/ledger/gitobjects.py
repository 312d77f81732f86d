"""Git objects: written as loose files without starting git, read through one `git cat-file --batch`.

The formats are those of gitformat-loose(5) and of git-cat-file(1); git itself checks what we write whenever it pushes.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from planloom.ledger.gitport import Git

TREE_MODE: Final = "40000"
FILE_MODE: Final = "100644"
ID_LENGTH: Final = 40
"""SHA-1, the object format of every hosting service today; the cache is made with it."""

_ID: Final = re.compile(r"[0-9a-f]{40}")
_HINT: Final = "remove that folder, it holds only copies of what is on the remote, and repeat the command"


@dataclass(frozen=True, slots=True)
class Node:
    """One line of a tree: a file or a folder below a name."""

    mode: str
    name: str
    id: str

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.mode == TREE_MODE


@dataclass(frozen=True, slots=True)
class Commit:
    """What we need of a commit."""

    tree: str
    parents: tuple[str, ...]
    message: str


class UnreadableObjectError(StoreError):
    """An object that is not there, or that git can't read: nothing is known of what it holds, nor of who wrote it."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(_message(name, folder), hint=_HINT)
        self.name = name


class ObjectWriter:
    """Writes objects into the repository at `folder`."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"

    def blob(self, content: bytes) -> str:
        """Write a file's content; return its id. Raises: OSError."""
        return self._write(b"blob", content)

    def tree(self, nodes: Iterable[Node]) -> str:
        """Write a folder; return its id. Raises: OSError."""
        # Git sorts a folder's name as if it ended in a slash.
        ordered = sorted(nodes, key=lambda n: (n.name + "/" if n.is_folder else n.name).encode("utf-8", "surrogateescape"))
        lines = (
            b"%b %b\0%b" % (n.mode.encode(), n.name.encode("utf-8", "surrogateescape"), bytes.fromhex(n.id)) for n in ordered
        )
        return self._write(b"tree", b"".join(lines))

    def commit(self, tree: str, parents: Iterable[str], message: str, seconds: int) -> str:
        """Write a commit of a fixed identity at a time in Unix seconds; return its id. Raises: OSError."""
        who = f"planloom <planloom@planloom.invalid> {seconds} +0000"
        lines = [f"tree {tree}", *(f"parent {p}" for p in parents), f"author {who}", f"committer {who}", "", message]
        return self._write(b"commit", ("\n".join(lines) + "\n").encode())

    def _write(self, kind: bytes, content: bytes) -> str:
        name, whole = _name(kind, content)
        path = self._objects / name[:2] / name[2:]
        if path.exists():
            return name
        path.parent.mkdir(exist_ok=True)
        # Several processes and threads may share the cache: a name appears only when the file is whole.
        new = path.parent / f"tmp_obj_{os.getpid()}_{threading.get_ident()}"
        new.write_bytes(zlib.compress(whole, 1))
        new.rename(path)
        return name


class ObjectReader:
    """Reads objects; a context that holds one git process, started when first needed."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def has(self, name: str) -> bool:
        """Return whether an object is in the cache. Raises: StoreError when git can't be asked."""
        return self._ask(name)[0] != b"missing"

    def commit(self, name: str) -> Commit:
        """Return a commit. Raises: StoreError."""
        head, _, message = self._get(name, "commit").partition(b"\n\n")
        fields = [line.partition(b" ") for line in head.split(b"\n")]
        trees = [value.decode("ascii", "replace") for key, _, value in fields if key == b"tree"]
        parents = tuple(value.decode("ascii", "replace") for key, _, value in fields if key == b"parent")
        if not all(map(_ID.fullmatch, (*trees, *parents))):
            raise _unreadable(name, self._git.folder)  # It would be looked up as a name, and a ref may lead back here.
        return Commit(trees[0] if trees else "", parents, message.decode("utf-8", "replace"))

    def tree(self, name: str) -> tuple[Node, ...]:
        """Return the lines of a tree. Raises: StoreError."""
        content, nodes, at = self._get(name, "tree"), [], 0
        while at < len(content):
            end = content.index(b"\0", at)
            mode, _, path = content[at:end].partition(b" ")
            at = end + 1 + ID_LENGTH // 2
            nodes.append(Node(mode.decode("ascii"), path.decode("utf-8", "surrogateescape"), content[end + 1 : at].hex()))
        return tuple(nodes)

    def blob(self, name: str) -> bytes:
        """Return a file's content. Raises: StoreError."""
        return self._get(name, "blob")

    def _get(self, name: str, kind: str) -> bytes:
        found, content = self._ask(name)
        if found == b"missing":
            raise UnreadableObjectError(name, self._git.folder)
        if found != kind.encode():
            raise _unreadable(name, self._git.folder)
        return content

    def _ask(self, name: str) -> tuple[bytes, bytes]:
        """Return kind and content of an object, kind `missing` when it is not there."""
        if self._process is None:
            self._process = self._git.start(["git", "--git-dir", str(self._git.folder), "cat-file", "--batch"])
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise self._no_answer(name)
        try:
            requests.write(name.encode() + b"\n")
            requests.flush()
        except BrokenPipeError as error:
            raise self._no_answer(name) from error
        header = answers.readline().split()
        if len(header) == 2 and header[1] == b"missing":
            return b"missing", b""
        if len(header) != 3:
            raise self._no_answer(name)
        size = int(header[2])
        content = answers.read(size + 1)
        if len(content) != size + 1:
            raise self._no_answer(name)
        return header[1], content[:-1]

    def _no_answer(self, name: str) -> UnreadableObjectError:
        # Git ends at an object that is damaged; the next one is asked of a new process.
        self.__exit__(None, None, None)
        return UnreadableObjectError(name, self._git.folder)


def blob_id(content: bytes) -> str:
    """Return the id that git gives to a file's content."""
    return _name(b"blob", content)[0]


def _name(kind: bytes, content: bytes) -> tuple[str, bytes]:
    """Return the id of an object, and the bytes that it is the hash of."""
    whole = b"%b %d\0%b" % (kind, len(content), content)
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest(), whole


def _unreadable(name: str, folder: Path) -> StoreError:
    return StoreError(_message(name, folder), hint=_HINT)


def _message(name: str, folder: Path) -> str:
    return f"object {name[:12]} of the remote can't be read from {folder}"
