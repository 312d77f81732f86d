"""Laying down a project: what is missing is added, what exists is never changed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom import api
from planloom.core.diagnostics import Severity
from planloom.core.errors import InputError, PlanloomError, StoreError
from planloom.core.surroundings import has_unfinished_policy
from planloom.ledger import disk
from planloom.runtime.claiming import Won, claim_step
from planloom.runtime.completing import Completed, complete_attempt
from planloom.runtime.executing import Task, carry_out
from planloom.trust.policyjournal import finish_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.pipeline import Checked

FOLDERS: Final = ("claims", "exports", "gates", "handoff", "reverts", "schedule", "work-items")
STRUCTURED_ITEM: Final = "work-item-001-create-a-structured"

EXAMPLES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "release": {
        "app/greet.sh": ("greet.sh", ""),
        "specs/release.yaml": ("release.yaml", "a plan of 5 steps: lint, two tests, build, publish (waits for an approval)"),
    },
    "structured": {
        "tests/smoke.sh": ("smoke.sh", "the verbs of a workflow, by hand"),
        "specs/001-create-a-structured.yaml": ("structured.yaml", "a plan of 7 phases, each with entry and exit criteria"),
    },
    "none": {},
}
"""Example → file → (data file, what to say of it; "" for nothing); the plan last: where there is one, the rest of its example is there."""


@dataclass(frozen=True, slots=True)
class LaidDown:
    """What was added: (path, what it is) of what is worth showing, and the command that comes next."""

    shown: tuple[tuple[str, str], ...]
    next_command: str


def lay_down(directory: Path, example: str | None) -> LaidDown:
    """Add what a project lacks: an example plan (not where there are plans), keys, policy, folders, compiled workflows.

    Raises: InputError when the folder holds an example's file already, or its plans have errors; StoreError when it can't be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Two that begin at once would each find nothing and make other keys; the second finds what the first laid down.
        with disk.locked_folder(directory):
            return _lay_all(directory, example)
    except OSError as error:
        message = f"{error.filename or directory}: {error.strerror}"
        raise StoreError(message, hint="name a folder that you may write to") from error


def _lay_all(directory: Path, example: str | None) -> LaidDown:
    has_plans = any((directory / "specs").glob("*.yaml"))
    if example and example != "none" and has_plans:
        message = f"{directory}/specs has plans already"
        raise InputError(message, hint="planloom init   # without --example it adds what is missing; or name another folder")
    chosen = example or ("none" if has_plans else "release")
    finish_left(directory)
    _refuse_unfinished(directory, chosen)
    shown = _lay_example(directory, chosen)
    # Before there are keys: whoever dies between must not leave some that git would take in.
    _lay_git_files(directory)
    shown += lay_down_trust(directory)
    _lay_folders(directory)
    wanted = _wanted_keys(directory)
    if wanted:
        # Without these keys the plans do not compile: what init can lay down is there, the rest is for people.
        return LaidDown(tuple(shown), wanted)
    shown += _compile(directory)
    command = "planloom run"
    if chosen == "structured":
        shown += _start_structured(directory)
        command = f'planloom delegate --structured-work-item {STRUCTURED_ITEM} --prompt "Generate schedule"'
    elif chosen == "none" and not has_plans:
        # Nothing is there to be run: the plan is the user's to write.
        command = "planloom validate"
    return LaidDown(tuple(shown), command)


def _refuse_unfinished(directory: Path, example: str) -> None:
    """See that everything can be laid down before anything is. Raises: InputError."""
    from planloom.pipeline import load_project

    taken = next((directory / path for path, (name, _) in EXAMPLES[example].items() if _is_other(directory / path, name)), None)
    if taken is not None:
        message = f"{taken} exists already"
        raise InputError(message, hint="name another folder")
    _refuse_strange_keys(directory)
    if any((directory / "specs").glob("*.yaml")) and _errors(load_project(directory)) - LACK_OF_KEYS:
        message = f"the plans in {directory / 'specs'} have errors"
        raise InputError(message, hint="planloom validate   # shows them")


LACK_OF_KEYS: Final = frozenset({"PL501", "PL502"})
"""The errors of a plan that only a key more repairs: nobody has a gate's role, or too few have it."""


def _errors(checked: Checked) -> set[str]:
    return {found.code for found in checked.diagnostics if found.severity is Severity.ERROR}


def _wanted_keys(directory: Path) -> str:
    """Return the command that makes and trusts the keys for which the plans' gates wait; "" when they wait for none."""
    from planloom.pipeline import load_project
    from planloom.trust.policyfiles import load_policy

    if not any((directory / "specs").glob("*.yaml")):
        return ""
    checked = load_project(directory)
    if not _errors(checked) & LACK_OF_KEYS:
        return ""
    policy = load_policy(directory)
    commands = []
    needed: dict[str, int] = {}
    for gate in (step.gate for plan in checked.plans for step in plan.steps if step.gate is not None):
        needed[gate.role] = max(needed.get(gate.role, 1), gate.approvals, policy.thresholds.get(gate.role, 1))
    for role, count in sorted(needed.items()):
        there = len(policy.holders(role))
        free = (name for number in range(1, 1000) if policy.named(name := f"{role}-{number}") is None)
        names = islice(free, max(0, count - there))
        commands += [f"planloom keys new {name} && planloom keys trust {name} --role {role}" for name in names]
    return " && ".join([*commands, "planloom compile"]) + "   # or the keys of people, one each: see planloom keys --help"


def _refuse_strange_keys(directory: Path) -> None:
    from planloom.trust.policyfiles import POLICY_PATH

    if (directory / POLICY_PATH).exists():
        return
    for name in ("you", "ci"):
        place = directory / ".planloom" / f"{name}.pem"
        if place.exists():
            message = f"{place} exists, but there is no trust policy that names it"
            raise InputError(
                message, hint=f"planloom keys trust {name} --role ROLE   # adds it to a policy; or move {name}.pem away"
            )


def _write_new(path: Path, content: bytes) -> bool:
    """Write a file unless it exists, whole or not at all: half of one would stand in the way of the next try; returns whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, content)
    return True


def _is_other(path: Path, example: str) -> bool:
    """Return whether something lies in a place that is not what an example brings there; that may be left from an init that was cut off."""
    return path.exists() and not (path.is_file() and path.read_bytes() == read_example(example))


def read_example(name: str) -> bytes:
    """Return a data file of an example."""
    return resources.files("planloom.scaffold").joinpath("examples", name).read_bytes()


def _lay_example(directory: Path, example: str) -> list[tuple[str, str]]:
    shown = []
    for path, (name, what) in EXAMPLES[example].items():
        _write_new(directory / path, read_example(name))
        if what:
            shown.append((path, what))
    return shown


def lay_down_trust(directory: Path) -> list[tuple[str, str]]:
    """Add two keys and a trust policy that names them, unless there is a policy; returns what was added."""
    from planloom.trust.keyfiles import write_private_key
    from planloom.trust.keys import generate
    from planloom.trust.policy import new_policy
    from planloom.trust.policyfiles import POLICY_PATH, policy_files
    from planloom.trust.policyjournal import Renaming, new_key_path, policy_lock, put_in_force

    if (directory / POLICY_PATH).exists():
        return []
    with policy_lock(directory):
        if (directory / POLICY_PATH).exists():
            return []
        _refuse_strange_keys(directory)
        keys = {name: generate() for name in ("you", "ci")}
        try:
            for name, key in keys.items():
                # Somebody may have died here before us: no policy names that key, or it would have taken its name with the lock.
                new_key_path(directory, name).unlink(missing_ok=True)
                write_private_key(new_key_path(directory, name), key)
            first = new_policy(keys["you"].key, keys["ci"].key)
            put_in_force(directory, policy_files(first, [keys["you"]]), map(Renaming, keys))
        except PlanloomError:
            for name in () if has_unfinished_policy(directory) else keys:
                new_key_path(directory, name).unlink(missing_ok=True)
            raise
    return [
        (POLICY_PATH, "who may sign what"),
        (".planloom/you.pem", "your key: approves and reverts          (0600, ignored by git)"),
        (".planloom/ci.pem", "the runner's key: claims and hands off  (0600, ignored by git)"),
    ]


def _lay_folders(directory: Path) -> None:
    for folder in FOLDERS:
        (directory / "artifacts" / folder).mkdir(parents=True, exist_ok=True)
    _write_new(directory / "artifacts" / "README.md", read_example("artifacts.md"))


LINES: Final[Mapping[str, tuple[str, ...]]] = {
    ".gitignore": ("/.planloom/", "/artifacts/.ledger/"),
    ".gitattributes": ("/generated/** linguist-generated=true -text", "/artifacts/** -text"),
}


def _lay_git_files(directory: Path) -> None:
    """Add the lines that keep keys out of git and bytes as they are; lines that are there stay."""
    for name, wanted in LINES.items():
        path = (directory / name).resolve()
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        missing = [line for line in wanted if line not in text.splitlines()]
        if missing:
            joint = "" if not text or text.endswith("\n") else "\n"
            # Beside and then in its place: half of it would lack the lines of others.
            beside = path.with_name(f"{name}.planloom-new")
            beside.write_text(text + joint + "".join(f"{line}\n" for line in missing), encoding="utf-8", newline="\n")
            if path.exists():
                beside.chmod(path.stat().st_mode)
            beside.replace(path)
    owners = directory / ".github" / "CODEOWNERS"
    _write_new(
        owners,
        b"# Plans and the trust policy decide what runs and who may sign: name who must review them.\n# /specs/ @your-team\n",
    )


def _compile(directory: Path) -> list[tuple[str, str]]:
    from planloom.emit.tree import write_tree
    from planloom.pipeline import compile_project, load_project

    if not any((directory / "specs").glob("*.yaml")):
        return []
    checked = load_project(directory)
    if not checked.is_sound:
        message = f"the plans in {directory / 'specs'} have errors"
        raise InputError(message, hint="planloom validate   # shows them")
    files = compile_project(checked)
    write_tree(directory, files)
    count = sum(path.startswith(".github/workflows/") for path in files)
    source = "plan" if len(checked.plans) == 1 else "plans"
    return [(".github/workflows/", f"{count} workflows, compiled from the {source}")]


def _start_structured(directory: Path) -> list[tuple[str, str]]:
    """Open the example's work item and hand off its first phase: laying down the folder was that phase."""
    session = api.open_session(directory.resolve(), ledger="files")
    api.open_item(session, STRUCTURED_ITEM, "", {}, "planloom init")
    claimed = claim_step(session, STRUCTURED_ITEM, "phase-setup", process=True)
    if not isinstance(claimed, Won):
        message = f"work item {STRUCTURED_ITEM} is there already"
        raise InputError(message, hint=f"planloom status {STRUCTURED_ITEM}")
    result = carry_out(
        session,
        Task(claimed.view, claimed.step, claimed.claim, claimed.attempt),
        directory.resolve(),
        api.output_store(session),
        _ignore,
    )
    done = complete_attempt(
        session,
        STRUCTURED_ITEM,
        "phase-setup",
        claimed.attempt.id,
        result._replace(outcome="Project laid down", next_action="Write the tests"),
    )
    if not isinstance(done, Completed) or done.event != "completed":
        message = f"the project was laid down, but its first phase failed: {result.reason}"
        raise InputError(message, hint=f"planloom why {STRUCTURED_ITEM} phase-setup")
    return [(f"artifacts/work-items/{STRUCTURED_ITEM}/", "the work item; its first phase, phase-setup, is handed off")]


def _ignore(piece: bytes) -> None:
    del piece
