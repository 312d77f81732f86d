"""Records: what each kind of signed file says.

A record is an in-toto Statement v1 (https://github.com/in-toto/attestation, spec/v1/statement.md) in canonical
JSON. Every record has the same frame (plan, work item, chain, actor, time) and a body that depends on its event.
`Record.to_payload` and `Record.from_payload` are inverses; the bodies are tables of fields (`FIELDS`), from
which the published JSON Schemas are generated too. Signing is `records.envelope`'s and `trust`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from planloom.core import canonical, names
from planloom.core.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:planloom:record:v1"
SCHEMA_VERSION: Final = 1

RESULTS: Final = ("success", "failure", "error", "timeout", "cancellation", "skip")
"""OpenTelemetry CI/CD semantic conventions, `cicd.pipeline.task.run.result`."""

GOOD_RESULTS: Final = frozenset({"success", "skip"})

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

_BUILDER_KEYS: Final = ("id", "runId", "runAttempt", "commit")
_HEX64: Final = re.compile(r"[0-9a-f]{64}")
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class RecordError(TrustError):
    """Bytes that are not a record of ours; `code` is `E_PAYLOAD`."""


class Subject(NamedTuple):
    """A file (path relative to the workspace) or `<plan>/<step>`, with its SHA-256."""

    name: str
    digest: str


class PlanRef(NamedTuple):
    """Which plan, exactly."""

    name: str
    version: str
    digest: str


class StepRef(NamedTuple):
    """Which step, exactly."""

    key: str
    order: int
    digest: str


class AttemptRef(NamedTuple):
    """Which try: the number is the fence, the id is what people and artifacts are named by."""

    number: int
    id: str


class Builder(NamedTuple):
    """Where it ran, as stated by whoever signed. All fields may be empty; locally only `id` is set (`local`)."""

    id: str = "local"
    run_id: str = ""
    run_attempt: str = ""
    commit: str = ""


class Dependency(NamedTuple):
    """A handoff that was built upon: the step and the payload digest of its completion."""

    step: str
    digest: str


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


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the frame that all share, and the body that its event has.

    Shape: `index` is 1-based in `chain`; `previous` is the payload digest of the entry before (of `genesis(chain)` for the first); `step`
    and `attempt` are None where the event has none.
    """

    event: str
    chain: str
    index: int
    previous: str
    nonce: str
    work_item: str
    plan: PlanRef
    step: StepRef | None
    attempt: AttemptRef | None
    actor: str
    builder: Builder
    at: str
    subjects: tuple[Subject, ...]
    body: Body = field()

    def to_payload(self) -> bytes:
        """Return the canonical statement. Raises: RecordError when a value is out of its range."""
        predicate: dict[str, Any] = {
            "schemaVersion": SCHEMA_VERSION,
            "event": self.event,
            "chain": {"name": self.chain, "index": self.index, "previous": {"sha256": self.previous}},
            "nonce": self.nonce,
            "workItem": self.work_item,
            "plan": {
                "name": self.plan.name,
                "version": self.plan.version,
                "digest": {"sha256": self.plan.digest},
            },
            "actor": self.actor,
            "builder": {
                "id": self.builder.id,
                "runId": self.builder.run_id,
                "runAttempt": self.builder.run_attempt,
                "commit": self.builder.commit,
            },
            "at": self.at,
            "body": {f.key: f.kind.write(getattr(self.body, f.name)) for f in FIELDS[self.event]},
        }
        if self.step is not None:
            predicate["step"] = {
                "key": self.step.key,
                "order": self.step.order,
                "digest": {"sha256": self.step.digest},
            }
        if self.attempt is not None:
            predicate["attempt"] = {"number": self.attempt.number, "id": self.attempt.id}
        statement: dict[str, Any] = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {"sha256": s.digest}} for s in self.subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
        try:
            payload = canonical.encode(statement)
            # What was encoded reads back as the same value, so the statement itself is read: that is half of what signing costs.
            read_back = _read_statement(statement)
        except canonical.CanonicalError as error:
            raise _refusal(error.message) from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise _refusal(f"missing or wrong part: {error}") from error
        if read_back != self:
            raise _refusal("the record does not read back as it was written")
        return payload

    @classmethod
    def from_payload(cls, payload: bytes) -> Record:
        """Return the record in a statement. Unknown keys of the predicate are ignored, as in-toto asks.

        Raises: RecordError (`E_PAYLOAD`) when it is not one of ours, in canonical form and in range.
        """
        try:
            statement: Any = canonical.decode(payload)
        except canonical.CanonicalError as error:
            raise _refusal(error.message) from error
        try:
            return _read_statement(statement)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise _refusal(f"missing or wrong part: {error}") from error


def genesis(chain: str) -> str:
    """Return what the first entry of a chain names as its previous: bound to the chain's name."""
    return canonical.digest(b"planloom-genesis/v1\n" + chain.encode("ascii") + b"\n")


def _refusal(reason: str) -> RecordError:
    return RecordError(f"not a record: {reason}", code="E_PAYLOAD")


def _read_statement(statement: Any) -> Record:
    _expect(statement["_type"] == STATEMENT_TYPE, "_type")
    _expect(statement["predicateType"] == PREDICATE_TYPE, "predicateType")
    predicate = statement["predicate"]
    _expect(_integer(predicate["schemaVersion"]) == SCHEMA_VERSION, "schemaVersion")
    event = predicate["event"]
    _expect(event in FIELDS, "event")
    body = predicate["body"]
    chain = predicate["chain"]
    step = predicate.get("step")
    attempt = predicate.get("attempt")
    subjects = tuple(Subject(_text(s["name"]), _digest(s["digest"]["sha256"])) for s in statement["subject"])
    _expect(bool(subjects), "subject")
    return Record(
        event=event,
        chain=_text(chain["name"]),
        index=_natural(chain["index"]),
        previous=_digest(chain["previous"]["sha256"]),
        nonce=_matching(_NONCE, predicate["nonce"]),
        work_item=_text(predicate["workItem"]),
        plan=_plan_ref(predicate["plan"]["name"], predicate["plan"]["version"], predicate["plan"]["digest"]["sha256"]),
        step=None if step is None else _step_ref(step["key"], step["order"], step["digest"]["sha256"]),
        attempt=None if attempt is None else AttemptRef(_natural(attempt["number"]), _matching(names.ATTEMPT_ID, attempt["id"])),
        actor=_text(predicate["actor"]),
        builder=_builder_ref(*(predicate["builder"][key] for key in _BUILDER_KEYS)),
        at=_timestamp(predicate["at"]),
        subjects=subjects,
        body=BODIES[event](**{f.name: f.kind.read(body[f.key]) for f in FIELDS[event]}),
    )


# Thousands of records name the same plan, step and run; `typed` keeps 1, 1.0 and true apart.
@lru_cache(maxsize=256, typed=True)
def _plan_ref(name: Any, version: Any, digest: Any) -> PlanRef:
    return PlanRef(_text(name), _text(version), _digest(digest))


@lru_cache(maxsize=4096, typed=True)
def _step_ref(key: Any, order: Any, digest: Any) -> StepRef:
    return StepRef(_matching(names.STEP_KEY, key), _integer(order), _digest(digest))


@lru_cache(maxsize=256, typed=True)
def _builder_ref(builder: Any, run: Any, attempt: Any, commit: Any) -> Builder:
    return Builder(_text(builder), _text(run), _text(attempt), _text(commit))


def _expect(condition: bool, what: str) -> None:  # noqa: FBT001 - an assertion about input
    if not condition:
        raise ValueError(what)


def _text(value: Any) -> str:
    # Verifying 100,000 records calls this four million times: no further call in it.
    if not isinstance(value, str):
        message = "text"
        raise TypeError(message)
    return value


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        message = "text"
        raise ValueError(message)
    return value


def _digest(value: Any) -> str:
    return _matching(_HEX64, value)


def _optional_digest(value: Any) -> str:
    return "" if value == "" else _digest(value)


def _timestamp(value: Any) -> str:
    return _matching(_TIMESTAMP, value)


def _optional_timestamp(value: Any) -> str:
    return "" if value == "" else _timestamp(value)


def _integer(value: Any) -> int:
    _expect(isinstance(value, int) and not isinstance(value, bool), "integer")
    return int(value)


def _natural(value: Any) -> int:
    _expect(_integer(value) >= 1, "positive integer")
    return int(value)


def _flag(value: Any) -> bool:
    _expect(isinstance(value, bool), "true or false")
    return bool(value)


def _result(value: Any) -> str:
    _expect(value in RESULTS, "result")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    _expect(isinstance(value, list), "list")
    return tuple(_text(item) for item in value)


def _digests(value: Any) -> tuple[str, ...]:
    _expect(isinstance(value, list), "list")
    return tuple(_digest(item) for item in value)


def _read_dependencies(value: Any) -> tuple[Dependency, ...]:
    _expect(isinstance(value, list), "list")
    return tuple(Dependency(_text(d["step"]), _digest(d["digest"]["sha256"])) for d in value)


def _write_dependencies(value: tuple[Dependency, ...]) -> Any:
    return [{"step": d.step, "digest": {"sha256": d.digest}} for d in value]


def _scalars(value: Any) -> dict[str, str | int | bool]:
    _expect(isinstance(value, dict), "object")
    _expect(all(isinstance(v, str | int) for v in value.values()), "scalars")
    return dict(value)


def _amounts(value: Any) -> dict[str, int]:
    _expect(isinstance(value, dict), "object")
    return {_text(k): _natural(v) for k, v in value.items()}


def _mapping(value: Any) -> dict[str, str]:
    _expect(isinstance(value, dict), "object")
    return {_text(k): _text(v) for k, v in value.items()}


class Kind(NamedTuple):
    """How a field's value is written, read and described (JSON Schema)."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


def _same(value: Any) -> Any:
    return value


TEXT: Final = Kind(_same, _text, {"type": "string"})
DIGEST: Final = Kind(_same, _digest, {"type": "string", "pattern": "^[0-9a-f]{64}$"})
OPTIONAL_DIGEST: Final = Kind(_same, _optional_digest, {"type": "string", "pattern": "^([0-9a-f]{64})?$"})
TIMESTAMP: Final = Kind(_same, _timestamp, {"type": "string", "format": "date-time"})
OPTIONAL_TIMESTAMP: Final = Kind(_same, _optional_timestamp, {"type": "string"})
INTEGER: Final = Kind(_same, _integer, {"type": "integer"})
NATURAL: Final = Kind(_same, _natural, {"type": "integer", "minimum": 1})
FLAG: Final = Kind(_same, _flag, {"type": "boolean"})
RESULT: Final = Kind(_same, _result, {"enum": list(RESULTS)})
TEXTS: Final = Kind(list, _texts, {"type": "array", "items": {"type": "string"}})
DIGESTS: Final = Kind(list, _digests, {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}})
SCALARS: Final = Kind(dict, _scalars, {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}})
AMOUNTS: Final = Kind(dict, _amounts, {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}})
MAPPING: Final = Kind(dict, _mapping, {"type": "object", "additionalProperties": {"type": "string"}})
DEPENDENCIES: Final = Kind(
    _write_dependencies,
    _read_dependencies,
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["step", "digest"],
            "properties": {
                "step": {"type": "string"},
                "digest": {
                    "type": "object",
                    "required": ["sha256"],
                    "properties": {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                },
            },
        },
    },
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
