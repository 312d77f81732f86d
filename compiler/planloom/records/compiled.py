"""The compiled plan: what a runner reads instead of YAML.

Two files. `plan.json` is a small canonical-JSON header; `steps.jsonl` holds one canonical line a step, sorted by
key, so that one step is found by bisection without parsing the others. The header's digest covers everything
that decides behaviour, and through the Merkle root of the step digests every line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from planloom.core import canonical
from planloom.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.core.canonical import Json

HEADER_SCHEMA: Final = "planloom/compiled/v1"
HEADER_NAME: Final = "plan.json"
STEPS_NAME: Final = "steps.jsonl"


class CompiledStep(NamedTuple):
    """One step as the runtime sees it.

    Shape: `definition` is what the step is (its digest says so): key, name, needs, run, native, shell, outputs, env, secrets,
    runsOn, matrix, environment, container, permissions, timeoutMinutes, attempts, resources, gate, baseline, workingDirectory,
    entryCriteria, exitCriteria, role, tasks, each, group; absent keys mean the empty value. `order`, `position` (1-based
    place in the linear extension), `parallelizable`, `after` (barrier edges beside `needs`, sorted by position)
    and `profile` (the execute job that carries it) are where the step stands in its plan and are not in its digest.
    """

    key: str
    digest: str
    order: int
    position: int
    parallelizable: bool
    after: tuple[str, ...]
    profile: str
    definition: Mapping[str, Any]

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps whose outputs this one gets."""
        return tuple(self.definition.get("needs", ()))

    @property
    def predecessors(self) -> tuple[str, ...]:
        """Every step that must have ended well before this one starts: needs, then barriers."""
        return tuple(dict.fromkeys((*self.needs, *self.after))) if self.after else self.needs

    @property
    def name(self) -> str:
        """What people call the step; the key when the plan gives no name."""
        return str(self.definition.get("name", self.key))

    @property
    def run(self) -> str:
        """The command, or the empty string."""
        return str(self.definition.get("run", ""))

    @property
    def is_manual(self) -> bool:
        """Whether a person or an agent does this step."""
        return not self.definition.get("run") and not self.definition.get("native")

    @property
    def attempts(self) -> int:
        """How many attempts are made automatically."""
        return int(self.definition.get("attempts", 1))

    @property
    def baseline(self) -> bool:
        """Whether its completion is integrated at once."""
        return bool(self.definition.get("baseline", False))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Glob patterns of the files it hands on."""
        return tuple(self.definition.get("outputs", ()))

    @property
    def resources(self) -> dict[str, int]:
        """Units it holds of each resource while it runs."""
        return dict(self.definition.get("resources", {}))

    @property
    def gate(self) -> tuple[str, int] | None:
        """The role and the number of approvals it waits for."""
        gate = self.definition.get("gate")
        return (str(gate["role"]), int(gate["approvals"])) if gate else None

    @property
    def timeout_minutes(self) -> int:
        """After how many minutes the command is ended."""
        return int(self.definition.get("timeoutMinutes", 30))

    def to_line(self) -> bytes:
        """Return the canonical line, with its newline."""
        return self.line_with(canonical.encode(dict(self.definition)))

    def line_with(self, definition: bytes) -> bytes:
        """Return the line around a definition that is encoded already: compiling needs its bytes for the digest anyway."""
        # Keys, profiles and digests are words of a safe alphabet, so nothing in them needs an escape.
        after = ",".join(f'"{key}"' for key in self.after)
        head = f'{{"after":[{after}],"definition":'
        tail = (
            f',"digest":"{self.digest}","key":"{self.key}","order":{self.order},"parallelizable":'
            f'{"true" if self.parallelizable else "false"},"position":{self.position},"profile":"{self.profile}"}}\n'
        )
        return head.encode("ascii") + definition + tail.encode("ascii")

    @classmethod
    def from_line(cls, line: bytes) -> CompiledStep:
        """Return the step of one line. Raises: StoreError when the line or its digest is not sound."""
        try:
            value: Any = canonical.decode(line.removesuffix(b"\n"))
            step = cls(
                key=value["key"],
                digest=value["digest"],
                order=value["order"],
                position=value["position"],
                parallelizable=value["parallelizable"],
                after=tuple(value["after"]),
                profile=value["profile"],
                definition=value["definition"],
            )
        except (canonical.CanonicalError, KeyError, TypeError, IndexError) as error:
            message = "a line of the compiled plan can't be read"
            raise StoreError(message, hint="run `planloom compile`") from error
        if step_digest(step.definition) != step.digest:
            message = f"step {step.key} of the compiled plan does not have its digest"
            raise StoreError(message, hint="run `planloom compile`")
        return step


class CompiledPlan(NamedTuple):
    """The header of a compiled plan.

    Shape: `order` is the linear extension (step keys); `steps_root` the RFC 6962 Merkle root of the step digests (32 raw bytes each) in
    key order; `settings` is canonical JSON: execution, loop, collect, prefix, params (name → schema), resources
    (name → capacity), profiles. `compiler` is outside the digest.
    """

    id: str
    name: str
    version: str
    source_path: str
    source_digest: str
    order: tuple[str, ...]
    steps_root: str
    settings: Mapping[str, Any]
    compiler: str

    @property
    def digest(self) -> str:
        """The plan digest: SHA-256 of the header without the compiler's version."""
        return canonical.digest(canonical.encode(self._value()))

    def _value(self) -> dict[str, Json]:
        return {
            "schema": HEADER_SCHEMA,
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "source": {"path": self.source_path, "digest": self.source_digest},
            "order": list(self.order),
            "stepsRoot": self.steps_root,
            "settings": dict(self.settings),
        }

    def to_bytes(self) -> bytes:
        """Return `plan.json`: canonical, with a final newline."""
        value = self._value() | {"compiler": self.compiler, "digest": self.digest}
        return canonical.encode(value) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> CompiledPlan:
        """Return the header. Raises: StoreError when it can't be read or its digest is wrong."""
        try:
            value: Any = canonical.decode(content.removesuffix(b"\n"))
            plan = cls(
                id=value["id"],
                name=value["name"],
                version=value["version"],
                source_path=value["source"]["path"],
                source_digest=value["source"]["digest"],
                order=tuple(value["order"]),
                steps_root=value["stepsRoot"],
                settings=value["settings"],
                compiler=value["compiler"],
            )
            stated = value["digest"]
        except (canonical.CanonicalError, KeyError, TypeError, IndexError) as error:
            message = "the compiled plan's header can't be read"
            raise StoreError(message, hint="run `planloom compile`") from error
        if plan.digest != stated:
            message = "the compiled plan's header does not have its digest"
            raise StoreError(message, hint="run `planloom compile`")
        return plan


def step_digest(definition: Mapping[str, Any]) -> str:
    """Return the digest of what a step is."""
    return canonical.digest(canonical.encode(dict(definition)))


def encode_steps(steps: Iterable[CompiledStep]) -> bytes:
    """Return `steps.jsonl`: one line a step, sorted by key."""
    return b"".join(step.to_line() for step in sorted(steps, key=lambda s: s.key))


def decode_steps(content: bytes) -> dict[str, CompiledStep]:
    """Return every step by key, in key order."""
    steps = [CompiledStep.from_line(line) for line in content.splitlines(keepends=True)]
    return {step.key: step for step in steps}


def find_step(content: bytes, key: str) -> CompiledStep | None:
    """Return one step of `steps.jsonl` by bisection: reads O(log n) keys and decodes one line."""
    low, high = 0, len(content)
    while low < high:
        middle = content.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = content.find(b"\n", middle) + 1
        found = CompiledStep.from_line(content[middle:end])
        if found.key == key:
            return found
        if found.key < key:
            low = end
        else:
            high = middle
    return None


def has_successors(content: bytes, key: str) -> bool:
    """Return whether any step of `steps.jsonl` waits for this one; decodes only lines that hold its key."""
    quoted = f'"{key}"'.encode("ascii")
    place = content.find(quoted)
    while place >= 0:
        start, end = content.rfind(b"\n", 0, place) + 1, content.find(b"\n", place) + 1
        if key in CompiledStep.from_line(content[start:end]).predecessors:
            return True
        place = content.find(quoted, end)
    return False
