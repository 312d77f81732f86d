"""export and report: what leaves the ledger for people and other programs."""

from __future__ import annotations

from pathlib import Path

import click

from planloom import api
from planloom.cli import screen
from planloom.cli.options import find_root, format_option, ledger_option, root_option
from planloom.core.errors import InputError


@click.command(epilog="Examples: planloom export | planloom export --stdout | planloom export --bundle evidence.json")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the portfolio too.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write one file that holds all the evidence."
)
@click.option("--proof", default="", metavar="RECORD", help="Print the proof that a record (its path) is in the checkpoint.")
@root_option
@ledger_option
@format_option
def export(root: Path | None, ledger: str, style: str, bundle: Path | None, proof: str, *, to_stdout: bool) -> None:
    """Write artifacts/exports/: the portfolio of all work items, and a signed checkpoint over all records.

    Exporting again without new records changes no byte.
    """
    from planloom.runtime.exporting import export as export_all
    from planloom.runtime.exporting import find_origin

    project = find_root(root)
    if proof:
        from planloom.cli.verifying import print_proof

        print_proof(project, proof)
        return
    # What is exported lies in artifacts/, on a runner too: `collect` has put it there, and the step that signs has no token.
    session = api.open_session(project, ledger=ledger or "files")
    exported = export_all(session, find_origin(session))
    if to_stdout or style == "json":
        screen.product_json(exported.portfolio)
    if bundle is not None:
        from planloom.cli.verifying import write_bundle

        write_bundle(project, bundle)
        screen.say(f"wrote {bundle}")
    shown = exported.folder.relative_to(project).as_posix() if exported.folder.is_relative_to(project) else str(exported.folder)
    screen.say(f"wrote {shown}/: the portfolio, and a checkpoint over {exported.records} records")
    screen.suggest("planloom verify")


@click.command(epilog="Example: planloom report release-1 > report.md")
@click.argument("item")
@root_option
@ledger_option
def report(item: str, root: Path | None, ledger: str) -> None:
    """Print a work item on a page, as Markdown: every step, its attempts, outputs and who decided what."""
    from planloom.report.page import write_page

    session = api.open_session(find_root(root), ledger=ledger)
    if item not in session.ledger.items():
        message = f"there is no work item '{item}' in {session.ledger.describe()}"
        raise InputError(message, hint="planloom status")
    screen.product(write_page(session, item))
