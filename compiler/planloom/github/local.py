"""What the project itself says about running on GitHub: settings, pins, the runner's key, the files that must be there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planloom.core.errors import InputError, TrustError
from planloom.pipeline import LOCK_FILE, PROJECT_FILE, compile_project, load_project
from planloom.trust.keyfiles import CI, KEY_FOLDER, VARIABLE_PASSPHRASE, is_encrypted, read_private_key
from planloom.trust.policyfiles import load_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.core.ports import Environment
    from planloom.model.plan import Plan, Project
    from planloom.trust.keys import PrivateKey
    from planloom.trust.policy import Policy

NEEDED_ROLES: Final = ("executor", "log")
"""What the key in the secret must be able to act as: it claims and hands off, and signs checkpoints."""

KEY_FILE: Final = f"{KEY_FOLDER}/{CI}.pem"


@dataclass(frozen=True, slots=True)
class Local:
    """The project as it is here.

    Shape: `key` is the runner's key, None when it is not on this machine, or locked by a passphrase that is not given; `key_changed` is when its file
    was written, 0 without one; `settings` the text of specs/planloom.yaml, None without one.
    """

    root: Path
    project: Project
    plans: tuple[Plan, ...]
    compiled: Mapping[str, bytes]
    policy: Policy
    key: PrivateKey | None
    key_changed: int
    is_pinned: bool
    settings: str | None

    @property
    def names_ledger_branch(self) -> bool:
        """Whether specs/planloom.yaml itself says where records are collected."""
        return self.settings is not None and _line("ledger-branch").search(self.settings) is not None

    def key_fault(self) -> str:
        """Return why the runner's key may not do its work, "" when it may. Without the file, any key of the policy will do."""
        if self.key is None:
            able = [k for k in self.policy.keys if k.revoked is None and all(role in k.roles for role in NEEDED_ROLES)]
            return "" if able else f"no key of the trust policy may act as {' and '.join(NEEDED_ROLES)}"
        trusted = self.policy.find(self.key.key_id)
        if trusted is None:
            return f"the trust policy does not know {KEY_FILE} ({self.key.key_id[:8]})"
        if trusted.revoked is not None:
            return f"the key {trusted.name} is revoked: {trusted.revoked.reason}"
        missing = [role for role in NEEDED_ROLES if role not in trusted.roles]
        return f"the trust policy does not let {trusted.name} act as {' and '.join(missing)}" if missing else ""


def read_local(root: Path, environment: Environment) -> Local:
    """Return the project in `root`. Raises: InputError when its plans have errors, TrustError without a sound policy or with a broken key."""
    checked = load_project(root)
    if not checked.is_sound:
        raise InputError("the plans have errors", hint="planloom validate   # shows them")
    path = root / KEY_FILE
    passphrase = environment.get(VARIABLE_PASSPHRASE)
    is_locked = path.exists() and is_encrypted(path.read_bytes()) and not passphrase
    key = read_private_key(path, passphrase) if path.exists() and not is_locked else None
    settings = root / PROJECT_FILE
    return Local(
        root=root,
        project=checked.project,
        plans=checked.plans,
        compiled=compile_project(checked),
        policy=load_policy(root),
        key=key,
        key_changed=int(path.stat().st_mtime) if path.exists() else 0,
        is_pinned=bool(checked.project.install) and (root / LOCK_FILE).is_file(),
        settings=settings.read_text(encoding="utf-8") if settings.is_file() else None,
    )


def set_key(settings: str | None, key: str, value: str) -> str:
    """Return the text of specs/planloom.yaml with one key set; comments and everything else stay as they are.

    `value` is a name that YAML reads as the same text without quotes, or it is quoted.
    """
    shown = value if re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", value) and value.lower() not in _WORDS else f'"{value}"'
    if settings is None:
        return f"schema: planloom/project/v1\n{key}: {shown}\n"
    changed, count = _line(key).subn(lambda found: f"{key}: {shown}{found['rest']}", settings, count=1)
    return changed if count else f"{settings.rstrip()}\n{key}: {shown}\n"


_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that some reader of YAML takes for something else than text."""


def _line(key: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(key)}:[^#\n]*?(?P<rest>[ \t]*(?:#.*)?)$", re.MULTILINE)


def demand_key(local: Local) -> PrivateKey:
    """Return the runner's key when it is here and may do its work. Raises: TrustError."""
    if local.key is None and local.key_changed:
        message = f"{KEY_FILE} is encrypted"
        raise TrustError(message, hint=f"set {VARIABLE_PASSPHRASE}", code="E_KEY")
    if local.key is None:
        message = f"the runner's key is not on this machine: there is no {KEY_FILE}"
        hint = "run this where the key is, or make a new one: planloom keys rotate ci"
        raise TrustError(message, hint=hint, code="E_NO_KEY")
    fault = local.key_fault()
    if fault:
        roles = " ".join(f"--role {role}" for role in NEEDED_ROLES)
        raise TrustError(fault, hint=f"planloom keys trust {CI} {roles}", code="E_ROLE")
    return local.key
