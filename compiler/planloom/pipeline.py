"""The compiler as one readable list of stages: bytes of specs in, plans, graphs, diagnostics and files out.

Pure: which files there are is told by the caller; `read_specs` is the one function that looks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.checks.facts import Facts, group_by_field
from planloom.checks.running import check_all
from planloom.core.collector import paused_collector
from planloom.core.diagnostics import Diagnostic, Span, has_errors, sort_diagnostics
from planloom.core.errors import InputError
from planloom.core.surroundings import has_unfinished_policy, is_in_git
from planloom.graph.plangraph import Cycles, PlanGraph, build_graph
from planloom.model.builder import Written, build_plan, build_project, names_as_written
from planloom.model.plan import Plan, Project
from planloom.syntax import shape
from planloom.syntax.findings import error
from planloom.syntax.reader import read
from planloom.syntax.source import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SPECS: Final = "specs"
PROJECT_FILE: Final = "specs/planloom.yaml"
TRUST_FOLDER: Final = "specs/trust"
POLICY_FILE: Final = "specs/trust/policy.json"
LOCK_FILE: Final = "specs/requirements.lock"
MAX_FILES: Final = 1000


class Specs(NamedTuple):
    """The files of `specs/`: bytes by path, sorted, and a diagnostic for each file whose bytes are not taken."""

    files: Mapping[str, bytes]
    refused: tuple[Diagnostic, ...] = ()

    @property
    def has_plan(self) -> bool:
        """Whether there is any plan, be it one that can't be read."""
        return bool({*self.files, *(one.span.path for one in self.refused)} - {PROJECT_FILE})


class Checked(NamedTuple):
    """What checking a project gave.

    Shape: `plans` sorted by path, only those that could be built; `graphs` by plan id, without plans that have cycles; `diagnostics`
    sorted; `sources` the bytes of every file by path, none of one that was refused. Emit only when `is_sound`.
    """

    plans: tuple[Plan, ...]
    graphs: Mapping[str, PlanGraph]
    project: Project
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, bytes]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error: warnings don't stop compilation."""
        return not has_errors(self.diagnostics)


def check_project(
    files: Mapping[str, bytes],
    policy: bytes | None,
    *,
    locked: bool = True,
    distrust: str = "",
    refused: Sequence[Diagnostic] = (),
) -> Checked:
    """Return plans, graphs and all diagnostics of all files.

    Shape: `files` maps paths relative to the project (`specs/*.yaml`) to bytes; `refused` tells of those whose bytes were not
    taken, and none of them is in `files`; `policy` is the trust policy's file or None;
    `locked` says whether specs/requirements.lock exists, or is not needed (`needs_no_lock`); `distrust` why the policy's signatures do not hold, "" when they do. Guarantee: never raises for what a file holds; same input, same output.
    """
    with paused_collector():
        return _check_files(files, policy, locked=locked, distrust=distrust, refused=refused)


def _check_files(
    files: Mapping[str, bytes], policy: bytes | None, *, locked: bool, distrust: str, refused: Sequence[Diagnostic]
) -> Checked:
    found = list(refused)
    project = _read_project(files, found)
    plans: list[Plan] = []
    graphs: dict[str, PlanGraph | Cycles] = {}
    known: dict[str, Written] = {}
    for path in sorted(files):
        if path == PROJECT_FILE:
            continue
        plan = _read_plan(path, files[path], found, known)
        if plan is not None:
            plans.append(plan)
            graphs[path] = build_graph(plan)
    stated = {plan.path: group_by_field(plan) for plan in plans}
    sources = dict(sorted({**dict.fromkeys((one.span.path for one in refused), b""), **files}.items()))
    facts = Facts(
        tuple(plans), graphs, project, policy, locked=locked, written=known, sources=sources, stated=stated, distrust=distrust
    )
    diagnostics = check_all(facts, found)
    sound = {plan.id: graph for plan in plans if isinstance(graph := graphs[plan.path], PlanGraph)}
    return Checked(tuple(plans), sound, project, sort_diagnostics(diagnostics), sources)


def load_project(root: Path) -> Checked:
    """Return what checking the project in `root` gave: reads specs, trust policy and whether there is a lock.

    Raises: InputError when there are no specs.
    """
    specs = read_specs(root)
    if not specs.has_plan:
        message = f"{root} has no plan in specs/"
        raise InputError(message, hint="planloom init   # lays down an example; planloom import makes a plan from what you have")
    policy, distrust = read_policy(root)
    return check_project(specs.files, policy, locked=needs_no_lock(root), distrust=distrust, refused=specs.refused)


def needs_no_lock(root: Path) -> bool:
    """Return whether nothing is to be said about specs/requirements.lock: it is there, or no runner will ever see this project.

    A project that lies in no git repository gets nowhere. Who tries planloom in a folder meets the lock with `git init`.
    """
    return (root / LOCK_FILE).is_file() or not is_in_git(root)


def read_policy(root: Path) -> tuple[bytes | None, str]:
    """Return the trust policy's file, and why it does not hold ("" when it does).

    Guarantee: None without a reason only where trust was never set up. What lies in the policy's place and can't be read (a
    folder, a link that leads nowhere, history without the current version) is a reason, never the same as nothing.
    """
    folder = root / TRUST_FOLDER
    is_empty = not os.path.lexists(folder) or (folder.is_dir() and os.access(folder, os.R_OK) and not any(folder.iterdir()))
    if is_empty and not has_unfinished_policy(root):
        return None, ""
    from planloom.core.errors import TrustError
    from planloom.trust.policyfiles import load_policy, read_trust_files  # with cryptography, which only a policy needs

    distrust = ""
    try:
        load_policy(root)
    except TrustError as problem:
        distrust = problem.message
    except OSError as problem:
        return None, f"{POLICY_FILE} can't be read: {problem.strerror}"
    try:
        return read_trust_files(root)[POLICY_FILE], distrust
    except TrustError as problem:
        return None, distrust or problem.message


def prove_limits(checked: Checked) -> tuple[Checked, dict[str, bytes]]:
    """Return a project with what only its compiled files show (their sizes), and these files; as it is and none unless `is_sound`."""
    if not checked.is_sound:
        return checked, {}
    from planloom.emit.limits import check_limits
    from planloom.emit.project import emit_plans, gather

    emitted = emit_plans(checked.plans, checked.graphs, checked.project)
    broken = check_limits(emitted)
    if broken:
        return checked._replace(diagnostics=sort_diagnostics((*checked.diagnostics, *broken))), {}
    return checked, gather(emitted, checked.project)


def compile_project(checked: Checked) -> dict[str, bytes]:
    """Return every file that compiling writes, by path relative to the project, sorted. Raises: ValueError unless `is_sound`."""
    if not checked.is_sound:
        message = "a project with errors is not compiled"
        raise ValueError(message)
    from planloom.emit.project import emit_project

    return emit_project(checked.plans, checked.graphs, checked.project)


def read_specs(root: Path) -> Specs:
    """Return the files `specs/*.yaml` (and .yml) of a project by path relative to it, and what is wrong with those not taken.

    Guarantee: nothing is read through a link that leads out of the project, nothing is waited for, and of no file more than
    tells that it is too big. Raises: InputError without specs/, or for too many files.
    """
    folder = root / SPECS
    if not folder.is_dir():
        message = f"{root} has no specs/ folder"
        raise InputError(message, hint="planloom init   # lays one down; --root DIR names another project")
    inside = root.resolve()
    paths = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"} and not path.name.startswith("."))
    if len(paths) > MAX_FILES:
        message = f"specs/ has {len(paths)} plans; {MAX_FILES} are the most"
        raise InputError(message)
    files: dict[str, bytes] = {}
    refused: list[Diagnostic] = []
    for path in paths:
        content = _read_spec(path, inside)
        if isinstance(content, Diagnostic):
            refused.append(content)
        else:
            files[f"{SPECS}/{path.name}"] = content
    return Specs(files, tuple(refused))


def _read_spec(path: Path, inside: Path) -> bytes | Diagnostic:
    """Return what a file of `specs/` holds, or why that is not taken."""
    message, advice = "", ""
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(inside):
            message, advice = "the file is a link that leads out of the project", "put the file itself into specs/"
        elif not target.is_file():
            # Opening a pipe would wait for a writer for ever.
            message, advice = "this is a folder, a pipe or a device, no file", "move it out of specs/"
        else:
            with target.open("rb") as file:
                # One byte more than is allowed is enough for the reader to say that the file is too big.
                return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        message, advice = "the file is a link that leads nowhere", "put the file itself into specs/, or remove the link"
    except (OSError, RuntimeError) as problem:
        # RuntimeError: what Python before 3.13 says of a link that leads to itself.
        reason = (problem.strerror if isinstance(problem, OSError) else "") or "the link leads to itself"
        message, advice = f"the file can't be read: {reason}", "make it readable, or move it out of specs/"
    return error("outside-file", message, Span(f"{SPECS}/{path.name}", 1, 1, 1, 1), help=advice)


def _read_project(files: Mapping[str, bytes], found: list[Diagnostic]) -> Project:
    content = files.get(PROJECT_FILE)
    if content is None:
        return Project()
    node, wrong = read(PROJECT_FILE, content)
    found.extend(wrong)
    if node is None:
        return Project()
    result = shape.check_project(node, Span(PROJECT_FILE, 1, 1, 1, 1))
    found.extend(result.diagnostics)
    if result.node is None:
        return Project()
    project, wrong = build_project(PROJECT_FILE, content, result.node)
    found.extend(wrong)
    return project


def _read_plan(path: str, content: bytes, found: list[Diagnostic], known: dict[str, Written]) -> Plan | None:
    if not path.endswith(".yaml"):
        span = Span(path, 1, 1, 1, 1)
        found.append(error("outside-file", "a plan's file ends in .yaml", span, help=f"rename it to {path[:-4]}.yaml"))
        return None
    node, wrong = read(path, content)
    found.extend(wrong)
    if node is None:
        return None
    result = shape.check_plan(node, Span(path, 1, 1, 1, 1))
    found.extend(result.diagnostics)
    if result.node is None:
        return None
    plan, wrong = build_plan(path, content, result.node, result.refused)
    found.extend(wrong)
    known[path] = names_as_written(node)
    return plan
