"""Commands on plans: validate, explain, fmt, diff, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.comparing import diff
from planloom.cli.explaining import explain
from planloom.cli.files import replace_file
from planloom.cli.findings import annotate, from_checkout, summarise, workflow_commands
from planloom.cli.importing import import_
from planloom.cli.options import examples, find_root, format_option, root_option
from planloom.core.errors import EXIT_DONE, EXIT_FINDINGS, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.core.canonical import Json
    from planloom.pipeline import Checked

__all__ = ["diff", "explain", "fmt", "import_", "validate"]


@click.command(
    epilog=examples(
        ("every mistake of every plan", "planloom validate"),
        ("repair what is safe to repair", "planloom validate --fix"),
        ("for code scanning", "planloom validate --format sarif > planloom.sarif"),
    )
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to print what is found.",
)
@click.option("--fix", is_flag=True, help="Write the repairs that are safe, then check again.")
@click.option("--all", "is_all", is_flag=True, help="Show every finding in full, not only the first 50.")
@root_option
def validate(style: str, root: Path | None, *, fix: bool, is_all: bool) -> int:
    """Check all plans in specs/ and report every mistake with its place. What passes here compiles.

    Exit status: 0 nothing or only warnings, 1 errors, 2 no plans, or a file that is not planloom's where a compiled one belongs.
    """
    from planloom.emit.tree import check_places
    from planloom.pipeline import load_project, prove_limits

    folder = find_root(root)
    checked = load_project(folder)
    if fix:
        checked = _repair(folder, checked)
    checked, compiled = prove_limits(checked)
    _show_findings(folder, checked, style, is_all=is_all)
    if not checked.is_sound:
        codes = [d.code for d in checked.diagnostics if d.severity.value == "error"]
        is_fixable = not fix and any(d.fix for d in checked.diagnostics)
        screen.suggest("planloom validate --fix" if is_fixable else f"planloom explain {codes[0]}")
        return EXIT_FINDINGS
    check_places(folder, compiled)
    screen.suggest("planloom compile")
    return EXIT_DONE


def _show_findings(folder: Path, checked: Checked, style: str, *, is_all: bool) -> None:
    """Write diagnostics to stdout; in a GitHub job annotations in addition, and all of them to the job summary."""
    from planloom.report.diagnostics import render

    if style == "github":
        screen.announce(workflow_commands(folder, checked.diagnostics), sys.stdout)
        summarise(checked.diagnostics)
        return
    shown = from_checkout(folder, checked.diagnostics) if style == "sarif" else checked.diagnostics
    text = render(shown, checked.sources, style, colour=screen.wants_colour(sys.stdout), is_all=is_all)
    if text:
        screen.product(text)
    elif style == "text":
        plans = len(checked.plans)
        steps = sum(len(plan.steps) for plan in checked.plans)
        screen.product(f"{plans} plan{'s' if plans != 1 else ''}, {steps} step{'s' if steps != 1 else ''}: no findings")
    if style == "text":
        annotate(folder, checked.diagnostics)
    summarise(checked.diagnostics)


def _repair(folder: Path, checked: Checked) -> Checked:
    """Write safe repairs until none is left (one may uncover another), and return what is found then."""
    from planloom.pipeline import load_project
    from planloom.report.diagnostics_fixes import apply_fixes

    for _ in range(5):
        changed, count = apply_fixes(checked.diagnostics, checked.sources)
        if not changed:
            break
        for path, content in changed.items():
            replace_file(folder / path, content)
            screen.say(f"repaired {path}")
        screen.say(f"{count} repaired")
        checked = load_project(folder)
    return checked


@click.command(
    epilog=examples(
        ("every file in specs/", "planloom fmt"),
        ("in CI: exit 1 when a file would change", "planloom fmt --check"),
        ("one file", "planloom fmt specs/release.yaml"),
    )
)
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file is laid out differently.")
@root_option
@format_option
def fmt(paths: tuple[Path, ...], root: Path | None, style: str, *, check: bool) -> int:
    """Lay out plans in the one stable way. Data and comments stay; only space, indentation and line breaks change.

    Without FILE every file in specs/ is laid out. JSON: {schema, files[] {path, state}}, where state is unchanged, laid-out
    or, with --check, different.
    """
    from planloom.pipeline import read_specs
    from planloom.syntax.layout import lay_out

    if paths:
        folder, files = Path(), {str(path): _read_file(path) for path in paths}
    else:
        folder = find_root(root)
        specs = read_specs(folder)
        files = dict(specs.files)
        for refused in specs.refused:
            message = f"{refused.span.path}: {refused.message}"
            raise InputError(message, hint=f"{refused.help}; planloom validate reports every mistake", code=refused.code)
    for path, content in files.items():
        if b"schema: planloom/" not in content:
            message = f"{path} is no plan: it has no line `schema: planloom/plan/v1`"
            raise InputError(message, hint="planloom fmt specs/NAME.yaml; other files are left alone")
    # Every file is laid out before one is written: a file that can't be read changes none.
    results = {path: lay_out(path, content) for path, content in files.items()}
    changed = [path for path, result in results.items() if result != files[path]]
    if not check:
        for path in changed:
            replace_file(folder / path, results[path])
    _show_laid_out(list(files), changed, style, check=check)
    if check and changed:
        screen.suggest("planloom fmt")
        return EXIT_FINDINGS
    return EXIT_DONE


def _show_laid_out(paths: Sequence[str], changed: Sequence[str], style: str, *, check: bool) -> None:
    if style == "json":
        word = "different" if check else "laid-out"
        rows: list[Json] = [{"path": path, "state": word if path in changed else "unchanged"} for path in paths]
        screen.product_json({"schema": "planloom/fmt/v1", "files": rows})
        return
    for path in changed:
        screen.product(f"{path} is laid out differently" if check else f"{path} laid out")
    if not changed:
        screen.say("nothing to do")


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        message = f"{path} can't be read: {problem.strerror}"
        raise InputError(message) from problem
