"""GitHub workflows as values: only the part of GitHub's language that we emit.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
"""

# No `from __future__ import annotations`: a NamedTuple compiles each annotation that is text, which takes longer than this module.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from planloom.core.canonical import Json

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Permission(NamedTuple):
    """One right of a job's token, and why the job has it (shown as a comment)."""

    name: str
    level: str
    why: str


class Concurrency(NamedTuple):
    """A courtesy: runs of one group wait for each other, or the newest cancels the others. Exclusivity is the ledger's, never this."""

    group: str
    newest_only: bool = False


class UsesStep(NamedTuple):
    """A step that runs an action. `version` is the tag behind the commit, shown as a comment."""

    name: str
    action: str
    commit: str
    version: str
    inputs: Mapping[str, str | bool | int] = _NONE
    condition: str = ""


class RunStep(NamedTuple):
    """A step that runs a command of ours in bash; user text reaches it only through `env`."""

    name: str
    run: str
    env: Mapping[str, str] = _NONE
    id: str = ""
    condition: str = ""


class NativeStep(NamedTuple):
    """A step of the plan's author, in GitHub's own form."""

    tree: Mapping[str, Json]


Step: TypeAlias = UsesStep | RunStep | NativeStep


class Job(NamedTuple):
    """A job with steps.

    Shape: `runs_on`, `timeout_minutes` and `matrix` may be expressions; `matrix` is the list that `include` gets, "" for a job without
    one; `outputs` maps an output to its expression.
    """

    id: str
    name: str
    runs_on: str
    timeout_minutes: int | str
    permissions: tuple[Permission, ...]
    steps: tuple[Step, ...]
    environment: str = ""
    needs: tuple[str, ...] = ()
    condition: str = ""
    outputs: Mapping[str, str] = _NONE
    concurrency: Concurrency | None = None
    matrix: str = ""


class CallJob(NamedTuple):
    """A job that calls a workflow of this repository. `workflow` is its file name."""

    id: str
    name: str
    workflow: str
    permissions: tuple[Permission, ...]
    inputs: Mapping[str, str]
    secrets: Mapping[str, str] = _NONE
    needs: tuple[str, ...] = ()
    condition: str = ""


class Input(NamedTuple):
    """An input of a dispatched or called workflow; always text. With `options` it is one of them, at first `default`."""

    name: str
    description: str
    required: bool = False
    options: tuple[str, ...] = ()
    default: str = ""


class Triggers(NamedTuple):
    """What starts a workflow: exactly what is given here."""

    dispatch: tuple[Input, ...] | None = None
    call: tuple[Input, ...] | None = None
    call_secrets: tuple[str, ...] = ()
    schedule: tuple[str, ...] = ()
    pull_request: bool = False


class Workflow(NamedTuple):
    """One workflow file. `file` is its name in `.github/workflows/`; `header` the comment lines at its top, without `# `."""

    file: str
    header: tuple[str, ...]
    name: str
    triggers: Triggers
    jobs: tuple[Job | CallJob, ...]
    run_name: str = ""
    concurrency: Concurrency | None = None

    @property
    def path(self) -> str:
        """Where the file lies, relative to the project."""
        return f".github/workflows/{self.file}"
