"""keys: make, list, show, trust, revoke and rotate keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from planloom.cli import screen
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import InputError

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.trust.keyring import Rules
    from planloom.trust.keys import Key, PrivateKey
    from planloom.trust.policy import Policy, TrustedKey

KEY_SCHEMA: Final = "planloom/key/v1"


@click.group(
    epilog=examples(
        ("a key, and what it may sign", "planloom keys new ann && planloom keys trust ann --role approver"),
    )
)
def keys() -> None:
    """Make, list and trust keys. The trust policy (specs/trust/policy.json) says who may sign what; its root signs every change."""


@keys.command(
    epilog=examples(
        ("a key under a passphrase", "planloom keys new ann --encrypt"),
    )
)
@click.argument("name")
@click.option(
    "--encrypt", is_flag=True, help="Protect the file with PLANLOOM_SIGNING_KEY_PASSPHRASE, or a passphrase that is asked for."
)
@root_option
@format_option
def new(name: str, root: Path | None, style: str, *, encrypt: bool) -> None:
    """Make a key in .planloom/NAME.pem, readable by you only. It may sign nothing until the policy trusts it.

    JSON: {schema, name, id, public, path}.
    """
    from planloom.trust.keyfiles import KEY_FOLDER, write_private_key
    from planloom.trust.keyring import check_key_name
    from planloom.trust.keys import generate

    check_key_name(name)
    made = generate()
    write_private_key(find_root(root) / KEY_FOLDER / f"{name}.pem", made, _passphrase() if encrypt else "")
    path = f"{KEY_FOLDER}/{name}.pem"
    screen.say(f"{path}   key {made.key_id[:8]}   (0600; never commit it)")
    public = made.key.public.hex()
    if style == "json":
        screen.product_json({"schema": KEY_SCHEMA, "name": name, "id": made.key_id, "public": public, "path": path})
    else:
        screen.product(public)
    screen.suggest(f"planloom keys trust {name} --role approver")


@keys.command(
    "list",
    epilog=examples(
        ("for a script", "planloom keys list --format json"),
    ),
)
@root_option
@format_option
def list_(root: Path | None, style: str) -> None:
    """List the keys of the trust policy: roles, validity, and which of them are on this machine.

    JSON: {schema, version, root, thresholds, allowSelfApproval, keys[] {name, id, public, roles, validFrom, validUntil, builders,
    revoked}}, the last four only where they are set.
    """
    from planloom.report.table import write_columns
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    if style == "json":
        rows: list[Json] = [_document(trusted) for trusted in policy.keys]
        screen.product_json(
            {
                "schema": "planloom/keys/v1",
                "version": policy.version,
                "root": policy.root_digest,
                "thresholds": dict(policy.thresholds),
                "allowSelfApproval": policy.allow_self_approval,
                "keys": rows,
            }
        )
        return
    table = [(k.name, k.key.key_id[:8], ", ".join(k.roles), _remark(k, project)) for k in policy.keys]
    screen.product(write_columns([("name", "key", "may act as", ""), *table], indent=""))
    thresholds = "; ".join(f"{role} {count}" for role, count in sorted(policy.thresholds.items()) if count > 1)
    more = f"; signatures needed: {thresholds}" if thresholds else ""
    more += "; people may approve their own work" if policy.allow_self_approval else ""
    screen.product(f"policy version {policy.version}, trust root sha256:{policy.root_digest}{more}")


@keys.command(
    epilog=examples(
        ("your own key, as other programs take it", "planloom keys show you"),
    )
)
@click.argument("name")
@root_option
@format_option
def show(name: str, root: Path | None, style: str) -> None:
    """Show a key of the policy in every form that other programs take.

    JSON: {schema, name, id, public, roles, …, forms}.
    """
    from planloom.report.table import write_columns
    from planloom.trust.keyforms import key_forms
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    trusted = _known(policy, name)
    forms = key_forms(trusted.key, _origin(project))
    if style == "json":
        screen.product_json(_document(trusted) | {"schema": KEY_SCHEMA, "forms": dict(forms)})
        return
    screen.product(write_columns([("name", trusted.name), ("may act as", ", ".join(trusted.roles)), *forms.items()], indent=""))
    screen.product(trusted.key.to_pem().decode("ascii"))
    if "root" in trusted.roles:
        screen.product(f"trust root sha256:{policy.root_digest}   (for planloom verify --root-key)")


@keys.command(
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
    policy = load_policy(project)
    wanted = TrustedKey(name, _public(project, policy, name, public), roles, valid_from, valid_until, builders)
    changed = trust_key(policy, wanted)
    what = f"{name} ({wanted.key.key_id[:8]}) may act as {', '.join(changed[0].roles)}"
    size = 0
    if next_version(policy, changed).is_narrower_than(policy):
        size = _checkpoint_size(project, policy, ledger)
        what += f"; the first {size} records of the checkpoint are judged as before"
    _sign_change(project, policy, changed, what, style, yes=yes, since_size=size)


@keys.command(
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

    JSON: {schema, path, version, lacking, key}, the key as in `keys list`.
    """
    from planloom.trust.keyring import revoke_key
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    size = at_size if at_size is not None else _checkpoint_size(project, policy, ledger)
    changed = revoke_key(policy, name, size, reason)
    what = f"{name} is revoked: its records count only among the first {size} of the checkpoint"
    _sign_change(project, policy, changed, what, style, yes=yes)


@keys.command(
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
    from planloom.trust.keyring import rotate_key
    from planloom.trust.keys import generate
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    fresh = generate()
    changed = rotate_key(policy, name, fresh.key, SystemClock().now())
    path = project / KEY_FOLDER / f"{name}.pem"
    old = path.with_name(f"{name}-{_known(policy, name).key.key_id[:8]}.pem")
    beside = path.with_name(f"{name}.new.pem")
    beside.unlink(missing_ok=True)
    # A key that was kept under a passphrase is not followed by one that anybody can use.
    write_private_key(beside, fresh, _passphrase() if path.exists() and is_encrypted(path.read_bytes()) else "")
    what = f"{name} gets the key {fresh.key_id[:8]}; the old one is valid until now"
    _sign_change(project, policy, changed, what, style, yes=yes, also=fresh)
    if path.exists():
        path.rename(old)
    beside.rename(path)
    screen.say(f"{KEY_FOLDER}/{path.name}   key {fresh.key_id[:8]}   (the old one: {old.name})")
    if name == "ci":
        screen.suggest("planloom init --github, to store the new key as the secret PLANLOOM_SIGNING_KEY")


@keys.command(
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


def _threshold(text: str) -> tuple[str, int]:
    role, _, count = text.partition("=")
    if not count.isascii() or not count.isdigit() or len(count) > 3:
        message = f"--threshold {text}: not ROLE=N"
        raise InputError(message, hint="--threshold approver=2")
    return role, int(count)


@keys.command(epilog=examples(("the second signature of a change", "planloom keys sign")))
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@format_option
def sign(root: Path | None, style: str, *, yes: bool) -> None:
    """Sign the newest version of the trust policy with your root key, where it lacks signatures. Shows first what it changes.

    JSON: {schema, path, version, lacking}.
    """
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import YOU, find_signing_key
    from planloom.trust.keyring import sign_policy, write_trust_files
    from planloom.trust.policydiff import describe_changes
    from planloom.trust.policyfiles import POLICY_PATH, open_policy, read_trust_files

    project = find_root(root)
    files = read_trust_files(project)
    signing = sign_policy(files, find_signing_key(YOU, project, SystemEnvironment()))
    versions = open_policy(files, draft=True).versions
    screen.say(f"{POLICY_PATH}, version {versions[-1].version}:")
    for change in describe_changes(versions[-2], versions[-1]) if len(versions) > 1 else ():
        screen.say(f"  {change.text}")
    if not yes and not click.confirm("Sign this?", err=True):
        raise click.Abort
    write_trust_files(project, signing.changes)
    _tell_signed(versions[-1].version, signing.lacking, style, {})


def _tell_signed(version: int, lacking: int, style: str, more: dict[str, Json]) -> None:
    from planloom.trust.policyfiles import POLICY_PATH

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
    if lacking:
        screen.suggest(
            f"git add {POLICY_PATH.rpartition('/')[0]} && git commit on a branch; there, another root: planloom keys sign"
        )
    else:
        screen.suggest(f"git add {POLICY_PATH.rpartition('/')[0]} && git commit, so that runners see it")


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
) -> None:
    """Show a change, ask, sign it with the root key that is here (and with a new one that becomes root), write it."""
    from planloom.core.errors import TrustError
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import YOU, find_signing_key
    from planloom.trust.keyring import Rules, change_policy, write_trust_files
    from planloom.trust.policyfiles import POLICY_PATH, read_trust_files

    signer = find_signing_key(YOU, project, SystemEnvironment())
    if not policy.has_role(signer.key_id, "root"):
        message = f"your key ({signer.key_id[:8]}) is no root key: only the root changes the trust policy"
        raise TrustError(message, hint="planloom keys list shows who is root", code="E_ROLE")
    becomes_root = also is not None and any(k.key == also.key and "root" in k.roles for k in changed)
    signers = [signer, *([also] if also is not None and becomes_root else [])]
    signing = change_policy(read_trust_files(project), changed, signers, since_size, rules or Rules())
    screen.say(f"{POLICY_PATH}, version {policy.version} to {policy.version + 1}: {what}")
    if not yes and not click.confirm("Sign this?", err=True):
        raise click.Abort
    write_trust_files(project, signing.changes)
    _tell_signed(policy.version + 1, signing.lacking, style, {"key": _document(changed[0])} if changed else {})


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
        return read_private_key(path, _passphrase_variable()).key
    path = Path(given)
    content = path.read_bytes() if path.is_file() else given.encode("utf-8", "replace")
    return parse_public_key(content, path.name if path.is_file() else "the given key")


def _passphrase_variable() -> str:
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import VARIABLE_PASSPHRASE

    return SystemEnvironment().get(VARIABLE_PASSPHRASE)


def _passphrase() -> str:
    given = _passphrase_variable()
    if given:
        return given
    asked: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _checkpoint_size(project: Path, policy: Policy, ledger: str) -> int:
    """Return how many records the newest checkpoint covers, wherever the project keeps it; 0 without one."""
    from planloom.cli.verifying import read_named
    from planloom.trust.checkpoint import CHECKPOINT_PATH, open_checkpoint

    content = read_named(None, project, ledger).files.get(CHECKPOINT_PATH)
    if content is not None:
        return open_checkpoint(content, policy)[0].size
    screen.say("no checkpoint is here: nothing shows which records are from before (planloom export; in a clone: git fetch)")
    return 0


def _origin(project: Path) -> str:
    from planloom.core.errors import TrustError
    from planloom.trust.checkpoint import CHECKPOINT_PATH, parse_checkpoint

    path = project / CHECKPOINT_PATH
    try:
        return parse_checkpoint(path.read_bytes())[0].origin if path.exists() else "local/planloom"
    except TrustError:
        return "local/planloom"


def _known(policy: Policy, name: str) -> TrustedKey:
    trusted = policy.named(name)
    if trusted is None:
        message = f"the policy has no key '{name}'"
        raise InputError(message, hint=f"its keys: {', '.join(k.name for k in policy.keys)}")
    return trusted


def _remark(trusted: TrustedKey, project: Path) -> str:
    from planloom.trust.keyfiles import KEY_FOLDER

    remarks = []
    if trusted.revoked is not None:
        remarks.append(f"revoked from checkpoint size {trusted.revoked.at_size} on: {trusted.revoked.reason}")
    if trusted.valid_from:
        remarks.append(f"valid from {trusted.valid_from}")
    if trusted.valid_until:
        remarks.append(f"valid until {trusted.valid_until}")
    if trusted.builders:
        remarks.append(f"expected in {', '.join(trusted.builders)}")
    if (project / KEY_FOLDER / f"{trusted.name}.pem").exists():
        remarks.append(f"{KEY_FOLDER}/{trusted.name}.pem")
    return "; ".join(remarks)


def _document(trusted: TrustedKey) -> dict[str, Json]:
    roles: list[Json] = [*trusted.roles]
    document: dict[str, Json] = {
        "name": trusted.name,
        "id": trusted.key.key_id,
        "public": trusted.key.public.hex(),
        "roles": roles,
    }
    if trusted.valid_from:
        document["validFrom"] = trusted.valid_from
    if trusted.valid_until:
        document["validUntil"] = trusted.valid_until
    if trusted.builders:
        document["builders"] = [*trusted.builders]
    if trusted.revoked is not None:
        document["revoked"] = {"atSize": trusted.revoked.at_size, "reason": trusted.revoked.reason}
    return document
