"""The policy's files: the current version, the versions before it, and the root's signatures over each.

    specs/trust/policy.json                              the current version, N
    specs/trust/policy.json.<key id, 8 digits>.sig.json  a root key's signature over it
    specs/trust/history/000001.json                      version 1, and so on up to N-1, as they were
    specs/trust/history/000001.json.<…>.sig.json

A signature is an envelope over an in-toto statement whose subject is the policy file. As with TUF's root, version N+1 needs the
signatures of the root keys of N *and* of its own, each by its threshold, so that nobody can put themselves into the root.
Source: https://theupdateframework.github.io/specification/latest/#update-root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core import canonical
from planloom.core.errors import Difference, TrustError
from planloom.core.plainfile import read_plain
from planloom.records import envelope
from planloom.trust import policyjournal
from planloom.trust.policy import KEY_ID, ROOT, SIGNATURE, Policy, PolicyError
from planloom.trust.policyformat import parse_policy, write_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from planloom.trust.keys import Key
    from planloom.trust.signer import Signer

TRUST_FOLDER: Final = policyjournal.TRUST_FOLDER
POLICY_PATH: Final = policyjournal.POLICY_PATH
HISTORY_FOLDER: Final = f"{TRUST_FOLDER}/history"
PREDICATE_TYPE: Final = "urn:planloom:policy:v1"

_SIGNATURE_END: Final = ".sig.json"


class PolicyChain(NamedTuple):
    """Every version of the policy, oldest first, each signed as it must be."""

    versions: tuple[Policy, ...]
    signers: tuple[frozenset[str], ...]

    @property
    def current(self) -> Policy:
        """The version that counts, with those before it where they still judge what was signed under them."""
        current, earlier = self.versions[-1], self.versions[-2::-1]
        matters = current.since_size and any(map(current.is_narrower_than, earlier))
        return current._replace(earlier=earlier) if matters else current

    @property
    def newest(self) -> PolicyChain:
        """The version that counts, without those that it follows from."""
        return PolicyChain(self.versions[-1:], self.signers[-1:])

    @property
    def lacking(self) -> int:
        """How many root signatures the newest version still lacks; only one that was opened as a draft can lack any."""
        signed = self.signers[-1]
        return max(max(0, version.root_threshold - len(_roots(version) & signed)) for version in self.versions[-2:])

    def anchored_by(self, roots: Sequence[str]) -> bool:
        """Return whether the trust root is one that the caller pinned.

        Shape: `roots` are digests of a version's root (`Policy.root_digest`) or ids of root keys that signed a version,
        as many as that version's threshold. Every later version follows from it by signatures, every earlier one by its digest.
        """
        wanted = set(roots)
        for policy, signed in zip(self.versions, self.signers, strict=True):
            pinned = {k.key.key_id for k in policy.keys if ROOT in k.roles} & signed & wanted
            if policy.root_digest in wanted or len(pinned) >= policy.root_threshold:
                return True
        return False

    def follows_from(self, roots: Sequence[str]) -> bool:
        """Return whether a trust root that the caller pinned is not the one that counts, but one that it follows from."""
        return self.anchored_by(roots) and not self.newest.anchored_by(roots)


def policy_files(policy: Policy, signers: Iterable[Signer], before: Mapping[str, bytes] | None = None) -> dict[str, bytes | None]:
    """Return what to write for a signed version: path → content, or None for a file to remove.

    Shape: `before` are the files of the version that this one follows, when there is one; they move to the history.
    """
    content = write_policy(policy)
    payload = statement(policy, content)
    changes: dict[str, bytes | None] = {}
    for path, old in sorted((before or {}).items()):
        if path.startswith(POLICY_PATH):
            changes[path] = None
            changes[f"{HISTORY_FOLDER}/{policy.version - 1:06d}.json{path.removeprefix(POLICY_PATH)}"] = old
    changes[POLICY_PATH] = content
    for signer in signers:
        changes[signature_path(signer.key_id)] = signer.seal(payload)
    return changes


def statement(policy: Policy, content: bytes) -> bytes:
    """Return what a root key signs to put a version into force; `content` is its file."""
    return canonical.encode(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": POLICY_PATH, "digest": {"sha256": canonical.digest(content)}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"version": policy.version, "previous": policy.previous},
        }
    )


def signature_path(key_id: str) -> str:
    """Return where a root key's signature over the newest version lies."""
    return f"{POLICY_PATH}.{key_id[:8]}{_SIGNATURE_END}"


def read_trust_files(root: Path) -> dict[str, bytes]:
    """Return the policy's files below a project's folder, by path, all of one version. Raises: TrustError (`E_POLICY`) when there are none."""
    with policyjournal.settled(root):
        return read_held_trust_files(root)


def read_held_trust_files(root: Path) -> dict[str, bytes]:
    """Return what `read_trust_files` does, for who holds the lock. Raises: TrustError (`E_POLICY`)."""
    folder = root / TRUST_FOLDER
    change = policyjournal.read_change(root)
    try:
        paths = [p for p in sorted((*folder.glob("*"), *folder.glob("history/*"))) if p.is_file()]
        files = {p.relative_to(root).as_posix(): read_plain(p, follow=True) for p in paths}
    except OSError as error:
        message = f"{TRUST_FOLDER} can't be read: {error.strerror}"
        raise PolicyError(message, code="E_POLICY") from error
    if change is not None:
        files = change.laid_over(files)
    if POLICY_PATH not in files:
        message = f"there is no trust policy: {POLICY_PATH} says who may sign what"
        raise PolicyError(message, code="E_POLICY", hint="planloom init   # lays one down")
    return files


def load_policy(root: Path) -> Policy:
    """Return the project's policy after checking it. Raises: TrustError at the first thing that is wrong with it.

    When a key is revoked or has lost a right, the checkpoint below `root` says which of its records are from before.
    """
    policy = open_policy(read_trust_files(root)).current
    if policy.asks_for_places:
        from planloom.trust.checkpoint import read_positions

        return policy._replace(sealed=read_positions(root, policy))
    return policy


def open_policy(
    files: Mapping[str, bytes], refuse: Callable[[str, TrustError], None] | None = None, *, draft: bool = False
) -> PolicyChain:
    """Return every version of the policy, checked.

    1. Each version's file reads as a policy, in our layout.
    2. Versions count up from 1 without a gap, and each names the digest of the one before.
    3. Each is signed by enough of its own root keys, and of those of the version before.
    4. Every signature file is one of these: nothing else lies beside the policy.
    With `draft` the newest version may still lack signatures (`PolicyChain.lacking`): for whoever adds one.
    `refuse(path, error)` is told of each signature file that is not sound, so that a verifier can report them all.
    Raises: TrustError `E_POLICY` or `E_ROOT` with the path in its message.
    """
    tell = refuse or _raise
    versions: list[Policy] = []
    signers: list[frozenset[str]] = []
    digest = ""
    for path in _version_paths(files):
        policy = _read_version(path, files[path], versions[-1] if versions else None, digest)  # 1, 2
        digest = canonical.digest(files[path])
        before = versions[-1] if versions else None
        signed = _check_signatures(path, files, policy, before, tell)  # 3
        for version in (policy, before):
            if version is not None and not (draft and path == POLICY_PATH):
                _demand(path, version, signed)  # 3
        versions.append(policy)
        signers.append(signed)
    _refuse_strangers(files, set(_version_paths(files)), tell)  # 4
    return PolicyChain(tuple(versions), tuple(signers))


def _version_paths(files: Mapping[str, bytes]) -> list[str]:
    if POLICY_PATH not in files:
        message = f"{POLICY_PATH}: there is no trust policy"
        raise PolicyError(
            message,
            code="E_POLICY",
            hint="planloom init   # lays one down",
            difference=Difference("the file", "a trust policy", "no file"),
        )
    old = [p for p in files if p.startswith(HISTORY_FOLDER + "/") and not p.endswith(_SIGNATURE_END)]
    return [*sorted(old), POLICY_PATH]


def _read_version(path: str, content: bytes, before: Policy | None, previous: str) -> Policy:
    try:
        policy = parse_policy(content)
    except TrustError as error:
        raise PolicyError(f"{path}: {error.message}", code="E_POLICY", difference=error.difference) from error
    number = 1 if before is None else before.version + 1
    if path not in (POLICY_PATH, f"{HISTORY_FOLDER}/{number:06d}.json") or policy.version != number:
        message = f"{path}: version {policy.version} stands where version {number} belongs"
        told = Difference("version", f"{number}, in {_place(path, number)}", f"{policy.version}, in {path}")
        raise PolicyError(message, code="E_POLICY", hint=f"older versions lie in {HISTORY_FOLDER}/", difference=told)
    if policy.previous != previous:
        message = f"{path}: it follows another version than the one before it"
        told = Difference("previous", previous or "none: this is the first", policy.previous or "none")
        raise PolicyError(message, code="E_POLICY", difference=told)
    return policy


def _place(path: str, number: int) -> str:
    return path if path == POLICY_PATH else f"{HISTORY_FOLDER}/{number:06d}.json"


def _check_signatures(
    path: str, files: Mapping[str, bytes], policy: Policy, before: Policy | None, tell: Callable[[str, TrustError], None]
) -> frozenset[str]:
    """Return the ids of the root keys that signed this version; whether they are enough is another question."""
    payload = statement(policy, files[path])
    candidates = {k.key.key_id: k.key for p in (policy, before) if p is not None for k in p.keys if ROOT in k.roles}
    signed: set[str] = set()
    for name in sorted(files):
        if name.startswith(path + ".") and name.endswith(_SIGNATURE_END):
            try:
                signed.add(_signature_key(name, files[name], payload, candidates))
            except TrustError as error:
                tell(name, error)
    return frozenset(signed)


def _signature_key(name: str, content: bytes, payload: bytes, candidates: Mapping[str, Key]) -> str:
    found = envelope.decode(content)
    if found.payload != payload:
        message = f"{name}: it signs another version of the policy than the file beside it"
        told = Difference("payload", canonical.digest(payload), canonical.digest(found.payload))
        raise PolicyError(message, code="E_POLICY", difference=told)
    key = candidates.get(found.key_id)
    if key is None or f".{key.key_id[:8]}{_SIGNATURE_END}" != name[-len(_SIGNATURE_END) - 9 :]:
        message = f"{name}: it is not by the root key that it names"
        wanted = f"a root key whose id begins with {name.removesuffix(_SIGNATURE_END)[-8:]}"
        raise PolicyError(message, code="E_ROOT", difference=Difference(KEY_ID, wanted, found.key_id))
    if not key.verifies(found.signature, envelope.pae(envelope.PAYLOAD_TYPE, payload)):
        message = f"{name}: the signature does not match the content"
        wanted = f"a signature by {key.key_id} over this content"
        raise PolicyError(
            message, code="E_SIGNATURE", difference=Difference(SIGNATURE, wanted, "one that is not over this content")
        )
    return key.key_id


def _roots(version: Policy) -> set[str]:
    return {k.key.key_id for k in version.keys if ROOT in k.roles and k.revoked is None}


def _demand(path: str, version: Policy, signed: frozenset[str]) -> None:
    there = len(_roots(version) & signed)
    if there < version.root_threshold:
        message = (
            f"{path}: signed by {there} of the root keys of version {version.version}, "
            f"which wants {version.root_threshold}; an unsigned change counts for nothing"
        )
        hint = "planloom keys sign   # by somebody else who is root" if there else "restore it from git; planloom keys changes it"
        told = Difference("root signatures", str(version.root_threshold), str(there))
        raise PolicyError(message, code="E_ROOT", hint=hint, difference=told)


def _refuse_strangers(files: Mapping[str, bytes], versions: set[str], tell: Callable[[str, TrustError], None]) -> None:
    for name in sorted(files):
        belongs_to = name[: -len(_SIGNATURE_END) - 9] if name.endswith(_SIGNATURE_END) else name
        if name.startswith(TRUST_FOLDER + "/") and belongs_to not in versions:
            told = Difference("the file", "no file here", "one that belongs to no version")
            tell(name, PolicyError(f"{name}: it belongs to no version of the policy", code="E_POLICY", difference=told))


def _raise(path: str, error: TrustError) -> None:
    del path
    raise error
