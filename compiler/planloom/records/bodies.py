"""Bodies: what a record of each event says beside the frame that all share. The tables here are the format.

`FIELDS` is what is written, read and published as JSON Schema; a new event or field begins here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from planloom.records.kinds import (
    AMOUNTS,
    DEPENDENCIES,
    DIGEST,
    DIGESTS,
    FLAG,
    INTEGER,
    MAPPING,
    OPTIONAL_DIGEST,
    OPTIONAL_TIMESTAMP,
    RESULT,
    SCALARS,
    TEXT,
    TEXTS,
    TIMESTAMP,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planloom.records.references import Dependency

FOLDERS: Final[Mapping[str, str]] = {
    "opened": "work-items",
    "migrated": "work-items",
    "closed": "work-items",
    "claimed": "claims",
    "abandoned": "claims",
    "retried": "claims",
    "acquired": "claims",
    "released": "claims",
    "completed": "handoff",
    "failed": "handoff",
    "superseded": "handoff",
    "refused": "handoff",
    "integrated": "handoff",
    "approved": "gates",
    "rejected": "gates",
    "reverted": "reverts",
    "invalidated": "reverts",
}
"""In which folder of `artifacts/` a record of each event lies; the keys are all the events there are."""


class Opened(NamedTuple):
    """A work item begins. Its subjects are the files of the compiled plan, which lie beside the record."""

    params: Mapping[str, str | int | bool]
    commit: str
    branch: str
    repository: str
    reason: str
    follow: bool


class Claimed(NamedTuple):
    """The exclusive right to one attempt. `pid`, `boot_id` (or run and attempt in `builder`, or `lease`) tell whether the holder can be alive."""

    executor: str
    pid: int
    boot_id: str
    lease: str
    depends_on: tuple[Dependency, ...]
    approvals: tuple[str, ...]
    resources: Mapping[str, int]


class Finished(NamedTuple):
    """The end of an attempt (completed, failed, superseded, refused). `claim` is the claim's payload digest; `baseline` is `pre`, or `post` when integrated by it."""

    claim: str
    executor: str
    result: str
    outcome: str
    next_action: str
    reason: str
    baseline: str
    exit_code: int
    started: str
    finished: str
    depends_on: tuple[Dependency, ...]
    store: str
    manifest: bool


class Integrated(NamedTuple):
    """A completed step became part of the baseline by hand."""

    handoff: str
    reason: str


class Abandoned(NamedTuple):
    """A claim whose holder is gone. `evidence`: process-gone, run-over, newer-run-attempt, lease-over or override."""

    claim: str
    evidence: str
    reason: str


class Retried(NamedTuple):
    """One more attempt after the automatic ones."""

    reason: str


class Reverted(NamedTuple):
    """An integrated handoff is taken back; `affected` are the steps invalidated with it."""

    handoff: str
    reason: str
    cascade: bool
    affected: tuple[str, ...]


class Invalidated(NamedTuple):
    """What was done no longer counts. `cause` is the nonce of the record that says why; `origin` its step."""

    cause: str
    origin: str
    reason: str


class Decided(NamedTuple):
    """An approver's decision (approved, rejected), bound to the inputs that were shown. `expires` may be ""."""

    inputs: tuple[Dependency, ...]
    reason: str
    expires: str
    reentry_step: str


class Migrated(NamedTuple):
    """A work item moves to another version of its plan. `mapping`: step key → kept, invalidated, added or removed."""

    from_digest: str
    mapping: Mapping[str, str]
    commit: str
    reason: str


class Closed(NamedTuple):
    """A work item ends: `result` is `completed`, or `stopped` by an operator with a reason."""

    result: str
    reason: str


class Acquired(NamedTuple):
    """Units of a resource are taken by attempts (acquired) or given back (released): holder (`<chain>#<attempt>`) → units."""

    holders: Mapping[str, int]


Body: TypeAlias = (
    Opened
    | Claimed
    | Finished
    | Integrated
    | Abandoned
    | Retried
    | Reverted
    | Invalidated
    | Decided
    | Migrated
    | Closed
    | Acquired
)


class Field(NamedTuple):
    """One field of a body: its name here, its key in JSON, its kind."""

    name: str
    key: str
    kind: Kind


def _fields(**kinds: Kind) -> tuple[Field, ...]:
    def key(name: str) -> str:
        head, *rest = name.split("_")
        return head + "".join(word.capitalize() for word in rest)

    return tuple(Field(name, key(name), kind) for name, kind in kinds.items())


_FINISHED: Final = _fields(
    claim=OPTIONAL_DIGEST,
    executor=TEXT,
    result=RESULT,
    outcome=TEXT,
    next_action=TEXT,
    reason=TEXT,
    baseline=TEXT,
    exit_code=INTEGER,
    started=TIMESTAMP,
    finished=TIMESTAMP,
    depends_on=DEPENDENCIES,
    store=TEXT,
    manifest=FLAG,
)
_DECIDED: Final = _fields(inputs=DEPENDENCIES, reason=TEXT, expires=OPTIONAL_TIMESTAMP, reentry_step=TEXT)
_HELD: Final = _fields(holders=AMOUNTS)

FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    "opened": _fields(params=SCALARS, commit=TEXT, branch=TEXT, repository=TEXT, reason=TEXT, follow=FLAG),
    "claimed": _fields(
        executor=TEXT,
        pid=INTEGER,
        boot_id=TEXT,
        lease=OPTIONAL_TIMESTAMP,
        depends_on=DEPENDENCIES,
        approvals=DIGESTS,
        resources=AMOUNTS,
    ),
    "completed": _FINISHED,
    "failed": _FINISHED,
    "superseded": _FINISHED,
    "refused": _FINISHED,
    "integrated": _fields(handoff=DIGEST, reason=TEXT),
    "abandoned": _fields(claim=DIGEST, evidence=TEXT, reason=TEXT),
    "retried": _fields(reason=TEXT),
    "reverted": _fields(handoff=DIGEST, reason=TEXT, cascade=FLAG, affected=TEXTS),
    "invalidated": _fields(cause=TEXT, origin=TEXT, reason=TEXT),
    "approved": _DECIDED,
    "rejected": _DECIDED,
    "migrated": _fields(from_digest=DIGEST, mapping=MAPPING, commit=TEXT, reason=TEXT),
    "closed": _fields(result=TEXT, reason=TEXT),
    "acquired": _HELD,
    "released": _HELD,
}

BODIES: Final[Mapping[str, Callable[..., Body]]] = {
    "opened": Opened,
    "claimed": Claimed,
    "completed": Finished,
    "failed": Finished,
    "superseded": Finished,
    "refused": Finished,
    "integrated": Integrated,
    "abandoned": Abandoned,
    "retried": Retried,
    "reverted": Reverted,
    "invalidated": Invalidated,
    "approved": Decided,
    "rejected": Decided,
    "migrated": Migrated,
    "closed": Closed,
    "acquired": Acquired,
    "released": Acquired,
}
