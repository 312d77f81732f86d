"""Records: what each kind of signed file says.

A record is an in-toto Statement v1 (https://github.com/in-toto/attestation, spec/v1/statement.md) in canonical
JSON. Every record has the same frame (plan, work item, chain, actor, time) and a body that depends on its event.
`Record.to_payload` and `Record.from_payload` are inverses; what the bodies say is `records.bodies`'. Signing is `records.envelope`'s and `trust`'s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from planloom.core import canonical, names
from planloom.core.errors import Difference, TrustError
from planloom.records.bodies import BODIES, FIELDS, Body
from planloom.records.kinds import (
    NONCE,
    expect,
    read_digest,
    read_integer,
    read_matching,
    read_natural,
    read_text,
    read_timestamp,
)
from planloom.records.references import AttemptRef, Builder, PlanRef, StepRef, Subject

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:planloom:record:v1"
SCHEMA_VERSION: Final = 1

# Flat, because verifying and signing go through it field by field.
_CODECS: Final = {event: tuple((f.name, f.key, f.kind.write, f.kind.read) for f in fields) for event, fields in FIELDS.items()}

_BUILDER_KEYS: Final = ("id", "runId", "runAttempt", "commit")


class RecordError(TrustError):
    """Bytes that are not a record of ours; `code` is `E_PAYLOAD`, `E_NONCANONICAL` (another spelling) or `E_TYPE` (another statement)."""


class Record(NamedTuple):
    """One record: the frame that all share, and the body that its event has.

    Shape: `index` is 1-based in `chain`; `previous` is the payload digest of the entry before (of `genesis(chain)` for the first); `step`
    and `attempt` are None where the event has none.
    """

    event: str
    chain: str
    index: int  # type: ignore[assignment] # nobody asks a record where in it a value stands
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
    body: Body

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
            "body": {key: write(getattr(self.body, name)) for name, key, write, _ in _CODECS[self.event]},
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
            # What is encoded reads back as the same value, so the statement itself is read; with that its types are known. Encoding
            # and parsing it again would double what signing costs.
            read_back = _read_statement(statement)
            payload = canonical.encode_known(statement)
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

        Raises: RecordError when it is not one of ours, in canonical form and in range.
        """
        try:
            statement: Any = canonical.decode(payload)
        except canonical.NotCanonical as error:
            message = f"not a record: {error.message}, so that another program could read something else in it"
            told = Difference("payload", "RFC 8785 JSON", "the same value in another spelling")
            raise RecordError(message, code="E_NONCANONICAL", difference=told) from error
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
    return RecordError(f"not a record: {reason}", code="E_PAYLOAD", difference=Difference("payload", "a record", reason))


def _types(statement: Any) -> str:
    return ", ".join(ascii(statement[key])[1:-1][:80] for key in ("_type", "predicateType"))


def _read_statement(statement: Any) -> Record:
    if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != PREDICATE_TYPE:
        # What the same key signed for another purpose must not pass for a record.
        message = f"not a record: it is a statement of another type ({ascii(statement['predicateType'])[:80]})"
        told = Difference("_type, predicateType", f"{STATEMENT_TYPE}, {PREDICATE_TYPE}", _types(statement))
        raise RecordError(message, code="E_TYPE", difference=told)
    predicate = statement["predicate"]
    expect(read_integer(predicate["schemaVersion"]) == SCHEMA_VERSION, "schemaVersion")
    event = predicate["event"]
    expect(event in _CODECS, "event")
    body = predicate["body"]
    chain = predicate["chain"]
    step = predicate.get("step")
    attempt = predicate.get("attempt")
    subjects = tuple(Subject(read_text(s["name"]), read_digest(s["digest"]["sha256"])) for s in statement["subject"])
    expect(bool(subjects), "subject")
    return Record(
        event=event,
        chain=read_text(chain["name"]),
        index=read_natural(chain["index"]),
        previous=read_digest(chain["previous"]["sha256"]),
        nonce=read_matching(NONCE, predicate["nonce"]),
        work_item=read_text(predicate["workItem"]),
        plan=_plan_ref(predicate["plan"]["name"], predicate["plan"]["version"], predicate["plan"]["digest"]["sha256"]),
        step=None if step is None else _step_ref(step["key"], step["order"], step["digest"]["sha256"]),
        attempt=None
        if attempt is None
        else AttemptRef(read_natural(attempt["number"]), read_matching(names.ATTEMPT_ID, attempt["id"])),
        actor=read_text(predicate["actor"]),
        builder=_builder_ref(*(predicate["builder"][key] for key in _BUILDER_KEYS)),
        at=read_timestamp(predicate["at"]),
        subjects=subjects,
        body=BODIES[event](**{name: read(body[key]) for name, key, _, read in _CODECS[event]}),
    )


# Thousands of records name the same plan, step and run; `typed` keeps 1, 1.0 and true apart.
@lru_cache(maxsize=256, typed=True)
def _plan_ref(name: Any, version: Any, digest: Any) -> PlanRef:
    return PlanRef(read_text(name), read_text(version), read_digest(digest))


@lru_cache(maxsize=4096, typed=True)
def _step_ref(key: Any, order: Any, digest: Any) -> StepRef:
    return StepRef(read_matching(names.STEP_KEY, key), read_integer(order), read_digest(digest))


@lru_cache(maxsize=256, typed=True)
def _builder_ref(builder: Any, run: Any, attempt: Any, commit: Any) -> Builder:
    return Builder(read_text(builder), read_text(run), read_text(attempt), read_text(commit))
