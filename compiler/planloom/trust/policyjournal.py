"""A change of the trust policy on its way to the disk: all of it, or nothing.

A change is several files: the new version, its signatures, the old ones on their way to the history, and after a rotation private
keys that change their names. The journal holds what is to be done. Giving it its name is the moment at which the change counts:
from then on readers lay it over what they find, and whoever holds the lock next, or looks for a key, carries it to its end.
Whoever dies in between leaves exactly the old version or exactly the new one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from planloom.core import canonical
from planloom.core.errors import StoreError
from planloom.core.plainfile import read_plain
from planloom.core.surroundings import POLICY_CHANGE, has_unfinished_policy
from planloom.ledger import disk
from planloom.ledger.points import pass_by
from planloom.trust.policy import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from planloom.core.canonical import Json

TRUST_FOLDER: Final = "specs/trust"
POLICY_PATH: Final = f"{TRUST_FOLDER}/policy.json"

_KEYS: Final = ".planloom"
LOCK_PATH: Final = f"{_KEYS}/policy.lock"
"""What a change of the policy holds while it is written; beside the keys, where git does not look."""

JOURNAL_PATH: Final = POLICY_CHANGE
NEW: Final = ".new"

_PATH: Final = re.compile(r"specs/trust/(policy|history/[0-9]{6})\.json(\.[0-9a-f]{8}\.sig\.json)?")
_KEY_FILE: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,80}")


class Renaming(NamedTuple):
    """A private key that takes its name with the change: `<name>.new.pem` becomes `<name>.pem`, and what that was `<old>.pem`; "" where there is none."""

    name: str
    old: str = ""


class Change(NamedTuple):
    """What a version brings: path → content, None for a file to remove. `before` is the digest of the policy it follows, "" for none."""

    before: str
    files: Mapping[str, bytes | None]
    keys: tuple[Renaming, ...] = ()

    def laid_over(self, found: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return files as they are once this change is in its place, sorted by path."""
        kept = {path: content for path, content in found.items() if path.removesuffix(NEW) not in self.files}
        return dict(sorted((kept | {path: new for path, new in self.files.items() if new is not None}).items()))


def new_key_path(root: Path, name: str) -> Path:
    """Return where a private key waits for the change that names it; until then it belongs to nothing."""
    return root / _KEYS / f"{name}.new.pem"


def read_change(root: Path) -> Change | None:
    """Return the change that counts although its files may not all be in their places; None when there is none.

    One that follows another policy than the one that lies there is none: git, or somebody, has put other files there since.
    Raises: PolicyError (`E_POLICY`) when it can't be read.
    """
    try:
        content = read_plain(root / JOURNAL_PATH)
    except OSError:
        return None  # As with the lock: in somebody else's folder nobody is waited for.
    change = _decode(content)
    try:
        now = canonical.digest(read_plain(root / POLICY_PATH, follow=True))
    except FileNotFoundError:
        now = ""
    except OSError:
        return None  # What lies there is no policy; who reads it says so.
    new = change.files.get(POLICY_PATH)
    return change if now == change.before or (new is not None and now == canonical.digest(new)) else None


@contextlib.contextmanager
def policy_lock(root: Path) -> Iterator[None]:
    """Let nobody else read or change the policy's files while the block runs; what somebody left half done is finished first.

    Raises: StoreError, PolicyError.
    """
    path = root / LOCK_PATH
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(disk.locked(path, exclusive=True))
            _finish(root)
        except OSError as error:
            raise disk.refusal(error, path) from error
        yield


@contextlib.contextmanager
def settled(root: Path) -> Iterator[None]:
    """Keep the policy's files as they are while the block reads them: no change of the policy is half written meanwhile.

    Where no lock can be had (a clone in which nothing was ever changed, a read-only disk, somebody else's folder) nobody is
    waited for. Not for a block that changes the policy: that holds the lock already.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(disk.locked(root / LOCK_PATH, exclusive=False))
        yield


def finish_left(root: Path) -> None:
    """Carry to its end what somebody left half done, if anybody did. Raises: StoreError, PolicyError."""
    if has_unfinished_policy(root):
        with policy_lock(root):
            pass


def put_in_force(root: Path, changes: Mapping[str, bytes | None], keys: Iterable[Renaming] = ()) -> None:
    """Make a change count, durably, and put its files into their places, for a block that holds `policy_lock`.

    Raises: StoreError. Then either nothing has changed, or the change counts and the message says that it does.
    """
    try:
        now = read_plain(root / POLICY_PATH, follow=True)
    except OSError:
        now = b""
    change = Change(canonical.digest(now) if now else "", changes, tuple(keys))
    try:
        disk.write_whole(root / JOURNAL_PATH, _encode(change))
    except OSError as error:
        message = f"the trust policy can't be written: {error.strerror}; it is as it was"
        raise StoreError(message, hint=disk.HINTS.get(error.errno or 0, "planloom doctor looks for what is wrong")) from error
    try:
        _finish(root)
    except OSError as error:
        message = (
            f"the change of the trust policy is signed and counts here, but not all of its files can be written: {error.strerror}"
        )
        raise StoreError(message, hint="make room for them, then: planloom doctor --fix") from error


def _finish(root: Path) -> None:
    """Carry the change that counts to its end and forget it; each step may be done twice. Raises: OSError, PolicyError."""
    change = read_change(root)
    if change is not None:
        folders = [made for path in change.files for made in disk.make_folders((root / path).parent)]
        # The policy itself last, and what it makes superfluous after that: whoever reads no journal sees one of the two as long as can be.
        for path in sorted(change.files, key=lambda p: (p == POLICY_PATH, p)):
            _place(root / path, change.files[path])
        for path, content in change.files.items():
            if content is None:
                (root / path).unlink(missing_ok=True)
        for renaming in change.keys:
            _rename_key(root, renaming)
        disk.sync_all(dict.fromkeys([*folders, *((root / path).parent for path in change.files), root / _KEYS]))
    if has_unfinished_policy(root):
        (root / JOURNAL_PATH).unlink()
        disk.sync(root / _KEYS)


def _place(final: Path, content: bytes | None) -> None:
    beside = final.with_name(final.name + NEW)
    beside.unlink(missing_ok=True)
    if content is not None:
        disk.write_new(beside, content, pass_by)
        os.replace(beside, final)  # noqa: PTH105 - os.replace says what it does


def _rename_key(root: Path, renaming: Renaming) -> None:
    new = new_key_path(root, renaming.name)
    final = new.with_name(f"{renaming.name}.pem")
    if not new.exists():
        return  # It has its name already: what has that name now is no old key.
    if final.exists() and renaming.old:
        final.rename(new.with_name(f"{renaming.old}.pem"))
    if not final.exists():
        new.rename(final)


def _encode(change: Change) -> bytes:
    files: dict[str, Json] = {
        path: None if content is None else base64.b64encode(content).decode("ascii") for path, content in change.files.items()
    }
    keys: list[Json] = [list(renaming) for renaming in change.keys]
    return canonical.encode({"before": change.before, "files": files, "keys": keys})


def _decode(content: bytes) -> Change:
    """Return what a journal says. It may have come with somebody's files: it names files of the policy and of keys, and no others."""
    try:
        value: Any = canonical.decode(content)
        files = {path: None if text is None else base64.b64decode(text, validate=True) for path, text in value["files"].items()}
        change = Change(str(value["before"]), files, tuple(Renaming(*names) for names in value["keys"]))
    except (canonical.CanonicalError, binascii.Error, LookupError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable() from error
    named = [str(part) for renaming in change.keys for part in renaming if part]
    if not all(map(_PATH.fullmatch, files)) or not all(map(_KEY_FILE.fullmatch, named)):
        raise _unreadable()
    return change


def _unreadable() -> PolicyError:
    message = f"{JOURNAL_PATH}: the rest of an unfinished change of the policy can't be read"
    return PolicyError(
        message, code="E_POLICY", hint=f"rm {JOURNAL_PATH}   # and look with git what is missing in {TRUST_FOLDER}"
    )
