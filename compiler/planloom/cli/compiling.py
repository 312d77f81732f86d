"""compile, graph, pin: from plans to the files that carry them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.compilation import compile_project
from planloom.cli.options import examples, find_root, format_option, root_option
from planloom.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.emit.pinning import Pinned


@click.command(
    "compile",
    epilog=examples(
        ("write what the plans ask for", "planloom compile"),
        ("compare only: exit 1 and a diff when a file differs", "planloom compile --check"),
        ("how near GitHub's limits are, and what a wave costs", "planloom compile --budget"),
        ("in a workflow: annotations on the lines", "planloom compile --check --format github"),
    ),
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show a diff when a file is not as compiling leaves it.")
@click.option("--budget", is_flag=True, help="Write nothing; show what of GitHub's limits the plans use, and what a wave costs.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True, help="How to print."
)
@root_option
def compile_(root: Path | None, style: str, *, check: bool, budget: bool) -> int:
    """Check the plans in specs/, then write workflows, compiled plans, matrices and schemas: all or nothing.

    The same plans give the same bytes everywhere. Files of ours that no plan asks for any more are removed; files that
    planloom did not write are never touched.
    """
    return compile_project(root, style, check=check, budget=budget)


@click.command(
    epilog=examples(
        ("the only plan, as Mermaid", "planloom graph"),
        ("a picture, with Graphviz", "planloom graph release --format dot | dot -Tsvg > release.svg"),
    )
)
@click.argument("plan", required=False, default="")
@click.option(
    "--format", "style", type=click.Choice(["mermaid", "dot", "json"]), default="mermaid", show_default=True, help="What to draw."
)
@root_option
def graph(plan: str, style: str, root: Path | None) -> int:
    """Draw a plan: arrows are needs, dotted ones barriers; hexagons wait for approval, round boxes are done by people."""
    from planloom.emit.compiled import compile_plan
    from planloom.emit.drawing import FORMATS
    from planloom.pipeline import load_project

    checked = load_project(find_root(root))
    ids = [candidate.id for candidate in checked.plans]
    chosen = plan or (ids[0] if len(ids) == 1 else "")
    for candidate in checked.plans:
        if candidate.id == chosen and chosen in checked.graphs:
            compiled, steps = compile_plan(candidate, checked.graphs[chosen])
            if not {before for step in steps for before in step.predecessors} <= {step.key for step in steps}:
                break  # What is drawn is what there is: an arrow from a step that is not there would promise one.
            screen.product(FORMATS[style](compiled, steps))
            return 0
    if chosen in ids:
        message = f"plan '{chosen}' has errors"
        raise InputError(message, hint="planloom validate   # shows them")
    if not chosen:
        message = f"which plan? There are {', '.join(ids) or 'none that can be read'}"
        raise InputError(message, hint="planloom graph PLAN" if ids else "planloom validate   # shows what is wrong")
    message = f"there is no plan '{chosen}'"
    raise InputError(message, hint=_nearest(chosen, ids))


def _nearest(name: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"


@click.command(
    epilog=examples(
        ("planloom as it is installed here", "planloom pin"),
        ("this wheel, copied into specs/", "planloom pin --wheel dist/planloom-0.1.0-py3-none-any.whl"),
        ("in a checkout of planloom itself", "planloom pin --path ."),
    )
)
@click.option(
    "--path",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="Runners install planloom from the checkout, which is planloom's own.",
)
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Runners install this wheel, copied into specs/.",
)
@root_option
@format_option
def pin(path: Path | None, wheel: Path | None, root: Path | None, style: str) -> int:
    """Pin what runners install: planloom and all that it needs, each file by its hash, in specs/requirements.lock.

    Without options it is planloom as it is installed here: from the index, or a wheel, put into specs/wheels, of the file, checkout
    or repository that it was installed from. Where `install: path` is set, it stays so. The one command that asks a package index. JSON: {schema, lock, packages, install}.
    """
    from planloom.emit.pinning import LOCK, set_install

    if path is not None and wheel is not None:
        message = "--path and --wheel exclude each other"
        raise InputError(message)
    folder = find_root(root)
    if path is not None and path.resolve() != folder.resolve():
        message = "--path must be the project itself: runners have nothing else checked out"
        raise InputError(message, hint="planloom pin --path .")
    settings = folder / "specs" / "planloom.yaml"
    text = settings.read_text(encoding="utf-8") if settings.is_file() else None
    is_own = path is not None or (wheel is None and text is not None and "\ninstall: path\n" in f"\n{text}\n")
    pinned = _pin(folder, wheel, is_own=is_own)
    (folder / LOCK).write_text(pinned.lock, encoding="utf-8", newline="\n")
    settings.write_text(set_install(text, pinned.install), encoding="utf-8", newline="\n")
    count = sum(1 for line in pinned.lock.splitlines() if line and not line.startswith((" ", "#")))
    if style == "json":
        screen.product_json({"schema": "planloom/pin/v1", "lock": LOCK, "packages": count, "install": pinned.install})
    else:
        screen.product(f"{LOCK}  {count} packages by hash\nspecs/planloom.yaml  install: {pinned.install}")
    screen.suggest("planloom compile")
    return 0


def _pin(folder: Path, wheel: Path | None, *, is_own: bool) -> Pinned:
    from planloom.emit.pinning import installed_from, pin_here, pin_path, pin_wheel

    if is_own:
        return pin_path(folder, screen.say)
    return pin_wheel(folder, wheel, screen.say) if wheel is not None else pin_here(folder, installed_from(), screen.say)
