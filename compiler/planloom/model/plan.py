"""The plan as values: what a spec says after parsing, with the place of every part.

Parse, don't validate: a `Plan` exists only when every value has its type and range. What needs the whole plan
(unknown needs, cycles, policies) is checked later, over this.
"""

# No `from __future__ import annotations`: a NamedTuple compiles each annotation that is text, which takes longer than this module.

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from planloom.core.canonical import Json
from planloom.syntax.nodes import MapNode

Scalar: TypeAlias = "str | int | bool"
Execution: TypeAlias = Literal["isolated", "direct"]
Loop: TypeAlias = Literal["auto", "manual"]
Collect: TypeAlias = Literal["end", "wave", "never"]


class Param(NamedTuple):
    """A value given when a work item is opened. `schema` is the JSON Schema of the value (type, pattern, enum, default …)."""

    name: str
    schema: Mapping[str, Json]
    node: MapNode


class Resource(NamedTuple):
    """Something that is shared by all work items of the repository, `capacity` units of it."""

    name: str
    capacity: int
    node: MapNode


class WorkflowSettings(NamedTuple):
    """How the plan becomes workflows. `schedule` holds cron lines; `privileges_acknowledged` a digest or ""."""

    prefix: str
    execution: Execution
    loop: Loop
    collect: Collect
    schedule: tuple[str, ...]
    privileges_acknowledged: str


class RunsOn(NamedTuple):
    """Where a step runs: labels, and a runner group or "". `is_text`: written as one label, emitted as one."""

    labels: tuple[str, ...]
    group: str = ""
    is_text: bool = True


class Gate(NamedTuple):
    """What a step waits for: `approvals` distinct keys with `role`."""

    role: str
    approvals: int


class Step(NamedTuple):
    """One step after foreach expansion, with defaults applied.

    Shape: `group` is the key as written when the step comes from a `foreach`, else ""; `each` the axis values; `needs` are
    step keys (groups expanded) in the order of the plan; exactly one of `run` (text) and `native` (GitHub
    steps as plain JSON) is non-empty, or neither for a manual step. `order` is explicit or the 1-based position.
    `permissions` maps a permission key to read, write or none. `node` is the step's mapping in the source.
    """

    key: str
    name: str
    group: str
    each: Mapping[str, str]
    order: int
    needs: tuple[str, ...]
    parallelizable: bool
    run: str
    native: tuple[Mapping[str, Json], ...]
    shell: str
    outputs: tuple[str, ...]
    env: Mapping[str, str]
    secrets: tuple[str, ...]
    runs_on: RunsOn
    matrix: Mapping[str, Scalar]
    environment: str
    container: str
    permissions: Mapping[str, str]
    timeout_minutes: int
    attempts: int
    resources: Mapping[str, int]
    gate: Gate | None
    baseline: bool
    working_directory: str
    entry_criteria: tuple[str, ...]
    exit_criteria: tuple[str, ...]
    role: str
    tasks: tuple[str, ...]
    node: MapNode

    @property
    def is_manual(self) -> bool:
        """Whether a person or an agent does this step, not a command."""
        return not self.run and not self.native


class Plan(NamedTuple):
    """One plan.

    Shape: `path` is the source relative to the project, `source_digest` the SHA-256 of its bytes; `steps` in the order
    of the file, expanded; `groups` maps a `foreach` key to its step keys.
    """

    id: str
    name: str
    version: str
    description: str
    path: str
    source_digest: str
    params: tuple[Param, ...]
    resources: tuple[Resource, ...]
    workflow: WorkflowSettings
    steps: tuple[Step, ...]
    groups: Mapping[str, tuple[str, ...]]
    node: MapNode


class Project(NamedTuple):
    """What belongs to the repository (`specs/planloom.yaml`, all optional). `pins` overrides action pins: name → (version, commit).

    `install` is how runners install planloom: "path" (the checkout itself, `pin --path .`), "wheel" or "" (not pinned: warning).
    """

    python: str = "3.13"
    ledger: str = ""
    ledger_branch: str = "planloom"
    environment: str = "planloom"
    signing_key_secret: str = "PLANLOOM_SIGNING_KEY"  # noqa: S105 - the name of a secret, not a secret
    install: str = ""
    pins: Mapping[str, tuple[str, str]] | None = None
