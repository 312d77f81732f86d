"""verify: check every record, offline."""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.findings import below_checkout
from planloom.cli.given import repeat
from planloom.cli.options import examples, find_root, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS, InputError, StoreError, TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from planloom.trust.audit.history import History
    from planloom.trust.verify import Verification


@click.command(
    epilog=examples(
        ("every record of this project", "planloom verify"),
        ("against a root and a checkpoint that you kept elsewhere", "planloom verify --root-key root.pub --since old-checkpoint"),
        ("evidence that you were sent", "planloom verify evidence.bundle"),
        (
            "one record that you were sent, by the policy of the project in DIR",
            "planloom verify record.json --proof record.proof --root DIR --root-key root.pub",
        ),
    )
)
@click.argument("path", required=False, type=click.Path(path_type=Path), default=None)
@click.option("--work-item", "item", default="", metavar="ID", help="Only this work item.")
@click.option(
    "--root-key",
    "root_keys",
    multiple=True,
    metavar="KEY",
    help="The trust root you expect: sha256:DIGEST, a public key file, or a key id. May be given several times.",
)
@click.option(
    "--policy-version", type=click.IntRange(1), default=1, metavar="N", help="The trust policy must be at least this version."
)
@click.option(
    "--since", type=click.Path(path_type=Path), default=None, metavar="FILE", help="An older checkpoint that must be contained."
)
@click.option(
    "--outputs",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Also check the outputs in DIR against their handoffs.",
)
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Check one record, PATH, against this proof, by the trust policy of the project here (--root, --root-key, --policy-version).",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown", "sarif"]),
    default="text",
    show_default=True,
    help="How to print the result.",
)
@root_option
@ledger_option
def verify(
    path: Path | None,
    item: str,
    root_keys: tuple[str, ...],
    policy_version: int,
    since: Path | None,
    outputs: Path | None,
    proof: Path | None,
    style: str,
    root: Path | None,
    ledger: str,
) -> int:
    """Check every record: who signed it, that nothing is missing, moved or changed, and that each step was allowed.

    PATH is a project's folder, a clone (bare or not) or a bundle (default: the project here). Of a mirror clone the refs of open work
    items are read too. Needs no network. Ends in one of three words: verified (the trust root is the one you gave), self-consistent (it comes from the same place as the records), broken (exit 1).
    """
    from planloom.trust.verify import Request
    from planloom.trust.verify import verify as check

    if proof is not None:
        others = {"--work-item": item, "--since": since, "--outputs": outputs, "--ledger": ledger, "--format": style != "text"}
        _refuse_beside_proof(option for option, value in others.items() if value)
        return _verify_proof(path, proof, root, root_keys, policy_version)
    if path is not None and ledger:
        raise InputError("PATH and --ledger name two histories", hint="give one of them")
    history = read_named(path, root, ledger)
    if item and item not in history.items():
        known = ", ".join(history.items()[-5:]) or "none"
        message = f"there is no work item '{item}' in this history"
        raise InputError(message, hint=f"its work items: {known}")
    request = Request(
        roots=_all_roots(root_keys),
        policy_version=policy_version,
        since=_read_file(since) if since is not None else b"",
        item=item,
        digest_of=_digests_below(outputs) if outputs is not None else None,
        workers=min(8, os.cpu_count() or 1),
    )
    verification = check(history, request)
    screen.product(_render(verification, style, path or root))
    if not verification.findings:
        return 0
    screen.suggest(f"planloom explain {verification.findings[0].code}")
    return EXIT_FINDINGS


def read_named(path: Path | None, root: Path | None, ledger: str) -> History:
    """Return the history that is meant: at `path`, else in `ledger`, else in the project's folder or where it keeps its records."""
    from planloom.trust.gather import read_folder, read_history, read_ledger

    if path is not None:
        return read_history(path)
    project = find_root(root)
    if not ledger or ledger == "files":
        history = read_folder(project)
        if history.items() or ledger:
            return history
    from planloom import api
    from planloom.ledger.files import FileLedger
    from planloom.ledger.git import GitLedger
    from planloom.ledger.open import open_ledger
    from planloom.runtime.effects import SystemEnvironment

    # Without records in the folder, the ledger that the project is set up for is where they are.
    where = open_ledger(ledger, project, SystemEnvironment(), api.read_settings(project))
    if isinstance(where, FileLedger):
        if where.artifacts == project / "artifacts":
            return read_history(project)
        return read_ledger(where, project, _exports(where.artifacts))
    beside: list[tuple[str, bytes]] = []
    if isinstance(where, GitLedger):
        branch = where.branch_files()
        beside = [(f"artifacts/{path}", branch[path]) for path in sorted(branch)]
    return read_ledger(where, project, beside)


def _exports(artifacts: Path) -> list[tuple[str, bytes]]:
    folder = artifacts / "exports"
    return [
        (f"artifacts/exports/{name}", _read_file(folder / name))
        for name in ("checkpoint", "leaves.txt", "portfolio.json")
        if (folder / name).exists()
    ]


def _all_roots(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for one in given for word in _roots(one))


def _roots(given: str) -> tuple[str, ...]:
    """Return what a `--root-key` may mean: the digest of a root, or the id of a root key."""
    from planloom.trust.keyfiles import parse_public_key

    if given.startswith("sha256:"):
        digest = given.removeprefix("sha256:")
        if not _is_digest(digest):
            message = f"--root-key {given}: a digest is 64 hex digits (0-9, a-f) after sha256:"
            raise InputError(
                message, hint="planloom keys list   # where the root is known for sure: it prints the trust root whole"
            )
        return (digest,)
    path = Path(given)
    if path.is_file():
        return (parse_public_key(_read_file(path), path.name).key_id,)
    if _is_digest(given):
        # Either the id of a key or the key itself: both are 64 hex digits, and neither can pass for the other.
        try:
            return (given, parse_public_key(given.encode(), "--root-key").key_id)
        except TrustError:
            return (given,)
    message = f"--root-key {given}: neither sha256:DIGEST nor a public key file nor a key id"
    raise InputError(message, hint="planloom keys show you   # prints all three")


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


def _digests_below(folder: Path) -> Callable[[str], str]:
    if not folder.is_dir():
        message = f"{folder}: there is no such folder"
        raise InputError(message, hint="--outputs names the folder in which the outputs lie as their names say")
    top = folder.resolve()

    def digest_of(name: str) -> str:
        path = (top / name).resolve()
        if not path.is_relative_to(top) or not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return digest_of


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        message = f"{path}: there is no such file"
        raise InputError(message) from error
    except OSError as error:
        message = f"{path}: it can't be read: {error.strerror}"
        raise StoreError(message) from error


def _refuse_beside_proof(options: Iterable[str]) -> None:
    """Raise InputError for options of a whole history: an option that is left unchecked would pass for one that held."""
    for option in options:
        message = f"{option} is about a whole history, and --proof about one record"
        raise InputError(message, hint="planloom verify RECORD --proof FILE   # also takes --root-key, --policy-version, --root")


def _verify_proof(record: Path | None, proof: Path, root: Path | None, root_keys: tuple[str, ...], policy_version: int) -> int:
    from planloom.report.verification import describe_root, render_findings
    from planloom.trust.policyfiles import open_policy, read_trust_files
    from planloom.trust.proof import verify_proof
    from planloom.trust.verify import check_anchor

    if record is None:
        raise InputError("which record is the proof about?", hint="planloom verify RECORD --proof FILE")
    roots = _all_roots(root_keys)
    chain = open_policy(read_trust_files(_project_of_policy(record, proof, root)))
    findings = tuple(check_anchor(chain, roots, policy_version))
    if findings:
        # Whoever is not trusted to say who may sign a checkpoint has shown nothing, whatever the proof says.
        screen.product(render_findings(findings))
        screen.suggest(f"planloom explain {findings[0].code}")
        return EXIT_FINDINGS
    policy = chain.current
    proven = verify_proof(_read_file(proof), _read_file(record), policy)
    rests_on = describe_root(policy.root_digest, "directory", is_pinned=bool(roots), is_successor=chain.follows_from(roots))
    # The path that the proof states is anybody's word: what was shown is that of the file which was given.
    screen.product(
        f"{record.as_posix()} is record {proven.index + 1} of {proven.head.size} in the checkpoint signed by {proven.signer.name}.\n"
        f"{rests_on}{'' if roots else '; pin it with --root-key'}."
    )
    return 0


def _project_of_policy(record: Path, proof: Path, root: Path | None) -> Path:
    """Return the folder of the project whose policy judges a proof. Raises: InputError."""
    try:
        return find_root(root)
    except InputError as error:
        # Who checks a proof has a copy of somebody's project at best: a project laid down here would trust nobody's checkpoint.
        named = f"planloom verify {shlex.quote(str(record))} --proof {shlex.quote(str(proof))} --root DIR"
        hint = f"{named}   # DIR: the project that the record is from, for its specs/trust"
        raise InputError(error.message, hint=hint) from error


def _render(verification: Verification, style: str, place: Path | None) -> str:
    from planloom.report import verification as text
    from planloom.report import verification_formats as formats

    if style == "sarif":
        folder = find_root(None) if place is None else place.resolve()
        return formats.render_sarif(verification, below_checkout(folder) if folder.is_dir() else "")
    if style == "text":
        return text.render_text(verification, repeat)
    renderers = {"json": formats.render_json, "markdown": formats.render_markdown}
    return renderers[style](verification)
