"""diff: two versions of the plans, from git or from folders."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.options import examples, find_root, root_option
from planloom.core.errors import EXIT_DONE, EXIT_FINDINGS, InputError, PlanloomError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.checks.comparing import PlanChange
    from planloom.pipeline import Checked
    from planloom.report.plandiff import ItemEffect
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView
    from planloom.trust.policy import Policy
    from planloom.trust.policydiff import PolicyChange


@click.command(
    epilog=examples(
        ("the working files with the last commit", "planloom diff"),
        ("what a pull request would change", "planloom diff main"),
        ("two releases, for a job summary", "planloom diff v1.0.0 v1.1.0 --format markdown"),
        ("say in the plans that new privileges are wanted", "planloom diff main --acknowledge"),
    )
)
@click.argument("base", metavar="[BASE]", default="HEAD")
@click.argument("head", metavar="[HEAD]", default="")
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True, help="How to print."
)
@click.option("--fail-on-privilege", is_flag=True, help="Exit 1 when new privileges are not acknowledged in the plan.")
@click.option("--acknowledge", is_flag=True, help="Write into the plans that their new privileges are wanted.")
@root_option
def diff(base: str, head: str, style: str, root: Path | None, *, fail_on_privilege: bool, acknowledge: bool) -> int:
    """Say what a change of the plans means: new privileges first, then steps, longest path, open work items.

    BASE and HEAD are git revisions or folders with a specs/ in them. BASE is HEAD of git unless given; without HEAD the
    files as they are now are compared.
    """
    from planloom.checks.comparing import compare_plans
    from planloom.report import plandiff

    folder = find_root(root)
    before, after = _read_version(folder, base), _read_version(folder, head)
    _refuse_unsound(after, head or "the working files")
    plans = [{plan.id: plan for plan in checked.plans} for checked in (before, after)]
    changes = compare_plans(plans[0], plans[1], before.graphs, after.graphs)
    if acknowledge:
        return _acknowledge(folder, after, changes, head)
    effects = () if head else _find_effects(folder, after, changes)
    render = {"text": plandiff.render_text, "json": plandiff.render_json, "markdown": plandiff.render_markdown}[style]
    screen.product(render(changes, effects, _policy_changes(folder, base, head)))
    is_open = any(not change.acknowledged for change in changes)
    if screen.is_github():
        kind = "error" if is_open and fail_on_privilege else "notice"
        screen.announce(f"::{kind} title=planloom diff::{plandiff.verdict(changes)}\n", sys.stderr)
    if is_open:
        screen.suggest(f"planloom diff {shlex.quote(base)} --acknowledge", before="When this is wanted, write so into the plans.")
    return EXIT_FINDINGS if is_open and fail_on_privilege else EXIT_DONE


def _refuse_unsound(checked: Checked, name: str) -> None:
    if not checked.is_sound:
        first = next(d for d in checked.diagnostics if d.severity.value == "error")
        message = f"{name}: {first.span.path}:{first.span.line}:{first.span.column}: {first.message}"
        raise InputError(message, hint="planloom validate   # reports every mistake")


def _read_version(root: Path, version: str) -> Checked:
    """Return the plans of a git revision, of a folder, or ("") as they are now."""
    from planloom.pipeline import check_project, read_specs

    if not version or (Path(version) / "specs").is_dir():
        specs = read_specs(Path(version) if version else root)
        return check_project(specs.files, None, refused=specs.refused)
    return check_project(_read_revision(root, version), None)


def _policy_changes(root: Path, base: str, head: str) -> tuple[PolicyChange, ...]:
    """Return what changes in the trust policy; one that is new or gone is said in one line."""
    from planloom.trust.policydiff import PolicyChange, describe_changes

    before, after = _read_policy(root, base), _read_policy(root, head)
    if before is None and after is None:
        return ()
    if before is None or after is None:
        text = "there is a trust policy now" if before is None else "the trust policy is gone"
        return (PolicyChange(text, weakens=before is not None),)
    return describe_changes(before, after)


def _read_policy(root: Path, version: str) -> Policy | None:
    """Return the trust policy of a version, None when it has none. Raises: TrustError when it can't be read."""
    from planloom.trust.policyfiles import POLICY_PATH
    from planloom.trust.policyformat import parse_policy

    is_folder = bool(version) and (Path(version) / "specs").is_dir()
    if is_folder or not version:
        path = (Path(version) if is_folder else root) / POLICY_PATH
        return parse_policy(path.read_bytes()) if path.is_file() else None
    listed = _git(root, "ls-tree", "-z", f"{version}^{{commit}}", POLICY_PATH)
    return parse_policy(_git(root, "show", f"{version}:{POLICY_PATH}")) if listed else None


def _read_revision(root: Path, revision: str) -> dict[str, bytes]:
    """Return `specs/*.yaml` of a git revision. Raises: InputError for an unknown one, StoreError without git."""
    from planloom.pipeline import MAX_FILES
    from planloom.syntax.source import MAX_FILE_BYTES

    if revision.startswith("-"):
        message = f"'{revision}' is no revision"
        raise InputError(message)
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    listed = _git(root, "ls-tree", "-lz", commit, "specs/").split(b"\0")
    files = {}
    for row in listed[: MAX_FILES + 1]:
        meta, _, name = row.partition(b"\t")
        path = name.decode("utf-8", errors="replace")
        parts = meta.split()
        # A symbolic link (mode 120000) is no plan of this revision; its text is a path.
        if path.endswith(".yaml") and len(parts) == 4 and parts[0] in (b"100644", b"100755"):
            content = (
                _git(root, "cat-file", "blob", parts[2].decode())
                if int(parts[3]) <= MAX_FILE_BYTES
                else b"#" * (MAX_FILE_BYTES + 1)
            )
            files[f"specs/{Path(path).name}"] = content
    return files


def _git(root: Path, *words: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=60, check=False, env=environment)
    except FileNotFoundError as problem:
        message = "git is not installed"
        raise StoreError(message, hint="compare folders instead: planloom diff OLD NEW") from problem
    except subprocess.TimeoutExpired as problem:
        message = f"git {words[0]} took longer than a minute"
        raise StoreError(message) from problem
    if done.returncode:
        reason = (
            done.stderr.decode("utf-8", errors="replace").strip()
            or f"git knows no revision '{words[-1].removesuffix('^{commit}')}'"
        )
        raise InputError(reason.splitlines()[-1], hint="name a commit, branch or tag, or a folder with specs/ in it")
    return done.stdout


def _find_effects(root: Path, after: Checked, changes: Sequence[PlanChange]) -> tuple[ItemEffect, ...]:
    """Return what the change does to open work items; nothing where there is no ledger that can be read."""
    if not changes or not (root / "artifacts").is_dir():
        return ()
    try:
        from planloom.api import open_session
        from planloom.runtime.delegating import open_items

        session = open_session(root)
        return tuple(_effect(session, after, change.id, item) for change in changes for item in open_items(session, change.id))
    except PlanloomError as problem:
        screen.say(f"open work items are left out: {problem.message}")
        return ()


def _effect(session: Session, after: Checked, plan_id: str, item: str) -> ItemEffect:
    """Return what one open work item would lose and gain."""
    from planloom.emit.compiled import compile_plan
    from planloom.report.plandiff import ItemEffect
    from planloom.runtime.migrating import map_steps, predict_view
    from planloom.runtime.reading import read_view
    from planloom.state.machine import Status

    view = read_view(session, item).view
    done = {key for key, state in view.states.items() if state.status in (Status.DONE, Status.INTEGRATED)}
    ready = _ready(view)
    plan = next((plan for plan in after.plans if plan.id == plan_id), None)
    if plan is None or plan_id not in after.graphs:
        return ItemEffect(item, plan_id, tuple(key for key in view.header.order if key in done), ready, ())
    header, steps = compile_plan(plan, after.graphs[plan_id])
    by_key = {step.key: step for step in steps}
    mapping = map_steps(view, header, by_key)
    ready_after = _ready(predict_view(view, header, by_key, mapping))
    kept = {key for key, fate in mapping.steps.items() if fate == "kept"}
    lost = tuple(key for key in view.header.order if key in done and key not in kept)
    return ItemEffect(item, plan_id, lost, ready, ready_after)


def _ready(view: ItemView) -> tuple[str, ...]:
    from planloom.state.schedule import build_schedule

    return tuple(row.step.key for row in build_schedule(view).dispatchable)


def _acknowledge(root: Path, after: Checked, changes: Sequence[PlanChange], head: str) -> int:
    """Write the digest of new privileges into each plan that has some."""
    from planloom.checks.acknowledging import acknowledge
    from planloom.cli.files import replace_file

    if head:
        message = "only the working files can be acknowledged"
        raise InputError(message, hint="leave HEAD out")
    plans = {plan.id: plan for plan in after.plans}
    written = 0
    for change in changes:
        if change.privileges and not change.acknowledged:
            plan = plans[change.id]
            replace_file(root / plan.path, acknowledge(plan, after.sources[plan.path], change.privilege_digest))
            screen.product(f"{plan.path} acknowledges what is new: {len(change.privileges)}")
            written += 1
    if not written:
        screen.say("there is nothing to acknowledge")
    sys.stdout.flush()
    screen.suggest("planloom compile")
    return EXIT_DONE
