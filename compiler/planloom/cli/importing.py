"""import: a plan from a task list or from a workflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.files import replace_file
from planloom.cli.options import examples, find_root, format_option, root_option
from planloom.core.errors import EXIT_DONE, Conflict, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.canonical import Json
    from planloom.emit.yaml import Tree
    from planloom.syntax.importing.imported import Imported

MAX_BYTES = 1024 * 1024
"""A task list or workflow has a few kilobytes; GitHub takes workflows of at most 500 KB."""


MODELINE = b"# yaml-language-server: $schema=../generated/schema/plan.schema.json\n"
"""Leads editors to the published schema: titles, help and completion without an extension of ours."""


@click.command(
    "import",
    epilog=examples(
        ("a list of tasks, into specs/", "planloom import tasks.md"),
        ("the jobs of a workflow", "planloom import .github/workflows/ci.yml --id ci"),
        ("look first", "planloom import tasks.md --stdout"),
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--id", "plan_id", default="", metavar="ID", help="The plan's id (default: from the file's name).")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the plan instead of writing it into specs/.")
@click.option("--force", is_flag=True, help="Overwrite a plan of this id.")
@root_option
@format_option
def import_(file: Path, plan_id: str, root: Path | None, style: str, *, to_stdout: bool, force: bool) -> int:
    """Make a plan from what you have: a task list (tasks.md) or a GitHub workflow (ci.yml).

    What a plan can't say is reported with its place; nothing is dropped silently. JSON: {schema, path, steps, written, plan,
    notes[] {path, line, column, message}}, where plan is its text.
    """
    from planloom.core.names import is_plan_id
    from planloom.emit.yaml import write
    from planloom.syntax.importing.imported import make_key
    from planloom.syntax.layout import lay_out

    content = _read(file)
    name = file.parent.name if file.name == "tasks.md" and file.parent.name else file.stem
    wanted = plan_id or make_key(name, "plan")
    if not is_plan_id(wanted):
        message = f"'{wanted}' can't be a plan's id"
        raise InputError(message, hint="--id takes lower-case letters, digits and hyphens")
    imported = _import(file, content, wanted)
    if not imported.tree["steps"]:
        message = f"{file} holds nothing that could become a step"
        raise InputError(message, hint="tasks look like `- [ ] T001 text`; a workflow has jobs")
    path = f"specs/{wanted}.yaml"
    text = lay_out(path, MODELINE + write(_with_versions(imported)))
    if not to_stdout:
        _write(_project(root), path, text, force=force)
    if style == "json":
        screen.product_json(_document(path, text, imported, written=not to_stdout))
    else:
        for note in imported.notes:
            screen.say(f"{note.span.path}:{note.span.line}:{note.span.column}: {note.message}")
        steps, notes = len(imported.tree["steps"]), len(imported.notes)
        said = f"{path}: {steps} step{'s' if steps != 1 else ''}, {notes} note{'s' if notes != 1 else ''}"
        screen.product(text.decode("utf-8") if to_stdout else said)
    if not to_stdout:
        screen.suggest("planloom validate")
    return EXIT_DONE


def _project(root: Path | None) -> Path:
    """Return the project's folder. Where there is none, one begins: in the folder named, at the top of the repository, or right here."""
    if root is not None and root.is_dir():
        return root.resolve()
    try:
        return find_root(root)
    except InputError:
        if root is not None:
            raise
        here = Path.cwd()
        return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _write(folder: Path, path: str, text: bytes, *, force: bool) -> None:
    """Write the plan. Raises: Conflict when there is one and it is not to be overwritten."""
    if (folder / path).exists() and not force:
        message = f"{path} is there already"
        raise Conflict(message, hint="--id names another plan, --force overwrites this one")
    (folder / "specs").mkdir(exist_ok=True)
    replace_file(folder / path, text)


def _with_versions(imported: Imported) -> Mapping[str, Tree]:
    """Return the plan with the version of each pinned action as a comment behind it: forty digits tell nobody which that is."""
    from planloom.emit.yaml import Noted

    def noted(native: Mapping[str, Tree]) -> Mapping[str, Tree]:
        uses = str(native.get("uses", ""))
        return {**native, "uses": Noted(uses, imported.versions[uses])} if uses in imported.versions else native

    steps = [
        {**step, "steps": [noted(one) for one in step["steps"]]} if "steps" in step else step for step in imported.tree["steps"]
    ]
    return {**imported.tree, "steps": steps}


def _document(path: str, text: bytes, imported: Imported, *, written: bool) -> Json:
    return {
        "schema": "planloom/import/v1",
        "path": path,
        "steps": len(imported.tree["steps"]),
        "written": written,
        "plan": text.decode("utf-8"),
        "notes": [
            {"path": note.span.path, "line": note.span.line, "column": note.span.column, "message": note.message}
            for note in imported.notes
        ],
    }


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as problem:
        message = f"{file} can't be read: {problem.strerror}"
        raise InputError(message) from problem
    if len(content) > MAX_BYTES:
        message = f"{file} has more than {MAX_BYTES} bytes"
        raise InputError(message)
    return content


def _import(file: Path, content: bytes, plan_id: str) -> Imported:
    from planloom.emit.pins import read_pins
    from planloom.syntax.importing.tasks import import_tasks
    from planloom.syntax.importing.workflow import import_workflow, is_workflow
    from planloom.syntax.nodes import MapNode
    from planloom.syntax.reader import read

    path = file.as_posix()
    if file.suffix.lower() in {".md", ".markdown", ".txt"}:
        try:
            return import_tasks(path, content.decode("utf-8"), plan_id)
        except UnicodeDecodeError as problem:
            message = f"{file} is not UTF-8"
            raise InputError(message) from problem
    node, found = read(path, content, aliases=True)
    if found:
        first = found[0]
        message = f"{path}:{first.span.line}:{first.span.column}: {first.message}"
        raise InputError(message, hint=first.help)
    if not isinstance(node, MapNode) or not is_workflow(node):
        message = f"{file} is no task list and no GitHub workflow"
        raise InputError(message, hint="a workflow has `jobs`; a task list ends in .md")
    return import_workflow(node, plan_id, read_pins(None).table)
