"""Compiling: what `compile` does, without the option parser.

It runs at every change of a plan, so this module imports nothing that it does not need; `cli.quick` reads its plain forms.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from planloom.cli import screen
from planloom.cli.findings import add_to_summary, below_checkout, summarise, workflow_commands
from planloom.cli.place import find_root
from planloom.core.collector import paused_collector
from planloom.core.errors import EXIT_FINDINGS
from planloom.core.surroundings import is_in_git, next_after_compiling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from planloom.core.diagnostics import Diagnostic
    from planloom.emit.project import Emitted
    from planloom.emit.tree import Drift
    from planloom.pipeline import Checked


def compile_project(root: Path | None, style: str = "text", *, check: bool = False, budget: bool = False) -> int:
    """Check the plans and write, compare (`check`) or measure (`budget`) what they compile to; returns the exit code."""
    folder = find_root(root)
    if not check and not budget and style == "text" and _say_again(folder):
        return 0
    with paused_collector():
        return _compile(folder, style, check=check, budget=budget)


def _compile(folder: Path, style: str, *, check: bool, budget: bool) -> int:
    from planloom.core.diagnostics import sort_diagnostics
    from planloom.emit.limits import check_limits
    from planloom.emit.project import emit_plans, gather
    from planloom.pipeline import load_project

    checked = load_project(folder)
    _show(folder, checked.diagnostics, checked.sources, style)
    if not checked.is_sound:
        return _refuse_errors(checked.diagnostics)
    emitted = emit_plans(checked.plans, checked.graphs, checked.project)
    broken = sort_diagnostics(check_limits(emitted))
    _show(folder, broken, checked.sources, style)
    if budget:
        _show_budget(emitted, style)
        return EXIT_FINDINGS if broken else 0
    if broken:
        return _refuse_errors(broken)
    files = gather(emitted, checked.project)
    if check:
        return _check(folder, files, style)
    said = _write(folder, files, emitted, style)
    from planloom.emit.memo import remember

    # Warnings are said again too, without colour.
    remember(folder, _describe_findings(checked) + said)
    return 0


def _describe_findings(checked: Checked) -> str:
    if not checked.diagnostics:
        return ""
    from planloom.report.diagnostics import render

    return render(checked.diagnostics, checked.sources, "text")


def _refuse_errors(diagnostics: Sequence[Diagnostic]) -> int:
    first = next(one for one in diagnostics if one.severity.value == "error")
    screen.say("Nothing was written.")
    screen.suggest(f"planloom explain {first.code}")
    return EXIT_FINDINGS


def _show(root: Path, diagnostics: Sequence[Diagnostic], sources: Mapping[str, bytes], style: str) -> None:
    if not diagnostics:
        return
    from planloom.core.diagnostics import has_errors
    from planloom.report.diagnostics import render

    if style == "json" and has_errors(diagnostics):
        # One document on stdout: these findings are it when nothing else will come.
        screen.product(render(diagnostics, sources, "json"))
        return
    if style == "github":
        screen.announce(workflow_commands(root, diagnostics), sys.stdout)
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
        screen.suggest(next_after_compiling(root))
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
    follows = next_after_compiling(root)
    commits = done.written and follows == "planloom run" and is_in_git(root)
    screen.suggest("git add specs generated .github && git commit && planloom run" if commits else follows)
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
            _annotate_drift(root, drifts)
        for drift in drifts:
            diff = render_diff(drift)
            if diff:
                screen.product(diff)
        for drift in drifts:
            screen.say(describe(drift))
    if not drifts:
        screen.say(f"{len(files)} compiled files are current")
        screen.suggest(next_after_compiling(root))
        return 0
    screen.say(_sum_up(drifts))
    screen.suggest(" && ".join(dict.fromkeys(repair(drift) for drift in drifts)))
    return EXIT_FINDINGS


def _annotate_drift(root: Path, drifts: Sequence[Drift]) -> None:
    """Write annotations of the first ten, which is what GitHub shows, and all into the job summary."""
    from planloom.emit.changes import repair
    from planloom.report.diagnostics_formats import render_drift, summarise_drift

    below = below_checkout(root)
    rows = [(below + drift.path, drift.kind.value, repair(drift)) for drift in drifts]
    screen.announce(render_drift(rows), sys.stdout)
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
