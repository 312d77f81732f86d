"""Reads a console transcript out of a Markdown page, types its commands on a terminal, and compares what came out.

What differs from run to run (times, digests, key ids) is replaced by one sign on both sides; everything else must be the same.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

MARKER = re.compile(r"<!-- transcript:[^>]*-->\n```console\n(?P<body>.*?)```\n", re.DOTALL)
VARYING = (
    (re.compile(r"sha256:[0-9a-f]+…?"), "sha256:#"),
    (re.compile(r"\b\d+\.\d s\b"), "# s"),
    (re.compile(r"\broot \S+…"), "root #"),
    (re.compile(r"\(key [0-9a-f]{8}\)"), "(key #)"),
    (re.compile(r"by (\w+) \([0-9a-f]{8}\)"), r"by \1 (#)"),
    (re.compile(r"[ \t]+"), " "),
)
ENDED = re.compile(r"(ok|failed) \S+ attempt \d+ ")
PROMPT = re.compile(rb"\[y/N\]:? $")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COMMANDS = re.compile(r"<!-- (?P<mark>\w+):[^>]*-->\n```console\n(?P<body>.*?)```\n", re.DOTALL)
LIMIT_SECONDS = 60


@dataclass
class Exchange:
    """A command and the lines that it printed."""

    command: str
    lines: list[str] = field(default_factory=list)


def read(page: str) -> list[Exchange]:
    """Return the exchanges of the page's marked block. A line that begins with `$ ` is typed, the others are printed."""
    block = MARKER.search(page)
    assert block, "the page has no marked transcript"
    exchanges: list[Exchange] = []
    for line in block["body"].splitlines():
        if line.startswith("$ "):
            exchanges.append(Exchange(line[2:]))
        elif line.strip():
            exchanges[-1].lines.append(line)
    return exchanges


def read_commands(page: str, mark: str = "commands") -> list[str]:
    """Return the commands of a block with this mark, of which only the success is checked."""
    block = next((found for found in COMMANDS.finditer(page) if found["mark"] == mark), None)
    assert block, f"the page has no block that is marked '{mark}'"
    return [line.removeprefix("$ ") for line in block["body"].splitlines() if line]


def write(page: str, exchanges: list[Exchange]) -> str:
    """Return the page with its transcript replaced."""
    text = "\n\n".join("\n".join([f"$ {one.command}", *one.lines]) for one in exchanges)
    block = MARKER.search(page)
    assert block, "the page has no marked transcript"
    return page[: block.start("body")] + text + "\n" + page[block.end("body") :]


def normal(lines: list[str]) -> list[str]:
    """Return the lines without what differs from run to run; steps that run at once may end in any order."""
    found = []
    for line in lines:
        changed = line
        for pattern, sign in VARYING:
            changed = pattern.sub(sign, changed)
        found.append(changed.strip())
    parts = [(is_step, list(group)) for is_step, group in groupby(found, key=lambda line: bool(ENDED.match(line)))]
    return [line for is_step, group in parts for line in (sorted(group) if is_step else group)]


def is_typed(command: str) -> bool:
    """Return whether the command is carried out; installing is what the surroundings have done already."""
    return not command.startswith("pipx ")


class Terminal:
    """A shell on a terminal of 120 columns; every command sees the folder that the one before left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.note = folder / ".where"
        self.here = folder
        programs = Path(sys.executable).parent
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "120",
        }

    def type(self, command: str) -> list[str]:
        """Run one command, answering `y` where it asks, and return the lines that the terminal shows."""
        ours, theirs = pty.openpty()
        script = f"{command}\nstatus=$?; pwd >{self.note}; exit $status"
        shell = subprocess.Popen(
            ["bash", "-c", script],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=self.here,
            env=self.environment,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = self._listen(shell, ours)
        finally:
            os.close(ours)
            shell.wait()
        self.here = Path(self.note.read_text().strip())
        return screen_lines(shown)

    def _listen(self, shell: subprocess.Popen[bytes], ours: int) -> bytes:
        shown = b""
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            ready, _, _ = select.select([ours], [], [], 1)
            if ready:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # the other end was closed: the command is over
                    return shown
                if not part:
                    return shown
                shown += part
                if PROMPT.search(shown):
                    os.write(ours, b"y\n")
            elif shell.poll() is not None:
                return shown
            if time.monotonic() > deadline:
                shell.kill()
                message = f"still running after {LIMIT_SECONDS} s: {shown.decode(errors='replace')}"
                raise AssertionError(message)


def screen_lines(shown: bytes) -> list[str]:
    """Return what stays on the screen: control sequences taken out, a line after a carriage return replaces the one before."""
    text = CONTROL.sub("", shown.decode("utf-8").replace("\r\n", "\n"))
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line]


def perform(exchanges: list[Exchange], folder: Path) -> list[Exchange]:
    """Type every command in order and return what came out; commands that are not typed keep their lines."""
    terminal = Terminal(folder)
    return [Exchange(one.command, terminal.type(one.command) if is_typed(one.command) else one.lines) for one in exchanges]


def main() -> None:
    """Rewrite the README's transcript with what the commands print now: `python tests/docs/transcript.py README.md`."""
    import tempfile

    path = Path(sys.argv[1])
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path.write_text(write(page, perform(read(page), Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
