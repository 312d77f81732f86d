"""Real histories: made by the operations that the commands call, with fixed clock, ids and keys, over a ledger in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from planloom.ledger.memory import MemoryLedger
from planloom.records.compiled import CompiledPlan, CompiledStep, encode_steps, step_digest
from planloom.records.merkle import tree_hash
from planloom.records.references import Builder, Subject
from planloom.runtime import abandoning, claiming, completing, deciding, invalidating, migrating, opening
from planloom.runtime.effects import format_time
from planloom.runtime.identity import Identity
from planloom.runtime.session import Session
from planloom.trust import checkpoint, keyring, keys, policyfiles
from planloom.trust.audit.history import History
from planloom.trust.gather import read_ledger
from planloom.trust.policy import ROOT, TrustedKey, new_policy

YOU = keys.PrivateKey.from_seed(b"y" * 32)
CI = keys.PrivateKey.from_seed(b"c" * 32)
ANN = keys.PrivateKey.from_seed(b"a" * 32)
EVE = keys.PrivateKey.from_seed(b"e" * 32)
ORIGIN = "example.org/acme/demo/planloom"


class Clock:
    """Ticks one second a look."""

    def __init__(self):
        self.seconds = 1_750_000_000

    def now(self):
        self.seconds += 1
        return format_time(self.seconds * 1000)


class Ids:
    """Counts."""

    def __init__(self):
        self.count = 0

    def nonce(self):
        self.count += 1
        return f"{self.count:032x}"


class Empty:
    """No variables."""

    def get(self, name):
        return ""

    def all(self):
        return {}


@dataclass
class Shape:
    """A step in a few words."""

    key: str
    needs: tuple = ()
    gate: int = 0
    attempts: int = 2
    baseline: bool = False
    version: int = 1
    resources: dict = field(default_factory=dict)


RELEASE = (
    Shape("lint"),
    Shape("test"),
    Shape("build", ("lint", "test")),
    Shape("publish", ("build",), gate=1),
)


def compile_shapes(shapes, plan="release", capacity=None):
    steps = []
    for position, shape in enumerate(shapes, start=1):
        definition = {
            "key": shape.key,
            "run": f"make {shape.key} V={shape.version}",
            "attempts": shape.attempts,
            "outputs": ["dist/*"],
        }
        if shape.needs:
            definition["needs"] = list(shape.needs)
        if shape.gate:
            definition["gate"] = {"role": "approver", "approvals": shape.gate}
        if shape.baseline:
            definition["baseline"] = True
        if shape.resources:
            definition["resources"] = dict(shape.resources)
        steps.append(CompiledStep(shape.key, step_digest(definition), position, position, True, (), "p", definition))
    steps.sort(key=lambda s: s.key)
    source = hashlib.sha256(plan.encode()).hexdigest()
    root = tree_hash(bytes.fromhex(s.digest) for s in steps).hex()
    order = tuple(shape.key for shape in shapes)
    settings = {"resources": dict(capacity or {}), "params": {}}
    header = CompiledPlan(plan, plan.title(), "1.0.0", f"specs/{plan}.yaml", source, order, root, settings, "0")
    return header, steps


class World:
    """A project in a temporary folder whose records are in memory."""

    def __init__(self, folder, shapes=RELEASE, plan="release", capacity=None, policy=None):
        self.folder = folder
        self.plan = plan
        self.capacity = capacity
        self.compile(shapes)
        self.policy = policy or default_policy()
        self.ledger = MemoryLedger()
        self.clock, self.ids = Clock(), Ids()
        self.keys = {"you": YOU, "ci": CI}
        self.leaves = b""
        self.trust = {p: c for p, c in policyfiles.policy_files(self.policy, [YOU]).items() if c is not None}
        self.opened = {}

    def compile(self, shapes):
        self.header, steps = compile_shapes(shapes, self.plan, self.capacity)
        generated = self.folder / "generated" / self.plan
        generated.mkdir(parents=True, exist_ok=True)
        (generated / "plan.json").write_bytes(self.header.to_bytes())
        (generated / "steps.jsonl").write_bytes(encode_steps(steps))

    def migrate(self, shapes, item="release-1"):
        self.compile(shapes)
        return migrating.migrate_item(self.session(), item, "", "the plan moved on", confirm=lambda _: True)

    def session(self, **signers):
        found = self.keys | signers
        identity = Identity("tester", "tester", Builder())
        return Session(
            self.folder,
            self.folder,
            self.folder / "artifacts",
            self.ledger,
            self.policy,
            self.clock,
            self.ids,
            Empty(),
            identity,
            lambda name: found[name],
            self.opened,
            steps={},
            compiled={},
        )

    def change_policy(self, changed=(), **rules):
        """Put the next version of the policy into force, as `planloom keys` does: what the checkpoint covers by now is judged as before."""
        head = self.history().files[checkpoint.CHECKPOINT_PATH]
        size = len(checkpoint.parse_leaves(self.leaves))
        changes = keyring.change_policy(self.trust, changed, [YOU], size, keyring.Rules(**rules)).changes
        self.trust = {p: c for p, c in (self.trust | changes).items() if c is not None}
        policy = policyfiles.open_policy(self.trust).current
        self.policy = policy._replace(sealed=checkpoint.find_positions(head, self.leaves, policy))

    def open(self, item="release-1"):
        from planloom.runtime.opening import Source

        opening.open_item(self.session(), item, self.plan, {}, Source(), "test", follow=False)

    def claim(self, step, item="release-1"):
        outcome = claiming.claim_step(self.session(), item, step)
        assert isinstance(outcome, claiming.Won), outcome
        return outcome

    def can_claim(self, step, item="release-1"):
        return isinstance(claiming.claim_step(self.session(), item, step), claiming.Won)

    def finish(self, won, result="success", *, integrated=False):
        step = won.step.key
        digest = hashlib.sha256(f"{step} {won.attempt.number}".encode()).hexdigest()
        outputs = (Subject(f"dist/{step}.txt", digest),) if result == "success" else ()
        item = won.claim.record.work_item
        return completing.complete_attempt(
            self.session(),
            item,
            step,
            won.attempt.id,
            completing.Result(result, outputs=outputs, exit_code=0),
            integrated=integrated,
        )

    def do(self, *steps, item="release-1", result="success"):
        for step in steps:
            self.finish(self.claim(step, item), result)

    def approve(self, step, item="release-1", *, by=YOU, reject=False, reentry="", expires=""):
        return deciding.decide_gate(
            self.session(you=by),
            item,
            step,
            reject=reject,
            reentry=reentry,
            reason="looked",
            expires=expires,
            confirm=lambda _: True,
        )

    def integrate(self, step, item="release-1"):
        return completing.integrate_step(self.session(), item, step, "merged")

    def revert(self, step, item="release-1", *, cascade=False):
        handoff = self.handoff(step, item)
        return invalidating.revert_step(
            self.session(), item, step, handoff=handoff, reason="bad", cascade=cascade, confirm=lambda _: True
        )

    def handoff(self, step, item="release-1"):
        from planloom.runtime.reading import read_view

        return read_view(self.session(), item).view.states[step].handoff.digest

    def abandon(self, step, item="release-1"):
        return abandoning.abandon_claim(self.session(), item, step, reason="gone", override=True)

    def retry(self, step, item="release-1"):
        return abandoning.retry_step(self.session(), item, step, "again")

    def redo(self, step, item="release-1"):
        return invalidating.redo_step(self.session(), item, step, "its outputs are lost")

    def close(self, item="release-1", result="stopped"):
        return opening.close_item(self.session(), item, result=result, reason="enough", key="you")

    def history(self, *, signed=True):
        """Return the history, with a checkpoint unless told otherwise."""
        files = dict(read_ledger(self.ledger, self.folder).files)
        files |= self.trust
        if signed:
            head, self.leaves = checkpoint.build_checkpoint(files, self.leaves, ORIGIN, CI)
            files |= {checkpoint.CHECKPOINT_PATH: head, checkpoint.LEAVES_PATH: self.leaves}
        return History(dict(sorted(files.items())))


def default_policy():
    """You and ci as `init` makes them, and ann, who approves too."""
    policy = new_policy(YOU.key, CI.key)
    ann = TrustedKey("ann", ANN.key, ("approver",))
    return policy._replace(keys=(ann, *policy.keys))


def finished(folder):
    """The history of the first hour: everything done, one failure, one approval."""
    world = World(folder)
    world.open()
    world.do("lint")
    world.do("test", result="failure")
    world.do("test", "build")
    world.approve("publish")
    world.do("publish")
    return world


def root_names(policy):
    return [k.name for k in policy.keys if ROOT in k.roles]
