"""What the user sees: stdout is the product, stderr the talk."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Final, TextIO

from planloom.cli import given
from planloom.core import canonical

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.core.errors import PlanloomError


COLOURS: Final = {"red": 31, "green": 32, "yellow": 33, "blue": 34}
"""ECMA-48 section 8.3.117, select graphic rendition."""

_UNSEEN: Final = (
    "\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff"
)
"""What a comparison of texts by the rules of a language overlooks (Default_Ignorable_Code_Point, controls): the runner compares so."""

_COMMAND: Final = rf"((?:^|(?<=\r))(?:[{_UNSEEN}]|[^\S\r\n])*):(?=[{_UNSEEN}]*:)|(#[{_UNSEEN}]*)#(?=[{_UNSEEN}]*\[)"
"""Where GitHub's runner may see a workflow command: `::` after the space that begins a line, and `##[` anywhere.

Source: actions/runner, `ActionCommand.TryParseV2` and `TryParse`.
"""


def _write(stream: TextIO, text: str) -> None:
    _put(stream, _without_commands(text) if is_github() and not _is_file(stream) else text)


def _without_commands(text: str) -> str:
    r"""Return a text in which the runner sees no workflow command, with what would begin one as an escape like `\u003a`.

    Texts hold what others wrote: plans of a pull request, the files that it changed. Stopping commands around them would not
    do: stdout and stderr reach the runner one by one, and it would lose annotations in between. In JSON the escape is the same value.
    """
    return re.sub(
        _COMMAND, lambda match: rf"{match[1]}\u003a" if match[1] is not None else rf"{match[2]}\u0023", text, flags=re.MULTILINE
    )


def _is_file(stream: TextIO) -> bool:
    """Return whether a stream ends in a file, such as the job summary, and not in the job's log."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _put(stream: TextIO, text: str) -> None:
    # A name that the terminal's encoding lacks must not end the command.
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, errors="replace").decode(encoding))
    stream.flush()


def product(text: str) -> None:
    """Write to stdout what the command was called for; a missing final newline is added."""
    _write(sys.stdout, text if text.endswith("\n") else f"{text}\n")


def product_json(value: Json) -> None:
    """Write a JSON value to stdout, one line, canonical."""
    _write(sys.stdout, canonical.encode(value).decode("utf-8") + "\n")


def announce(commands: str, stream: TextIO) -> None:
    """Write workflow commands that the runner is to take as such, one a line; whoever made them escaped what they quote."""
    _put(stream, commands)


def say(text: str) -> None:
    """Write a line to stderr: progress, what was done, what comes next."""
    _write(sys.stderr, f"{text}\n")


def suggest(command: str, before: str = "") -> None:
    """Say which command comes next, one that can be pasted, in the ledger and the project of this one; `before` stands before it on the line."""
    say(f"{before}{' ' if before else ''}Next: {given.repeat(command)}")


def refuse(error: PlanloomError) -> None:
    """Say why the command could not be done and what to do instead; on GitHub as an annotation too."""
    code = f" [{error.code}]" if error.code else ""
    say(f"{style('error', 'red', sys.stderr)}{code}: {_plain(error.message)}")
    if error.hint:
        say(f"  {_plain(given.repeat(error.hint))}")
    if is_github():
        text = error.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        announce(f"::error title=planloom::{text}\n", sys.stderr)


def _plain(text: str) -> str:
    """Return a text without what steers a terminal: a refusal quotes what it was given."""
    return "".join(c if c in "\n\t" or (" " <= c != "\x7f" and not "\x80" <= c <= "\x9f") else "?" for c in text)


def style(text: str, colour: str, stream: TextIO) -> str:
    """Return the text in a colour when the stream is a terminal and `NO_COLOR` is not set (https://no-color.org)."""
    return f"\x1b[1;{COLOURS[colour]}m{text}\x1b[0m" if wants_colour(stream) else text


def wants_colour(stream: TextIO) -> bool:
    """Return whether to write colours to this stream."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_github() -> bool:
    """Return whether this runs in a GitHub Actions job."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
