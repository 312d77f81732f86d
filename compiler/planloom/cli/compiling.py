"""compile, graph, pin: from plans to the files that carry them out."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.findings import add_to_summary, summarise
from planloom.cli.options import examples, find_root, format_option, root_option
from planloom.core.errors import EXIT_FINDINGS, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planloom.core.diagnostics import Diagnostic
    from planloom.emit.pinning import Pinned
    from planloom.emit.project import Emitted
    from planloom.emit.tree import Drift


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
    folder = find_root(root)
    if not check and not budget and style == "text" and _say_again(folder):
        return 0
    with _without_collector():
        return _compile(folder, style, check=check, budget=budget)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for cycles again and again in values that live until the end: a tenth of the time of big plans."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _compile(folder: Path, style: str, *, check: bool, budget: bool) -> int:
    from planloom.core.diagnostics import sort_diagnostics
    from planloom.emit.limits import check_limits
    from planloom.emit.project import emit_plans, gather
    from planloom.pipeline import load_project

    checked = load_project(folder)
    _show(checked.diagnostics, checked.sources, style)
    if not checked.is_sound:
        return _refuse_errors()
    emitted = emit_plans(checked.plans, checked.graphs, checked.project)
    broken = sort_diagnostics(check_limits(emitted))
    _show(broken, checked.sources, style)
    if budget:
        _show_budget(emitted, style)
        return EXIT_FINDINGS if broken else 0
    if broken:
        return _refuse_errors()
    files = gather(emitted, checked.project)
    if check:
        return _check(folder, files, style)
    said = _write(folder, files, emitted, style)
    from planloom.emit.memo import remember
    from planloom.report.diagnostics import render

    # Warnings are said again too, without colour.
    remember(folder, render(checked.diagnostics, checked.sources, "text") + said)
    return 0


def _refuse_errors() -> int:
    screen.say("Nothing was written.")
    screen.suggest("planloom explain CODE tells more about a finding")
    return EXIT_FINDINGS


def _show(diagnostics: Sequence[Diagnostic], sources: Mapping[str, bytes], style: str) -> None:
    if not diagnostics:
        return
    from planloom.core.diagnostics import has_errors
    from planloom.report.diagnostics import render

    if style == "json" and has_errors(diagnostics):
        # One document on stdout: these findings are it when nothing else will come.
        screen.product(render(diagnostics, sources, "json"))
        return
    if style == "github":
        screen.product(render(diagnostics, sources, "github"))
        summarise(diagnostics)
    screen.say(render(diagnostics, sources, "text", colour=screen.wants_colour(sys.stderr)).rstrip("\n"))


def _show_budget(emitted: Sequence[Emitted], style: str) -> None:
    from planloom.emit.budget import build_budget, describe_budget, render_budget

    budgets = [build_budget(one) for one in emitted]
    if style == "json":
        screen.product_json([describe_budget(budget) for budget in budgets])
    else:
        screen.product("\n".join(render_budget(budget) for budget in budgets))


def _say_again(root: Path) -> bool:
    """When nothing changed since the last compilation, say so; returns whether that was the case."""
    from planloom.emit.memo import is_unchanged

    said = is_unchanged(root)
    if said:
        screen.say(said)
        screen.suggest("planloom run")
    return bool(said)


def _write(root: Path, files: Mapping[str, bytes], emitted: Sequence[Emitted], style: str) -> str:
    """Write the files, say what was done, and return what to say when nothing changes until the next time."""
    from planloom.emit.tree import write_tree

    done = write_tree(root, files)
    if style == "json":
        screen.product_json({"written": list(done.written), "removed": list(done.removed), "unchanged": done.unchanged})
    else:
        for path in done.written:
            screen.product(f"wrote    {path}")
        for path in done.removed:
            screen.product(f"removed  {path}")
        screen.say(_describe(emitted, len(files), done.unchanged))
    screen.suggest("planloom run" if not done.written else "git add specs generated .github && git commit, then planloom run")
    return _describe(emitted, len(files), len(files))


def _describe(emitted: Sequence[Emitted], files: int, unchanged: int) -> str:
    steps = sum(len(one.steps) for one in emitted)
    plans = ", ".join(f"{one.plan.id} {one.plan.version}" for one in emitted)
    return f"{plans}: {steps} steps, {files} files, {unchanged} of them unchanged"


def _check(root: Path, files: Mapping[str, bytes], style: str) -> int:
    from planloom.emit.changes import describe, render_diff, repair
    from planloom.emit.tree import compare, read_ours

    drifts = compare(files, read_ours(root), _tracked(root))
    if style == "json":
        screen.product_json([{"path": drift.path, "kind": drift.kind.value} for drift in drifts])
    elif drifts:
        if style == "github":
            _annotate_drift(drifts)
        for drift in drifts:
            diff = render_diff(drift)
            if diff:
                screen.product(diff)
        for drift in drifts:
            screen.say(describe(drift))
    if not drifts:
        screen.say(f"{len(files)} compiled files are current")
        screen.suggest("planloom run")
        return 0
    screen.say(_sum_up(drifts))
    screen.suggest(" && ".join(dict.fromkeys(repair(drift) for drift in drifts)))
    return EXIT_FINDINGS


def _annotate_drift(drifts: Sequence[Drift]) -> None:
    """Write annotations of the first ten, which is what GitHub shows, and all into the job summary."""
    from planloom.emit.changes import repair
    from planloom.report.diagnostics_formats import render_drift, summarise_drift

    rows = [(drift.path, drift.kind.value, repair(drift)) for drift in drifts]
    screen.product(render_drift(rows))
    add_to_summary(summarise_drift(rows))


def _sum_up(drifts: Sequence[Drift]) -> str:
    counts: dict[str, int] = {}
    for drift in drifts:
        counts[drift.kind.value] = counts.get(drift.kind.value, 0) + 1
    return f"{len(drifts)} files are not as compiling leaves them: " + ", ".join(f"{n} {kind}" for kind, n in counts.items())


def _tracked(root: Path) -> frozenset[str] | None:
    """Return the paths that git tracks, or None when that can't matter: no git, no repository, or plans not yet in it."""
    import subprocess

    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--", "specs", "generated", ".github/workflows"],
            capture_output=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    paths = frozenset(listed.stdout.decode("utf-8", "surrogateescape").split("\0"))
    return paths if any(path.startswith("specs/") for path in paths) else None


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
            screen.product(FORMATS[style](compiled, steps))
            return 0
    if chosen in ids:
        message = f"plan '{chosen}' has errors"
        raise InputError(message, hint="planloom validate shows them")
    if not chosen:
        message = f"which plan? There are {', '.join(ids) or 'none that can be read'}"
        raise InputError(message, hint="planloom graph PLAN" if ids else "planloom validate shows what is wrong")
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
        return pin_path(folder)
    return pin_wheel(folder, wheel) if wheel is not None else pin_here(folder, installed_from())
