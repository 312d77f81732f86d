"""keys: make, list and show keys; what changes the trust policy is in `policychanges`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from planloom.cli import screen
from planloom.cli.options import examples, find_root, format_option, root_option
from planloom.cli.passphrase import ask_passphrase
from planloom.cli.policychanges import revoke, rotate, rules, sign, trust
from planloom.core.errors import Conflict, TrustError
from planloom.core.plainfile import read_plain

if TYPE_CHECKING:
    from planloom.core.canonical import Json
    from planloom.trust.policy import TrustedKey

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

    Sign with it by PLANLOOM_SIGNING_KEY_FILE=.planloom/NAME.pem: without that, the keys called you and ci are taken.

    JSON: {schema, name, id, public, path}.
    """
    from planloom.trust.keyfiles import CI, KEY_FOLDER, VARIABLE_FILE, YOU, write_private_key
    from planloom.trust.keyring import check_key_name
    from planloom.trust.keys import generate
    from planloom.trust.policy import CI_ROLES

    check_key_name(name)
    project = find_root(root)
    if not (project / KEY_FOLDER / f"{name}.pem").exists():
        _refuse_taken_name(project, name)
    made = generate()
    write_private_key(project / KEY_FOLDER / f"{name}.pem", made, ask_passphrase() if encrypt else "")
    path = f"{KEY_FOLDER}/{name}.pem"
    screen.say(f"{path}   key {made.key_id[:8]}   (0600; never commit it)")
    public = made.key.public.hex()
    if style == "json":
        screen.product_json({"schema": KEY_SCHEMA, "name": name, "id": made.key_id, "public": public, "path": path})
    else:
        screen.product(public)
    if name not in (YOU, CI):
        screen.say(f"To sign with it: export {VARIABLE_FILE}={path}")
    roles = " --role ".join(CI_ROLES if name == CI else ("approver",))
    if _has_root_key(project):
        screen.suggest(f"planloom keys trust {name} --role {roles}")
    else:
        screen.suggest(f"planloom keys trust {name} {public} --role {roles}   # where the root key is")


def _refuse_taken_name(project: Path, name: str) -> None:
    """Raise Conflict when the policy has a key of this name, which another could never take."""
    from planloom.trust.policyfiles import load_policy

    try:
        known = load_policy(project).named(name)
    except TrustError:
        return  # Without a policy that holds no name is taken.
    if known is not None:
        message = f"the policy has a key under the name {name} ({known.key.key_id[:8]}) already"
        hint = (
            "choose another name: it is revoked"
            if known.revoked
            else f"planloom keys rotate {name}   # replaces it; or choose another name"
        )
        raise Conflict(message, hint=hint)


def _has_root_key(project: Path) -> bool:
    """Return whether the key that would sign a change of the policy here is there; what it may do shows when it signs."""
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import VARIABLE, VARIABLE_FILE, YOU, find_signing_key
    from planloom.trust.policyfiles import load_policy

    environment = SystemEnvironment()
    try:
        key = find_signing_key(YOU, project, environment)
        return load_policy(project).has_role(key.key_id, "root")
    except TrustError as error:
        # One under a passphrase is there, and asked for when it signs.
        return error.code != "E_NO_KEY" and not (environment.get(VARIABLE) or environment.get(VARIABLE_FILE))


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
    from planloom.report.keytable import describe_key, remark_on
    from planloom.report.table import write_columns
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    if style == "json":
        rows: list[Json] = [describe_key(trusted) for trusted in policy.keys]
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
    places = {k.name: _place(project, k) for k in policy.keys}
    table = [(k.name, k.key.key_id[:8], ", ".join(k.roles), remark_on(k, places[k.name])) for k in policy.keys]
    screen.product(write_columns([("name", "key", "may act as", ""), *table], indent=""))
    thresholds = "; ".join(f"{role} {count}" for role, count in sorted(policy.thresholds.items()) if count > 1)
    more = f"; signatures needed: {thresholds}" if thresholds else ""
    more += "; people may approve their own work" if policy.allow_self_approval else ""
    screen.product(f"policy version {policy.version}, trust root sha256:{policy.root_digest}{more}")


def _place(project: Path, trusted: TrustedKey) -> str:
    """Return where a key lies on this machine, "" when it does not; a file of its name may hold another."""
    from planloom.cli.passphrase import given_passphrase
    from planloom.trust.keyfiles import KEY_FOLDER, is_encrypted, read_private_key

    path = project / KEY_FOLDER / f"{trusted.name}.pem"
    shown = f"{KEY_FOLDER}/{path.name}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{shown} can't be read: {error.strerror}"
    if is_encrypted(content) and not given_passphrase():
        return f"{shown} (encrypted)"
    try:
        held = read_private_key(path, given_passphrase())
    except TrustError as error:
        return error.message
    return shown if held.key == trusted.key else f"{shown} holds another key ({held.key_id[:8]})"


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
    from planloom.report.keytable import describe_key
    from planloom.report.table import write_columns
    from planloom.trust.keyforms import key_forms
    from planloom.trust.keyring import find_named
    from planloom.trust.policyfiles import load_policy

    project = find_root(root)
    policy = load_policy(project)
    trusted = find_named(policy, name)
    forms = key_forms(trusted.key, _origin(project))
    if style == "json":
        screen.product_json(describe_key(trusted) | {"schema": KEY_SCHEMA, "forms": dict(forms)})
        return
    screen.product(write_columns([("name", trusted.name), ("may act as", ", ".join(trusted.roles)), *forms.items()], indent=""))
    screen.product(trusted.key.to_pem().decode("ascii"))
    if "root" in trusted.roles:
        screen.product(f"trust root sha256:{policy.root_digest}   (for planloom verify --root-key)")


def _origin(project: Path) -> str:
    from planloom.trust.checkpoint import CHECKPOINT_PATH, parse_checkpoint

    path = project / CHECKPOINT_PATH
    try:
        return parse_checkpoint(read_plain(path))[0].origin if path.exists() else "local/planloom"
    except (OSError, TrustError):
        return "local/planloom"


for command in (trust, revoke, rotate, rules, sign):
    keys.add_command(command)
