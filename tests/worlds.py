"""A project in a folder whose records are in memory: real operations, fixed clock, counted ids, known keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from planloom.ledger.memory import MemoryLedger
from planloom.records.compiled import CompiledPlan, CompiledStep, encode_steps, step_digest
from planloom.records.merkle import tree_hash
from planloom.records.references import Builder, Subject
from planloom.runtime import abandoning, claiming, completing, deciding, invalidating, opening
from planloom.runtime.effects import format_time
from planloom.runtime.identity import Identity
from planloom.runtime.reading import read_view
from planloom.runtime.session import Session
from planloom.state.schedule import build_schedule
from planloom.trust.keys import PrivateKey
from planloom.trust.policy import TrustedKey, new_policy

YOU = PrivateKey.from_seed(b"y" * 32)
CI = PrivateKey.from_seed(b"c" * 32)
ANN = PrivateKey.from_seed(b"a" * 32)
BOB = PrivateKey.from_seed(b"b" * 32)
EVE = PrivateKey.from_seed(b"e" * 32)
ITEM = "demo-1"


class FixedClock:
    """Stands still until it is told to go on."""

    def __init__(self, seconds=1_800_000_000):
        self.seconds = seconds

    def now(self):
        return format_time(self.seconds * 1000)

    def pass_seconds(self, seconds):
        self.seconds += seconds


class CountingIds:
    """1, 2, 3 …"""

    def __init__(self, count=0):
        self.count = count

    def nonce(self):
        self.count += 1
        return f"{self.count:032x}"


class Variables:
    """An environment that holds what it was given."""

    def __init__(self, values=None):
        self.values = dict(values or {})

    def get(self, name):
        return self.values.get(name, "")

    def all(self):
        return dict(self.values)


@dataclass(frozen=True)
class Shape:
    """A step in a few words; `more` goes into its definition as it is."""

    key: str
    needs: tuple[str, ...] = ()
    run: str = "true"
    after: tuple[str, ...] = ()
    gate: tuple[str, int] | None = None
    attempts: int = 2
    baseline: bool = False
    resources: dict[str, int] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    parallelizable: bool = True
    more: dict[str, Any] = field(default_factory=dict)

    def definition(self):
        found = {"key": self.key, "attempts": self.attempts, "shell": "sh", **self.more}
        if self.run:
            found["run"] = self.run
        if self.needs:
            found["needs"] = list(self.needs)
        if self.gate:
            found["gate"] = {"role": self.gate[0], "approvals": self.gate[1]}
        if self.baseline:
            found["baseline"] = True
        if self.resources:
            found["resources"] = dict(self.resources)
        if self.outputs:
            found["outputs"] = list(self.outputs)
        return found


def compile_shapes(shapes, plan="demo", capacity=None, **settings):
    """Return header and steps of a compiled plan whose order is that of the shapes."""
    steps = []
    for position, shape in enumerate(shapes, start=1):
        definition = shape.definition()
        digest = step_digest(definition)
        steps.append(CompiledStep(shape.key, digest, position, position, shape.parallelizable, shape.after, "p", definition))
    steps.sort(key=lambda s: s.key)
    root = tree_hash(bytes.fromhex(s.digest) for s in steps).hex()
    source = hashlib.sha256(plan.encode()).hexdigest()
    settings = {"execution": "isolated", "loop": "auto", "collect": "end", "prefix": f"{plan}-", "params": {}} | settings
    settings["resources"] = dict(capacity or {})
    order = tuple(shape.key for shape in shapes)
    return CompiledPlan(plan, plan.title(), "1.0.0", f"specs/{plan}.yaml", source, order, root, settings, "0"), steps


def default_policy(*, ann=("approver",), you=(), ci=(), **changes):
    """You and ci as `init` makes them, with more roles if asked for; ann and bob approve too, bob in a role of his own."""
    policy = new_policy(YOU.key, CI.key)
    extra = {"you": you, "ci": ci}
    made = tuple(k._replace(roles=(*k.roles, *extra[k.name])) for k in policy.keys)
    more = (TrustedKey("ann", ANN.key, ann), TrustedKey("bob", BOB.key, ("approver", "auditor")))
    return policy._replace(keys=tuple(sorted((*made, *more), key=lambda k: k.name)), **changes)


class World:
    """A project and what people do in it."""

    def __init__(self, folder, *shapes, capacity=None, policy=None, ledger=None, opened=True, **settings):
        self.folder = folder
        self.policy = policy or default_policy()
        self.ledger = MemoryLedger() if ledger is None else ledger
        self.clock, self.ids, self.environment = FixedClock(), CountingIds(), Variables({"PATH": "/usr/bin:/bin"})
        self.keys = {"you": YOU, "ci": CI}
        self.opened = {}
        self.compile(*shapes, capacity=capacity, **settings)
        if opened:
            self.open()

    def compile(self, *shapes, plan="demo", capacity=None, **settings):
        """Write the compiled plan, as `planloom compile` would."""
        self.header, self.steps = compile_shapes(shapes, plan, capacity, **settings)
        generated = self.folder / "generated" / plan
        generated.mkdir(parents=True, exist_ok=True)
        (generated / "plan.json").write_bytes(self.header.to_bytes())
        (generated / "steps.jsonl").write_bytes(encode_steps(self.steps))

    def session(self, executor="tester", builder=None, **signers):
        found = self.keys | signers
        identity = Identity("tester", executor, builder or Builder())
        return Session(
            self.folder,
            self.folder,
            self.folder / "artifacts",
            self.ledger,
            self.policy,
            self.clock,
            self.ids,
            self.environment,
            identity,
            lambda name: found[name],
            self.opened,
            steps={},
            compiled={},
        )

    def open(self, item=ITEM, params=None, plan="demo"):
        return opening.open_item(self.session(), item, plan, params or {}, opening.Source(), "test", follow=False)

    def try_claim(self, step, item=ITEM, *, attempt="", **who):
        return claiming.claim_step(self.session(**who), item, step, attempt=attempt)

    def claim(self, step, item=ITEM, **who):
        outcome = self.try_claim(step, item, **who)
        assert isinstance(outcome, claiming.Won), outcome
        return outcome

    def blocked(self, step, item=ITEM, **who):
        """Return the kinds of what keeps a step from being claimed."""
        outcome = self.try_claim(step, item, **who)
        assert isinstance(outcome, claiming.Refused), outcome
        return [blocker.kind for blocker in outcome.blockers]

    def finish(self, won, result="success", *, integrated=False, outputs=None, **who):
        step, item = won.step.key, won.claim.record.work_item
        if outputs is None:
            content = f"{step} {won.attempt.number}".encode()
            outputs = (Subject(f"dist/{step}.txt", hashlib.sha256(content).hexdigest()),) if result == "success" else ()
        said = completing.Result(result, outputs=outputs, exit_code=0)
        return completing.complete_attempt(self.session(**who), item, step, won.attempt.id, said, integrated=integrated)

    def do(self, *steps, item=ITEM, result="success"):
        for step in steps:
            self.finish(self.claim(step, item), result)

    def decide(self, step, item=ITEM, *, by=YOU, reject=False, reentry="", expires="", confirm=lambda _: True):
        return deciding.decide_gate(
            self.session(you=by), item, step, reject=reject, reentry=reentry, reason="r", expires=expires, confirm=confirm
        )

    def revert(self, step, item=ITEM, *, cascade=False, handoff="", confirm=lambda _: True):
        named = handoff or self.state(step, item).handoff.digest
        return invalidating.revert_step(self.session(), item, step, handoff=named, reason="bad", cascade=cascade, confirm=confirm)

    def abandon(self, step, item=ITEM):
        return abandoning.abandon_claim(self.session(), item, step, reason="gone", override=True)

    def retry(self, step, item=ITEM):
        return abandoning.retry_step(self.session(), item, step, "again")

    def redo(self, step, item=ITEM):
        return invalidating.redo_step(self.session(), item, step, "its outputs are lost")

    def close(self, item=ITEM, result="stopped"):
        return opening.close_item(self.session(), item, result=result, reason="enough", key="you")

    def view(self, item=ITEM):
        return read_view(self.session(), item).view

    def schedule(self, item=ITEM):
        return build_schedule(self.view(item))

    def state(self, step, item=ITEM):
        return self.view(item).states[step]

    def status(self, *steps, item=ITEM):
        states = self.view(item).states
        found = [states[step].status.value for step in steps]
        return found[0] if len(found) == 1 else found

    def held(self, resource, item=ITEM):
        return dict(self.view(item).held.get(resource, {}))

    def events(self, chain):
        from planloom.runtime.reading import open_chain

        return [s.record.event for s in open_chain(self.session(), self.ledger.read([chain])[chain])]
