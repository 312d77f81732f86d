"""An exhaustive checker: every order in which the real operations of several actors can read, decide, append and die.

An actor decides by calling the real operation (`claim_step`, `complete_attempt`, `abandon_dead`, `revert_step` …) on a ledger that
keeps what is appended instead of taking it; that decision lies in the actor's hands until it appends, loses, or dies with it.
The ledger that takes appends is the real one in memory. The clock stands still and nonces are all the same, so equal histories are equal bytes
and a state is what the ledger holds and what each actor is doing, nothing else.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, replace

from planloom.core.errors import Conflict
from planloom.ledger.ledger import Append, Head, Lost
from planloom.ledger.memory import MemoryLedger
from planloom.records.bodies import Claimed, Finished
from planloom.records.references import Builder
from planloom.runtime import abandoning, claiming, completing, invalidating
from planloom.runtime.completing import Result
from planloom.runtime.identity import Identity
from planloom.runtime.reading import open_chain, read_view
from planloom.state.machine import Status
from worlds import CI, ITEM, YOU, World

IDLE, GONE = ("idle",), ("gone",)
BOUNDED = ("failures", "reverts", "overrides")


class SameIds:
    """Every nonce is the same: what tells records apart here is what they say."""

    def nonce(self):
        return "0" * 32


class RememberingKey:
    """Signs each payload once: Ed25519 gives the same signature again anyway."""

    def __init__(self, key):
        self.key_id, self._key, self._sealed = key.key_id, key, {}

    def seal(self, payload):
        if payload not in self._sealed:
            self._sealed[payload] = self._key.seal(payload)
        return self._sealed[payload]


class Decided(Exception):
    """What an operation wanted to append."""


class Asking(MemoryLedger):
    """Hands out what it holds, takes nothing."""

    def append(self, entries):
        raise Decided(entries)


@dataclass(frozen=True)
class Bounds:
    """How much may happen: executors and orchestrators, and how often one dies, fails, a step is reverted, a live holder is overridden."""

    executors: int
    orchestrators: int
    crashes: int = 0
    failures: int = 0
    reverts: int = 0
    overrides: int = 0


@dataclass(frozen=True)
class State:
    """Shape: `ledger` is (chain, numbers of its entries) sorted by chain; `actors` what each is doing; the rest is what may still happen."""

    ledger: tuple
    actors: tuple
    left: Bounds


class RunsThatAreOver:
    """The platform: a run is over exactly when its actor is dead."""

    def __init__(self, dead):
        self.dead = dead

    def is_over(self, run_id, run_attempt):
        return run_id in self.dead


class Explorer:
    """Explores every state of a world with these bounds; `check` looks at each ledger that comes up."""

    def __init__(self, folder, shapes, capacity, bounds):
        self.world = World(folder, *shapes, capacity=capacity)
        self.world.ids = SameIds()
        self.world.keys = {"you": RememberingKey(YOU), "ci": RememberingKey(CI)}
        self.keys = [shape.key for shape in shapes]
        self.capacity = capacity
        self.names = [f"e{n}" for n in range(bounds.executors)] + [f"o{n}" for n in range(bounds.orchestrators)]
        self.entries, self.numbers, self.memory, self.views = [], {}, {}, {}
        self.first = State(self._freeze(self.world.ledger._chains), (IDLE,) * (len(self.names) + 2), bounds)
        self.edges = {}

    def explore(self, limit=10_000_000):
        """Visit every state that can be reached; returns how many there are."""
        waiting, seen = deque([self.first]), {self.first}
        while waiting:
            state = waiting.popleft()
            following = self.edges[state] = list(dict.fromkeys(self.steps(state)))
            for after in following:
                assert_extends(state.ledger, after.ledger)
                if after not in seen:
                    assert len(seen) < limit, f"more than {limit} states"
                    seen.add(after)
                    waiting.append(after)
        return len(seen)

    def stuck(self):
        """Return the states from which neither the end nor a wait for a person can be reached any more."""
        backwards = {}
        for before, following in self.edges.items():
            for after in following:
                backwards.setdefault(after, []).append(before)
        good = [state for state in self.edges if self.is_goal(state)]
        reached, waiting = set(good), deque(good)
        while waiting:
            for before in backwards.get(waiting.popleft(), ()):
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        return [state for state in self.edges if state not in reached]

    def is_goal(self, state):
        view = self.view(state.ledger)
        if any(s.status is Status.RUNNING for s in view.states.values()):
            return False
        return all(s.is_valid for s in view.states.values()) or any(s.status is Status.FAILED for s in view.states.values())

    def steps(self, state):
        """Yield every state that one step of one actor leads to."""
        for place, doing in enumerate(state.actors):
            if doing == GONE:
                continue
            if place < len(self.names):
                yield from self._crash(state, place)
            if doing[0] == "deciding":
                yield self._append(state, place, doing)
            elif doing[0] == "working":
                yield from self._end(state, place, doing)
            else:
                yield from self._begin(state, place)

    def _crash(self, state, place):
        if state.left.crashes:
            yield self._with(state, place, GONE, crashes=state.left.crashes - 1)

    def _begin(self, state, place):
        name = self.names[place] if place < len(self.names) else ["revert", "override"][place - len(self.names)]
        if place < len(self.names):
            yield from self._decide(state, place, ("abandon", name, self._dead(state)))
        if name[0] == "e":
            for key in self.keys:
                yield from self._decide(state, place, ("claim", name, key))
        elif name[0] == "o" and name != "override":
            yield from self._decide(state, place, ("wave", name))
        elif name == "revert" and state.left.reverts:
            yield from self._decide(state, place, ("revert", self.keys[0]))
        elif name == "override" and state.left.overrides:
            for key in self.keys:
                yield from self._decide(state, place, ("override", key))

    def _end(self, state, place, doing):
        name, held = self.names[place], doing[1]
        for result in ("success", "failure") if state.left.failures else ("success",):
            yield from self._decide(state, place, ("complete", name, held, result))

    def _decide(self, state, place, what):
        drafts = self._ask(state.ledger, what)
        if drafts is None:
            return
        kind = "failures" if what[-1] == "failure" else f"{what[0]}s"
        spent = {kind: getattr(state.left, kind) - 1} if drafts and kind in BOUNDED else {}
        yield self._with(state, place, ("deciding", what, drafts) if drafts else IDLE, **spent)

    def _append(self, state, place, doing):
        _, what, drafts = doing
        held = what[2] if what[0] == "complete" else ()
        chains = {chain: tuple(self.entries[n] for n in numbers) for chain, numbers in state.ledger}
        ledger = MemoryLedger()
        ledger._chains = chains
        wanted = {chain: Append(Head(index, token), self.entries[n]) for chain, index, token, n in drafts}
        if isinstance(ledger.append(wanted), Lost):
            return self._with(state, place, ("working", held) if held else IDLE)
        after = self._freeze(ledger._chains)
        self.check(after)
        if what[0] == "abandon":
            self._refuse_robbery(state, wanted)
        taken = tuple(sorted((r.step.key, r.attempt.id) for r in self._records(wanted) if r.event == "claimed"))
        return self._with(replace(state, ledger=after), place, ("working", taken) if taken else IDLE)

    def _refuse_robbery(self, state, wanted):
        dead = self._dead(state)
        for record in self._records(wanted):
            if record.event == "abandoned":
                claim = self.view(state.ledger).states[record.step.key].claim
                assert claim.record.builder.run_id in dead, "a live holder was robbed"

    def _records(self, wanted):
        session = self.world.session()
        from planloom.trust.opener import open_record

        for append in wanted.values():
            content = append.entry.content
            key = hashlib.sha256(content).digest()
            yield (session.opened.get(key) or open_record(content, session.policy)).record

    def _dead(self, state):
        return tuple(n for n, doing in zip(self.names, state.actors, strict=False) if doing == GONE)

    def _with(self, state, place, doing, **left):
        actors = (*state.actors[:place], doing, *state.actors[place + 1 :])
        return replace(state, actors=actors, left=replace(state.left, **left) if left else state.left)

    def _freeze(self, chains):
        return tuple((chain, tuple(self._number(e) for e in chains[chain])) for chain in sorted(chains))

    def _number(self, entry):
        number = self.numbers.setdefault(entry.content, len(self.entries))
        if number == len(self.entries):
            self.entries.append(entry)
        return number

    def session(self, ledger, name="person"):
        asking = Asking()
        asking._chains = {chain: tuple(self.entries[n] for n in numbers) for chain, numbers in ledger}
        identity = Identity(name, name, Builder("github", name, "1", ""))
        return replace(self.world.session(), ledger=asking, identity=identity)

    def _ask(self, ledger, what):
        """Return what an operation would append now: None when it refuses, () when there is nothing left for it to do."""
        if (ledger, what) not in self.memory:
            self.memory[ledger, what] = self._really_ask(ledger, what)
        return self.memory[ledger, what]

    def _really_ask(self, ledger, what):
        try:
            OPERATIONS[what[0]](self.session(ledger, what[1]), *what[1:])
        except Decided as decided:
            (entries,) = decided.args
            return tuple((c, a.expected.index, a.expected.token, self._number(a.entry)) for c, a in sorted(entries.items()))
        except Conflict:
            return () if what[0] == "complete" else None
        return () if what[0] == "complete" else None

    def view(self, ledger):
        if ledger not in self.views:
            self.views[ledger] = read_view(self.session(ledger), ITEM).view
        return self.views[ledger]

    def check(self, ledger):
        """Assert what must hold in every ledger."""
        if ledger in self.views:
            return
        view = self.view(ledger)  # folds every chain: what the table does not allow is an error
        session = self.session(ledger)
        open_claims = {}
        for key in self.keys:
            chain = session.ledger.read([f"{ITEM}/{key}"])[f"{ITEM}/{key}"]
            records = [s.record for s in open_chain(session, chain)]
            claims = [r.attempt.number for r in records if r.event == "claimed"]
            assert claims == list(range(1, len(claims) + 1)), "the fence"
            ends = [r for r in records if r.event in {"completed", "failed", "superseded", "abandoned"}]
            assert 0 <= len(claims) - len(ends) <= 1, "two holders"
            if len(claims) > len(ends):
                open_claims[f"{ITEM}/{key}#{len(claims)}"] = view.states[key].claim.record.body
            state = view.states[key]
            if state.is_valid:
                built_on = {(d.step, d.digest) for d in state.handoff.record.body.depends_on}
                valid = {(p, s.handoff.digest) for p in view.steps[key].predecessors if (s := view.states[p]).is_valid}
                assert isinstance(state.handoff.record.body, Finished)
                assert built_on == valid, "counts what was built on inputs that no longer count"
        for resource, capacity in self.capacity.items():
            held = view.held.get(resource, {})
            assert sum(held.values()) <= capacity, "more than there is"
            wanted = {
                h: c.resources[resource] for h, c in open_claims.items() if isinstance(c, Claimed) and resource in c.resources
            }
            assert held == wanted, "held without a claim, or claimed without being held"


def assert_extends(before, after):
    """Nothing that was appended is ever gone or changed."""
    longer = dict(after)
    for chain, numbers in before:
        assert longer[chain][: len(numbers)] == numbers, "a record was lost"


def _claim(session, name, key):
    claiming.claim_step(session, ITEM, key)


def _wave(session, name):
    claiming.claim_wave(session, ITEM, 256)


def _complete(session, name, held, result):
    said = Result(result, started=session.clock.now(), finished=session.clock.now())
    if len(held) == 1:
        completing.complete_attempt(session, ITEM, *held[0], said)
    else:
        completing.complete_wave(session, ITEM, {key: (attempt, said) for key, attempt in held})


def _abandon(session, name, dead):
    abandoning.abandon_dead(session, ITEM, RunsThatAreOver(dead))


def _revert(session, key):
    digest = read_view(session, ITEM).view.states[key].handoff
    if digest is not None:
        invalidating.revert_step(session, ITEM, key, handoff=digest.digest, reason="bad", cascade=True, confirm=lambda _: True)


def _override(session, key):
    abandoning.abandon_claim(session, ITEM, key, reason="I know", override=True)


OPERATIONS = {
    "claim": _claim,
    "wave": _wave,
    "complete": _complete,
    "abandon": _abandon,
    "revert": _revert,
    "override": _override,
}
