"""Changing the trust policy: trust, revoke, rotate, rules, sign. Each is a command of `planloom keys`."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from planloom.cli import given, screen
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.cli.passphrase import ask_passphrase, given_passphrase
from planloom.core.errors import Conflict, InputError
from planloom.core.surroundings import is_in_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from planloom.core.canonical import Json
    from planloom.trust.keyring import Rules
    from planloom.trust.keys import Key, PrivateKey
    from planloom.trust.policy import Policy, TrustedKey
    from planloom.trust.policyjournal import Renaming
    from planloom.trust.signedby import Reach

_SHOWN: Final = 5
_NO_CHECKPOINT: Final = (
    "no checkpoint is here: nothing shows which records are from before (planloom export; in a clone: git fetch)"
)


@click.command(
    epilog=examples(
        ("the key that Ann sent", "planloom keys trust ann ann.pub --role approver"),
        ("several roles", "planloom keys trust ci --role executor --role log"),
    )
)
@click.argument("name")
@click.argument("public", required=False, default="")
@click.option("--role", "roles", multiple=True, required=True, help="What the key may act as; may be given several times.")
@click.option("--valid-from", default="", metavar="TIME", help="From when on (2026-11-22T20:00:00.000Z).")
@click.option("--valid-until", default="", metavar="TIME", help="Until when.")
@click.option(
    "--builder",
    "builders",
    multiple=True,
    metavar="PATTERN",
    help="The workflow that the key is expected in (* matches anything).",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@ledger_option
@format_option
def trust(
    name: str,
    public: str,
    roles: tuple[str, ...],
    valid_from: str,
    valid_until: str,
    builders: tuple[str, ...],
    root: Path | None,
    ledger: str,
    style: str,
    *,
    yes: bool,
) -> None:
    """Take a key into the trust policy, or change what it may do. Signed with your root key.

    What a key signed before it lost a right still counts, as the checkpoint shows it (found as `revoke` finds it). PUBLIC is a public
    key file or 64 hex digits (default: .planloom/NAME.pem here, else the key that the policy knows under this name).
    JSON: {schema, path, version, lacking, key}, the key as in `keys list`.
    """
    from planloom.trust.keyring import trust_key
    from planloom.trust.policy import TrustedKey
    from planloom.trust.policyfiles import load_policy
    from planloom.trust.policyformat import next_version

    project = find_root(root)

    def change() -> None:
        policy = load_policy(project)
        wanted = TrustedKey(name, _public(project, policy, name, public), roles, valid_from, valid_until, builders)
        changed = trust_key(policy, wanted)
        what = f"{name} ({wanted.key.key_id[:8]}) may act as {', '.join(changed[0].roles)}"
        size = 0
        if next_version(policy, changed).is_narrower_than(policy):
            size = _checkpoint_size(project, policy, ledger)
            what += f"; the first {size} records of the checkpoint are judged as before"
        _sign_change(project, policy, changed, what, style, yes=yes, since_size=size)

    _until_signed(project, change, yes=yes)


@click.command(
    epilog=examples(
        (
            "what it signed after the last checkpoint counts no more",
            'planloom keys revoke ci --reason "the runner was broken into"',
        ),
    )
)
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is signed with the change.")
@click.option(
    "--at-size",
    type=click.IntRange(0),
    default=None,
    help="Records from this place in the checkpoint on no longer count (default: all after it).",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@ledger_option
@format_option
def revoke(name: str, reason: str, at_size: int | None, root: Path | None, ledger: str, style: str, *, yes: bool) -> None:
    """Revoke a key. What it signed before, as the checkpoint shows it, still counts; nothing else does.

    The checkpoint is the one in artifacts/, else the one on the ledger branch of this clone or in the ledger that is named.

    Where the key signed records that no checkpoint covers, --at-size must say that they don't count; `planloom export` beforehand keeps
    them. A key that is revoked already is given another place by --at-size, never one that the checkpoint does not reach.

    JSON: {schema, path, version, lacking, key}, the key as in `keys list`.
    """
    from planloom.trust.keyring import find_named, revoke_key
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)

    def change() -> None:
        policy = load_policy(project)
        known = find_named(policy, name)
        reach = _reach(project, policy, name, ledger)
        if at_size is None:
            _refuse_undecided(known, reach, reason, collects=bool(ledger))
        size = reach.size if at_size is None else at_size
        changed = revoke_key(policy, name, size, reason)
        if size > reach.size:
            message = f"the checkpoint covers {reach.size} records, not {size}: whoever has the key could still sign what counts"
            raise Conflict(message, hint=f"planloom export --with-revoked   # then --at-size at most what it covers, for {name}")
        for path in reach.beyond(size):
            screen.say(f"warning: {path} does not count, and its work item stands still (planloom explain E_KEY_REVOKED)")
        what = f"{name} is revoked: its records count only among the first {size} of the checkpoint"
        if known.revoked is not None:
            what += f", and not among the first {known.revoked.at_size} as before"
        _sign_change(project, policy, changed, what, style, yes=yes)

    _until_signed(project, change, yes=yes)


def _reach(project: Path, policy: Policy, name: str, ledger: str) -> Reach:
    """Return how far the newest checkpoint goes and what a key signed, wherever the project keeps it."""
    from planloom.cli.verifying import read_named
    from planloom.trust.keyring import find_named
    from planloom.trust.signedby import find_reach

    history = read_named(None, project, ledger)
    for note in history.notes:
        screen.say(f"note: {note}")
    reach = find_reach(history.files, find_named(policy, name).key, policy)
    if not reach.size:
        screen.say(_NO_CHECKPOINT)
    return reach


def _refuse_undecided(known: TrustedKey, reach: Reach, reason: str, *, collects: bool) -> None:
    """Leave it to a person whether what a key signed lately is honest. Raises: Conflict with a command for either answer.

    `collects`: the records lie in a ledger from which a checkpoint is made by collecting.
    """
    name = shlex.quote(known.name)
    words = f"planloom keys revoke {name} --reason {shlex.quote(reason)}"
    if known.revoked is not None:
        beyond = reach.beyond(known.revoked.at_size)
        message = f"the key of {known.name} is revoked already (from checkpoint size {known.revoked.at_size} on)"
        if not beyond:
            raise Conflict(message, hint="planloom keys list")
        listed = all(reach.records[path] is not None for path in beyond)
        hint = (
            f"{words} --at-size {reach.size}   # when they are honest: then they count"
            if listed
            else "planloom export --with-revoked   # when they are honest: it lists them and names what makes them count"
        )
        raise Conflict(f"{message}; what it signed later: {_shown(beyond)}", hint=hint)
    beyond = tuple(path for path in reach.beyond(reach.size) if reach.records[path] is None)
    if not beyond:
        return
    message = f"{known.name} signed what no checkpoint covers yet: {_shown(beyond)}"
    items = ", ".join(sorted({path.split("/")[2] for path in beyond}))
    covering = "planloom collect && planloom export && planloom collect --push" if collects else "planloom export"
    ways = (
        f"{covering}   # they are honest: they count when {known.name} is revoked after it",
        f"{words} --at-size {reach.size}   # they are not: they count no more, and {items} stands still",
    )
    raise Conflict(message, hint="\n  ".join(ways))


def _shown(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


@click.command(
    epilog=examples(
        ("a new key in the place of an old one", "planloom keys rotate ci"),
    )
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@format_option
def rotate(name: str, root: Path | None, style: str, *, yes: bool) -> None:
    """Put a new key in the place of an old one. What the old one signed still counts, unless it is revoked.

    An encrypted key is followed by an encrypted one, under PLANLOOM_SIGNING_KEY_PASSPHRASE or a passphrase that is asked for.

    JSON: {schema, path, version, lacking, key}, the new key as in `keys list`.
    """
    from planloom.runtime.effects import SystemClock
    from planloom.trust.keyfiles import KEY_FOLDER, is_encrypted, write_private_key
    from planloom.trust.keyring import find_named, rotate_key
    from planloom.trust.keys import generate
    from planloom.trust.policyfiles import load_policy
    from planloom.trust.policyjournal import Renaming, new_key_path

    project = find_root(root)
    path = project / KEY_FOLDER / f"{name}.pem"
    beside = new_key_path(project, name)

    def change() -> None:
        policy = load_policy(project)
        fresh = generate()
        changed = rotate_key(policy, name, fresh.key, SystemClock().now())
        old = f"{name}-{find_named(policy, name).key.key_id[:8]}"
        # A key that was kept under a passphrase is not followed by one that anybody can use.
        passphrase = ask_passphrase() if path.exists() and is_encrypted(path.read_bytes()) else ""

        @contextlib.contextmanager
        def put_in_place() -> Iterator[None]:
            # First the key, then the policy that trusts it: the other way round, whoever dies between leaves a key that nobody has.
            # What lies there belongs to nothing: with the change that named it, it would have taken its name before we got the lock.
            beside.unlink(missing_ok=True)
            write_private_key(beside, fresh, passphrase)
            yield
            screen.say(f"{KEY_FOLDER}/{path.name}   key {fresh.key_id[:8]}   (the old one: {old}.pem)")
            if name == "ci" and is_in_git(project):
                screen.say(
                    given.repeat("Its secret on GitHub is PLANLOOM_SIGNING_KEY: planloom init --github stores the new key")
                )

        what = f"{name} gets the key {fresh.key_id[:8]}; the old one is valid until now"
        _sign_change(project, policy, changed, what, style, yes=yes, also=fresh, around=put_in_place, keys=[Renaming(name, old)])

    _until_signed(project, change, yes=yes)


@click.command(
    epilog=examples(
        ("two people approve each gate", "planloom keys rules --threshold approver=2"),
        ("two roots sign each change of the policy", "planloom keys rules --threshold root=2"),
    )
)
@click.option(
    "--threshold",
    "given",
    multiple=True,
    metavar="ROLE=N",
    help="How many distinct keys of a role must sign: root a change of the policy, another role each of its gates.",
)
@click.option(
    "--allow-self-approval/--forbid-self-approval", "own", default=None, help="Whether who claims a step may approve it, too."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@ledger_option
@format_option
def rules(given: tuple[str, ...], root: Path | None, ledger: str, style: str, *, own: bool | None, yes: bool) -> None:
    """Change how many must sign, and whether people may approve their own work. Signed with your root key.

    What was approved before more were asked for still counts, as the checkpoint shows it. JSON: {schema, path, version, lacking}.
    """
    from planloom.trust.keyring import Rules
    from planloom.trust.policydiff import describe_changes
    from planloom.trust.policyfiles import load_policy
    from planloom.trust.policyformat import next_version

    if not given and own is None:
        raise InputError("which rule?", hint="planloom keys rules --threshold approver=2")
    wanted = Rules(dict(map(_threshold, given)), own)
    project = find_root(root)

    def change() -> None:
        policy = load_policy(project)
        after = wanted.apply(next_version(policy, ()))
        told = [change.text for change in describe_changes(policy, after)]
        if not told:
            raise InputError("that is the rule already", hint="planloom keys list")
        size = 0
        if after.is_narrower_than(policy):
            size = _checkpoint_size(project, policy, ledger)
            told.append(f"the first {size} records of the checkpoint are judged as before")
        _sign_change(project, policy, (), "; ".join(told), style, yes=yes, since_size=size, rules=wanted)

    _until_signed(project, change, yes=yes)


def _threshold(text: str) -> tuple[str, int]:
    role, _, count = text.partition("=")
    if not count.isascii() or not count.isdigit() or len(count) > 3:
        message = f"--threshold {text}: not ROLE=N"
        raise InputError(message, hint="--threshold approver=2")
    return role, int(count)


@click.command(epilog=examples(("the second signature of a change", "planloom keys sign")))
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@format_option
def sign(root: Path | None, style: str, *, yes: bool) -> None:
    """Sign the newest version of the trust policy with your root key, where it lacks signatures. Shows first what it changes.

    JSON: {schema, path, version, lacking}.
    """
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import YOU, find_signing_key
    from planloom.trust.keyring import changing_policy, sign_policy
    from planloom.trust.policydiff import describe_changes
    from planloom.trust.policyfiles import POLICY_PATH, open_policy, read_trust_files
    from planloom.trust.policyjournal import finish_left, put_in_force

    project = find_root(root)
    finish_left(project)
    files = read_trust_files(project)
    signing = sign_policy(files, find_signing_key(YOU, project, SystemEnvironment()))
    versions = open_policy(files, draft=True).versions
    screen.say(f"{POLICY_PATH}, version {versions[-1].version}:")
    for change in describe_changes(versions[-2], versions[-1]) if len(versions) > 1 else ():
        screen.say(f"  {change.text}")
    if not yes and not click.confirm("Sign this?", err=True):
        raise click.Abort
    with changing_policy(project, files):
        put_in_force(project, signing.changes)
    _tell_signed(project, versions[-1].version, signing.lacking, style, {})


def _tell_signed(project: Path, version: int, lacking: int, style: str, more: dict[str, Json]) -> None:
    from planloom.trust.policyfiles import POLICY_PATH, TRUST_FOLDER

    if style == "json":
        document: dict[str, Json] = {
            "schema": "planloom/policy-change/v1",
            "path": POLICY_PATH,
            "version": version,
            "lacking": lacking,
        }
        screen.product_json(document | more)
    else:
        missing = f"; {lacking} more root signature{'' if lacking == 1 else 's'} must follow before it counts" if lacking else ""
        screen.product(f"Signed: {POLICY_PATH}, version {version}{missing}")
    if not is_in_git(project):
        screen.suggest("planloom keys sign  # with the key of another root" if lacking else "planloom keys list")
        return
    if lacking:
        before = given.repeat("Commit it on a branch, where another root signs with planloom keys sign.")
    else:
        before = "Commit it, so that runners see it."
    screen.suggest(f"git add {TRUST_FOLDER} && git commit", before=before)


def _until_signed(project: Path, change: Callable[[], None], *, yes: bool) -> None:
    """Carry a change out; when another came first, once more over the version that it made, unless a person agreed to the one before.

    What was cut off is finished first: then a change that counts already is refused with all its files in their places.
    """
    from planloom.trust.keyring import PolicyMoved
    from planloom.trust.policyjournal import finish_left

    finish_left(project)
    while True:
        try:
            change()
        except PolicyMoved:
            if not yes:
                raise
            screen.say("somebody else changed the trust policy meanwhile: once more, over what it says now")
        else:
            return


def _sign_change(
    project: Path,
    policy: Policy,
    changed: tuple[TrustedKey, ...],
    what: str,
    style: str,
    *,
    yes: bool,
    also: PrivateKey | None = None,
    since_size: int = 0,
    rules: Rules | None = None,
    around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    keys: Sequence[Renaming] = (),
) -> None:
    """Show a change, ask, sign it with the root key that is here (and with a new one that becomes root), write it.

    `around` is held while it is written, when it is sure that no other change came first; `keys` take their names with it.
    Raises: PolicyMoved when another change came first.
    """
    from planloom.core.errors import TrustError
    from planloom.report.keytable import describe_key
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import YOU, find_signing_key
    from planloom.trust.keyring import PolicyMoved, Rules, change_policy, changing_policy
    from planloom.trust.policyfiles import POLICY_PATH, read_trust_files
    from planloom.trust.policyformat import write_policy
    from planloom.trust.policyjournal import put_in_force

    signer = find_signing_key(YOU, project, SystemEnvironment())
    if not policy.has_role(signer.key_id, "root"):
        message = f"your key ({signer.key_id[:8]}) is no root key: only the root changes the trust policy"
        raise TrustError(message, hint="planloom keys list   # shows who is root", code="E_ROLE")
    becomes_root = also is not None and any(k.key == also.key and "root" in k.roles for k in changed)
    signers = [signer, *([also] if also is not None and becomes_root else [])]
    files = read_trust_files(project)
    if files[POLICY_PATH] != write_policy(policy):
        raise PolicyMoved("the trust policy was changed by somebody else meanwhile", hint="repeat the command")
    signing = change_policy(files, changed, signers, since_size, rules or Rules())
    screen.say(f"{POLICY_PATH}, version {policy.version} to {policy.version + 1}: {what}")
    if not yes and not click.confirm("Sign this?", err=True):
        raise click.Abort
    with changing_policy(project, files), around():
        put_in_force(project, signing.changes, keys)
    _tell_signed(project, policy.version + 1, signing.lacking, style, {"key": describe_key(changed[0])} if changed else {})


def _public(project: Path, policy: Policy, name: str, given: str) -> Key:
    from planloom.trust.keyfiles import KEY_FOLDER, parse_public_key, read_private_key
    from planloom.trust.keyring import check_key_name

    check_key_name(name)
    if not given:
        path = project / KEY_FOLDER / f"{name}.pem"
        known = policy.named(name)
        if not path.exists() and known is not None:
            return known.key
        if not path.exists():
            message = f"which key? There is no {KEY_FOLDER}/{name}.pem here"
            raise InputError(message, hint=f"planloom keys trust {name} FILE.pub --role ROLE")
        return read_private_key(path, given_passphrase()).key
    path = Path(given)
    content = path.read_bytes() if path.is_file() else given.encode("utf-8", "replace")
    return parse_public_key(content, path.name if path.is_file() else "the given key")


def _checkpoint_size(project: Path, policy: Policy, ledger: str) -> int:
    """Return how many records the newest checkpoint covers, wherever the project keeps it; 0 without one."""
    from planloom.cli.verifying import read_named
    from planloom.trust.checkpoint import CHECKPOINT_PATH, open_checkpoint

    content = read_named(None, project, ledger).files.get(CHECKPOINT_PATH)
    if content is not None:
        return open_checkpoint(content, policy)[0].size
    screen.say(_NO_CHECKPOINT)
    return 0
