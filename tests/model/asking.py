"""Asking the real operations what they would append, without letting them; and what must hold in every ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from planloom.core.errors import Conflict
from planloom.ledger.entries import token_of
from planloom.ledger.ledger import Append, Head, Won
from planloom.ledger.memory import MemoryLedger
from planloom.records.bodies import Acquired, Claimed, Finished
from planloom.records.references import Builder
from planloom.runtime import abandoning, claiming, completing, deciding, invalidating
from planloom.runtime.completing import Result
from planloom.runtime.identity import Identity
from planloom.runtime.reading import read_view
from planloom.state.readiness import find_blockers
from planloom.trust.opener import open_record
from worlds import CI, ITEM, YOU, World


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

    def append(self, entries, unmoved):
        raise Decided(entries, unmoved)


class RunsThatAreOver:
    """The platform: a run is over exactly when its actor is dead."""

    def __init__(self, dead):
        self.dead = dead

    def is_over(self, run_id, run_attempt):
        return run_id in self.dead


@dataclass(frozen=True)
class Asked:
    """What an operation would append.

    Shape: `drafts` are (chain, index, token, number of the entry), none when all is over; `unmoved` (chain, index, token).
    """

    what: tuple
    drafts: tuple
    unmoved: tuple = ()

    @property
    def is_over(self):
        return not self.drafts


class Desk:
    """Where operations are asked and appends are made. Ledgers are tuples of (chain, numbers of entries), sorted by chain."""

    def __init__(self, folder, shapes, capacity):
        self.world = World(folder, *shapes, capacity=capacity)
        self.world.ids = SameIds()
        self.world.keys = {"you": RememberingKey(YOU), "ci": RememberingKey(CI)}
        self.keys, self.capacity = [shape.key for shape in shapes], capacity
        self.entries, self.tokens, self.records = [], [], []
        self.numbers, self.facts, self.named = {}, {}, {}
        self.memory, self.views, self.described = {}, {}, {}
        self.template = self.world.session()
        self.first = self._freeze(self.world.ledger._chains)

    def ask_all(self, ledger, operations):
        """Return what each of the operations would append now; those that refuse are left out."""
        return tuple(asked for what in operations if (asked := self.ask(ledger, what)) is not None)

    def ask(self, ledger, what):
        if (ledger, what) not in self.memory:
            self.memory[ledger, what] = self._really_ask(ledger, what)
        return self.memory[ledger, what]

    def _really_ask(self, ledger, what):
        try:
            OPERATIONS[what[0]](self.session(ledger, what[1]), *what[1:])
        except Decided as decided:
            entries, unmoved = decided.args
            drafts = ((c, a.expected.index, a.expected.token, self._number(a.entry)) for c, a in sorted(entries.items()))
            return Asked(what, tuple(drafts), tuple((c, *head) for c, head in sorted(unmoved.items())))
        except Conflict:
            pass
        # Whoever works and has nothing to record any more goes on to something else; all others have done nothing.
        return Asked(what, ()) if what[0] == "complete" else None

    def is_possible(self, ledger, asked):
        """Return whether an append would win: whether every chain that it asks for still ends where it was read."""
        ends = dict(ledger)
        return all(
            len(ends.get(chain, ())) == index and (not index or self.tokens[ends[chain][-1]] == token)
            for chain, index, token, *_ in asked.drafts + asked.unmoved
        )

    def append(self, ledger, asked, dead):
        """Return the ledger after an append that must win, and what its actor works on then."""
        taking = MemoryLedger()
        taking._chains = self._thaw(ledger)
        entries = {chain: Append(Head(index, token), self.entries[number]) for chain, index, token, number in asked.drafts}
        assert isinstance(taking.append(entries, {chain: Head(index, token) for chain, index, token in asked.unmoved}), Won)
        after = self._freeze(taking._chains)
        assert_extends(ledger, after)
        records = [self.records[number].record for *_, number in asked.drafts]
        for record in records:
            if record.event == "abandoned" and asked.what[0] == "abandon":
                holder = self.view(ledger).states[record.step.key].claim.record.builder.run_id
                assert holder in dead, "a live holder was robbed"
            if record.event == "claimed":
                in_the_way = find_blockers(self.view(ledger), record.step.key)
                assert not in_the_way, f"claimed although {in_the_way[0].text}"
        taken = tuple(sorted((r.step.key, r.attempt.id) for r in records if r.event == "claimed"))
        return after, ("working", taken) if taken else None

    def _freeze(self, chains):
        return tuple((chain, tuple(self._number(e) for e in chains[chain])) for chain in sorted(chains))

    def _thaw(self, ledger):
        return {chain: tuple(self.entries[n] for n in numbers) for chain, numbers in ledger}

    def _number(self, entry):
        """Return the number of an entry, which it gets together with what it says when it first comes up."""
        number = self.numbers.get(entry.content)
        if number is None:
            number = self.numbers[entry.content] = len(self.entries)
            signed = open_record(entry.content, self.template.policy)
            self.entries.append(entry)
            self.tokens.append(token_of(entry.content))
            self.records.append(signed)
            self.template.opened[hashlib.sha256(entry.content).digest()] = signed
            record = signed.record
            # Each attempt has at most one handoff; of decisions there may be several.
            self.named[signed.digest] = (record.chain, record.attempt.number if record.attempt else record.index)
        return number

    def session(self, ledger, name="person"):
        asking = Asking()
        asking._chains = self._thaw(ledger)
        return self.template._replace(ledger=asking, identity=Identity(name, name, Builder("github", name, "1", "")))

    def view(self, ledger):
        if ledger not in self.views:
            self.views[ledger] = read_view(self.session(ledger), ITEM).view
        return self.views[ledger]

    def describe(self, ledger):
        """Return what operations read of a ledger, without names; and actor → the open claims that it holds."""
        if ledger not in self.described:
            view, holders = self.view(ledger), {}
            for key, state in view.states.items():
                if state.claim:
                    holders.setdefault(state.claim.record.builder.run_id, []).append((key, state.attempt))
            steps = tuple(self._describe_step(view.states[key]) for key in self.keys)
            gates = tuple(tuple(self._describe_record(s) for s in view.gates.get(key, ())) for key in self.keys)
            held = tuple(tuple(sorted(view.held[name].items())) for name in sorted(view.held))
            self.described[ledger] = (steps, gates, held), {name: tuple(sorted(claims)) for name, claims in holders.items()}
        return self.described[ledger]

    def _describe_step(self, state):
        counts = state.status.value, state.attempt, state.used, state.allowed, state.stale
        records = tuple(self._describe_record(s) if s else () for s in (state.claim, state.handoff))
        return counts, records, *(tuple(sorted(self.named[d] for d in found)) for found in (state.granted, state.spent))

    def describe_end(self, ledger, step, attempt):
        """Return how an attempt ended, "" while it is open: whoever comes too late is told, and its result kept or not."""
        records = (self.records[n].record for n in dict(ledger)[f"{ITEM}/{step}"])
        return next((r.event for r in records if r.event in ATTEMPTS - {"claimed"} and r.attempt.id == attempt), "")

    def describe_asked(self, asked):
        """Return what an operation would append, without names."""
        return tuple((chain, self._describe_record(self.records[number])) for chain, _, _, number in asked.drafts)

    def _describe_record(self, signed):
        """Return what a record says, the handoffs and approvals that it names by the places where they lie."""
        if signed.digest not in self.facts:
            record, body = signed.record, signed.record.body
            named = [d.digest for d in getattr(body, "depends_on", getattr(body, "inputs", ()))]
            named += getattr(body, "approvals", ())
            holders = tuple(sorted(body.holders.items())) if isinstance(body, Acquired) else ()
            attempt = record.attempt.number if record.attempt else 0
            self.facts[signed.digest] = (record.event, attempt, tuple(self.named[d] for d in named), holders)
        return self.facts[signed.digest]

    def check(self, ledger):
        """Assert what must hold in every ledger."""
        view = self.view(ledger)  # folds every chain: what the table does not allow is an error
        open_claims = {}
        for key in self.keys:
            records = [self.records[n].record for n in dict(ledger).get(f"{ITEM}/{key}", ())]
            claims = [r.attempt.number for r in records if r.event == "claimed"]
            assert claims == list(range(1, len(claims) + 1)), "the fence"
            ends = [r for r in records if r.event in ATTEMPTS - {"claimed"}]
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


ATTEMPTS = frozenset({"claimed", "completed", "failed", "superseded", "abandoned"})
"""The events that begin and end attempts."""


def assert_extends(before, after):
    """Nothing that was appended is ever gone or changed."""
    longer = dict(after)
    for chain, numbers in before:
        assert longer[chain][: len(numbers)] == numbers, "a record was lost"


def _claim(session, name, key):
    claiming.claim_step(session, ITEM, key)


def _wave(session, name):
    claiming.claim_wave(session, [ITEM], 256)


def _complete(session, name, held, result):
    said = Result(result, started=session.clock.now(), finished=session.clock.now())
    if len(held) == 1:
        completing.complete_attempt(session, ITEM, *held[0], said)
    else:
        completing.complete_wave(session, {ITEM: {key: (attempt, said) for key, attempt in held}})


def _abandon(session, name, dead):
    abandoning.abandon_dead(session, ITEM, RunsThatAreOver(dead))


def _revert(session, key):
    digest = read_view(session, ITEM).view.states[key].handoff
    if digest is not None:
        invalidating.revert_step(session, ITEM, key, handoff=digest.digest, reason="bad", cascade=True, confirm=lambda _: True)


def _redo(session, key):
    invalidating.redo_step(session, ITEM, key, "its outputs are lost")


def _override(session, key):
    abandoning.abandon_claim(session, ITEM, key, reason="I know", override=True)


def _approve(session, key, *, reject=False):
    if read_view(session, ITEM).view.steps[key].gate:
        asked = {"reentry": "", "reason": "r", "expires": "", "confirm": lambda _: True}
        deciding.decide_gate(session, ITEM, key, reject=reject, **asked)


def _reject(session, key):
    _approve(session, key, reject=True)


OPERATIONS = {
    "claim": _claim,
    "wave": _wave,
    "complete": _complete,
    "abandon": _abandon,
    "revert": _revert,
    "override": _override,
    "approve": _approve,
    "reject": _reject,
    "redo": _redo,
}
