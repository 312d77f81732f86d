"""export and report: what leaves the ledger for people and other programs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom import api
from planloom.cli import screen
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import InputError

if TYPE_CHECKING:
    from planloom.runtime.session import Session


@click.command(
    epilog=examples(
        ("portfolio and checkpoint, into artifacts/exports/", "planloom export"),
        ("print the portfolio too", "planloom export --stdout"),
        ("one file with all evidence", "planloom export --bundle evidence.jsonl"),
        (
            "a proof that the checkpoint holds one record",
            "planloom export --proof artifacts/handoff/release-1/build/000002.json > build.tlog-proof",
        ),
        ("what in-toto verifies", "planloom export --as in-toto --work-item release-1 --to links"),
    )
)
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the portfolio too.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write one file that holds all the evidence."
)
@click.option(
    "--with-revoked",
    is_flag=True,
    help="Let the checkpoint list what a revoked key signed after its end; it counts only when the root revokes the key at a later size.",
)
@click.option("--proof", default="", metavar="RECORD", help="Print the proof that a record (its path) is in the checkpoint.")
@click.option("--as", "form", type=click.Choice(["in-toto"]), default=None, help="Write a work item as another tool reads it.")
@click.option("--work-item", "item", default="", metavar="ID", help="With --as: the work item, which must be finished.")
@click.option("--to", type=click.Path(path_type=Path), default=None, metavar="DIR", help="With --as: where to write.")
@click.option(
    "--expires", default="2099-12-31T00:00:00Z", show_default=True, metavar="TIME", help="With --as: until when it holds."
)
@root_option
@ledger_option
@format_option
def export(
    root: Path | None,
    ledger: str,
    style: str,
    bundle: Path | None,
    proof: str,
    form: str | None,
    item: str,
    to: Path | None,
    expires: str,
    *,
    to_stdout: bool,
    with_revoked: bool,
) -> None:
    """Write artifacts/exports/: the portfolio of all work items, and a signed checkpoint over all records.

    Exporting again without new records changes no byte.
    """
    from planloom.runtime.collecting import require_collected
    from planloom.runtime.exporting import export as export_all
    from planloom.runtime.exporting import find_origin

    project = find_root(root)
    if (bool(proof) + (bundle is not None) + (form is not None)) > 1:
        raise InputError("--proof, --bundle and --as are three different exports", hint="ask for one at a time")
    if form is None and (item or to is not None):
        raise InputError("--work-item and --to go with --as", hint="planloom export --as in-toto --work-item ID --to DIR")
    if bundle is not None and bundle.is_dir():
        message = f"{bundle} is a folder"
        raise InputError(message, hint="planloom export --bundle FILE")
    if bundle is not None and not bundle.parent.exists():
        message = f"there is no folder {bundle.parent} for the bundle"
        raise InputError(message, hint=f"mkdir -p {shlex.quote(str(bundle.parent))}   # then export again")
    if proof:
        _print_proof(project, proof)
        return
    if form is not None:
        _write_in_toto(project, ledger, item, to, expires)
        return
    # What is exported lies in artifacts/, on a runner too: `collect` has put it there, and the step that signs has no token.
    session = api.open_session(project, ledger=ledger or "files")
    if not api.keeps_files(session):
        require_collected(session)
    exported = export_all(session, find_origin(session), with_revoked=with_revoked)
    if to_stdout or style == "json":
        screen.product_json(exported.portfolio)
    if bundle is not None:
        _write_bundle(project, bundle)
    shown = exported.folder.relative_to(project).as_posix() if exported.folder.is_relative_to(project) else str(exported.folder)
    screen.say(f"wrote {shown}/: the portfolio, and a checkpoint over {exported.records} records")
    waiting = _find_waiting(session) if with_revoked else ""
    if waiting:
        before = f"What {waiting} signed after its end is listed, and counts once the root says so."
        screen.suggest(f"planloom keys revoke {waiting} --at-size {exported.records} --reason TEXT", before=before)
        return
    if not api.keeps_files(session) and bundle is None:
        screen.suggest("planloom collect --push", before="The ledger branch does not have it yet.")
        return
    screen.suggest("planloom verify" if bundle is None else f"planloom verify {bundle}")


def _find_waiting(session: Session) -> str:
    """Return the first revoked key with records that the checkpoint lists beyond the place where the key ends, "" when there is none."""
    from planloom.runtime.exporting import read_records
    from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH
    from planloom.trust.signedby import find_reach

    exports = {path: session.artifacts / path.removeprefix("artifacts/") for path in (CHECKPOINT_PATH, LEAVES_PATH)}
    files = read_records(session.artifacts) | {path: place.read_bytes() for path, place in exports.items()}
    for key in session.policy.keys:
        if key.revoked is not None and find_reach(files, key.key, session.policy).beyond(key.revoked.at_size):
            return key.name
    return ""


def _print_proof(project: Path, record: str) -> None:
    from planloom.trust.gather import read_history
    from planloom.trust.proof import write_proof

    inside = Path(record).absolute()
    path = inside.relative_to(project).as_posix() if inside.is_relative_to(project) and inside.exists() else record
    screen.product(write_proof(path, read_history(project).files).decode("utf-8"))
    screen.suggest(f"planloom verify {path} --proof FILE")


def _write_bundle(project: Path, target: Path) -> None:
    from planloom.runtime.delegating import write_atomically
    from planloom.trust.bundle import write_bundle
    from planloom.trust.gather import read_history

    files = read_history(project).files
    write_atomically(target, write_bundle(files))
    screen.say(f"wrote {target}: {len(files)} files of evidence")


def _write_in_toto(project: Path, ledger: str, item: str, to: Path | None, expires: str) -> None:
    from planloom.runtime.delegating import write_atomically
    from planloom.trust.intoto import export_in_toto

    if not item or to is None:
        raise InputError(
            "--as needs --work-item ID and --to DIR", hint="planloom export --as in-toto --work-item release-1 --to links"
        )
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", expires) is None:
        message = f"--expires {expires}: not a time"
        raise InputError(message, hint="--expires 2027-06-01T00:00:00Z")
    session = api.open_session(project, ledger=ledger)
    view, _ = api.read_status(session, item)
    steps = [view.steps[key] for key in view.header.order]
    handoffs = {key: state.handoff for key, state in view.states.items() if state.handoff is not None}
    you = session.find_key("you")
    for name, content in export_in_toto(item, steps, handoffs, expires, you, session.find_key("ci")).items():
        write_atomically(to / name, content)
    write_atomically(to / "you.pub.pem", you.key.to_pem())
    screen.product(f"wrote {len(steps)} links and a layout to {to}")
    screen.suggest(f"in-toto-verify --layout {to}/root.layout --verification-keys {to}/you.pub.pem --link-dir {to}")


@click.command(
    epilog=examples(
        ("a page to read or attach", "planloom report release-1 > report.md"),
    )
)
@click.argument("item")
@root_option
@ledger_option
@format_option
def report(item: str, root: Path | None, ledger: str, style: str) -> None:
    """Print a work item on a page, as Markdown: every step, its attempts, outputs and who decided what."""
    from planloom.report.page import write_page

    session = api.open_session(find_root(root), ledger=ledger)
    if item not in session.ledger.items():
        message = f"there is no work item '{item}' in {session.ledger.describe()}"
        raise InputError(message, hint="planloom status")
    if style == "json":
        from planloom.cli.start import status_json

        screen.product_json(status_json(session, *api.read_status(session, item)))
        return
    screen.product(write_page(session, item))
