"""Private keys: readable by others, tracked by git, known to nobody, or half rotated."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.care.findings import FIX, Finding, from_error
from planloom.care.git import ask_git, is_repository
from planloom.care.leftovers import Removal
from planloom.core.errors import TrustError
from planloom.core.plainfile import read_plain
from planloom.trust.keyfiles import CI, KEY_FOLDER, VARIABLE_PASSPHRASE, YOU, is_encrypted, parse_private_key
from planloom.trust.policyfiles import load_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.care.findings import Ground
    from planloom.trust.keys import PrivateKey
    from planloom.trust.policy import Policy

NEEDED: Final = {CI: ("executor", "log"), YOU: ("approver",)}
"""What the keys of a project must be able to act as for its commands to work."""

_ROTATING: Final = ".new.pem"
_MAX_BYTES: Final = 64 * 1024


def find_key_faults(ground: Ground) -> Iterator[Finding]:
    """Yield what is wrong with the key files of the project and of the user's configuration."""
    policy = read_policy(ground)
    for path in _key_files(ground):
        shown = ground.shown(path)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            content = read_plain(path, follow=True)[:_MAX_BYTES]
        except OSError as error:
            yield Finding("key", shown, f"the key can't be read: {error.strerror}", f"chmod 600 {shlex.quote(shown)}")
            continue
        if mode & 0o077 and not is_encrypted(content):
            what = f"others can read this private key (mode {mode:04o}); think about who may have"
            yield Finding("key-mode", shown, what, FIX, _Restrict(path))
        yield from _check_key(ground, path, content, policy)


def find_tracked_keys(ground: Ground) -> Iterator[Finding]:
    """Yield private keys that git tracks, and keys of the policy that its history holds."""
    if not is_repository(ground.root, ground.environment):
        return
    listed = ask_git(ground.root, ground.environment, "ls-files", "-z", "--", f"{KEY_FOLDER}/", "*.pem", "*.key") or b""
    policy = read_policy(ground)
    for name in sorted(filter(None, listed.decode("utf-8", "surrogateescape").split("\0"))):
        content = _read(ground.root / name)
        key = _parse(ground, content, name) if b"PRIVATE KEY" in content else None
        known = policy is not None and key is not None and policy.find(key.key_id) is not None
        if b"PRIVATE KEY" in content and (known or name.startswith(f"{KEY_FOLDER}/")):
            what = "git tracks this private key: everybody who can read the repository can sign with it"
            yield Finding(
                "key-tracked",
                name,
                what,
                f"git rm --cached {shlex.quote(name)} && planloom keys rotate {shlex.quote(Path(name).stem)}",
            )
    if policy is not None:
        yield from _find_committed(ground, policy)


def read_policy(ground: Ground) -> Policy | None:
    """Return the trust policy, None when there is none that holds (another check tells)."""
    try:
        return load_policy(ground.root)
    except TrustError:
        return None


def _key_files(ground: Ground) -> list[Path]:
    folders = [ground.root / KEY_FOLDER]
    home = ground.environment.get("XDG_CONFIG_HOME") or (
        f"{ground.environment.get('HOME')}/.config" if ground.environment.get("HOME") else ""
    )
    if home:
        folders.append(Path(home) / "planloom")
    return [path for folder in folders for path in sorted(folder.glob("*.pem"))]


def _check_key(ground: Ground, path: Path, content: bytes, policy: Policy | None) -> Iterator[Finding]:
    shown = ground.shown(path)
    passphrase = ground.environment.get(VARIABLE_PASSPHRASE)
    if is_encrypted(content) and not passphrase:
        return  # Nobody can look into it now, and that is as it should be.
    try:
        key = parse_private_key(content, passphrase, shown)
    except TrustError as error:
        yield from_error(
            "key", shown, error, _replacement(path, shown, policy) if error.hint.startswith("planloom keys new") else ""
        )
        return
    if policy is None:
        return
    trusted = policy.find(key.key_id)
    if path.name.endswith(_ROTATING):
        name = path.name.removesuffix(_ROTATING)
        if trusted is not None and trusted.name == name:
            what = f"the rotation of {name} stopped before the new key was in its place; the policy has it already"
            yield Finding("key-rotation", shown, what, FIX, _FinishRotation(path, name, policy, ground))
        else:
            what = f"the rotation of {name} stopped before the policy was signed; this key may sign nothing"
            yield Finding("key-rotation", shown, what, FIX, Removal(path))
        return
    needed = NEEDED.get(path.stem, ())
    missing = [role for role in needed if trusted is None or role not in trusted.roles]
    if missing:
        knows = "lets it act only as " + ", ".join(trusted.roles) if trusted else f"does not know this key ({key.key_id[:8]})"
        roles = " ".join(f"--role {role}" for role in needed)
        yield Finding("key-role", shown, f"the trust policy {knows}", f"planloom keys trust {path.stem} {roles}")


def _replacement(path: Path, shown: str, policy: Policy | None) -> str:
    """Return the command that puts a usable key in the place of a file that holds none; what is in the file is kept."""
    if path.stem == YOU and policy is not None and policy.named(YOU) is not None:
        return f"restore {shown} from your copy: the policy follows the key that it held"
    word = "rotate" if policy is not None and policy.named(path.stem) is not None else "new"
    return f"mv {shlex.quote(shown)} {shlex.quote(f'{shown}.broken')} && planloom keys {word} {path.stem}"


def _find_committed(ground: Ground, policy: Policy) -> Iterator[Finding]:
    """Yield keys that still count although some commit holds them: taking a file out of git leaves it in the history."""
    words = ("log", "--all", "--diff-filter=AM", "--format=%H", "--name-only", "--", f"{KEY_FOLDER}/*.pem")
    commit = ""
    seen: set[str] = set()
    for line in (ask_git(ground.root, ground.environment, *words) or b"").decode("utf-8", "surrogateescape").splitlines():
        if len(line) == 40 and "/" not in line:
            commit = line
        elif line:
            content = ask_git(ground.root, ground.environment, "cat-file", "blob", f"{commit}:{line}") or b""
            key = _parse(ground, content, line)
            trusted = policy.find(key.key_id) if key is not None else None
            if trusted is None or trusted.revoked is not None or trusted.name in seen:
                continue
            seen.add(trusted.name)
            what = f"commit {commit[:10]} holds the private key of {trusted.name}, and the policy still trusts it"
            repair = f"planloom keys rotate {trusted.name}  # and then revoke the old one"
            if trusted.valid_until:
                repair = f"planloom keys revoke {trusted.name} --reason TEXT"
            yield Finding("key-committed", line, what, repair)


def _parse(ground: Ground, content: bytes, shown: str) -> PrivateKey | None:
    try:
        return parse_private_key(content, ground.environment.get(VARIABLE_PASSPHRASE), shown)
    except TrustError:
        return None


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, follow=True)[:_MAX_BYTES]
    except OSError:
        return b""


class _Restrict:
    """Makes a file readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> None:
        self._path.chmod(0o600)


class _FinishRotation:
    """Puts a new key that the policy has already into its place; the old one keeps its place under its own name."""

    def __init__(self, path: Path, name: str, policy: Policy, ground: Ground) -> None:
        self._path = path
        self._name = name
        self._policy = policy
        self._ground = ground

    def __call__(self) -> None:
        final = self._path.with_name(f"{self._name}.pem")
        if final.exists():
            old = _parse(self._ground, _read(final), final.name)
            suffix = old.key_id[:8] if old is not None else "old"
            final.rename(final.with_name(f"{self._name}-{suffix}.pem"))
        self._path.rename(final)
