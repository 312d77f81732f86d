"""An exhaustive checker: every order in which the real operations of several actors can read, decide, append and die.

An actor decides by calling the real operation (`claim_step`, `complete_attempt`, `abandon_dead`, `revert_step` …); `model.asking` takes
what it would append. Then it appends, loses, or dies. The clock stands still and nonces are all the same, so equal histories are equal bytes.

Three reductions keep this small; each keeps every ledger that can come up, and with it all that is asserted about one.

* *What an actor holds in its hands counts only when it is old.* A decision is a function of what was read. One that would be made again
  now need not be remembered: the actor can still make it. One whose chains have moved on is lost for ever (chains only grow), and losing
  writes nothing: its actor is back where it was. So a decision is kept in a state only while it is neither: made on something that has
  changed since, and yet still good for an append. Whenever something changes, each other actor may have read just before.
* *Executors are alike, and so are orchestrators.* A name appears in records, but no operation compares it with anything except its own and the
  dead. So a state is known by what lies in the ledger without names and by how many actors of each kind are in which position.
* *A history is known by what operations read of it*: events, attempts and what they were built on, who holds which resource; not the
  order in which resources went to and fro, nor who held an attempt that is over.

One ledger of each such class is kept, in full, and it is that one from which the search goes on.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, replace

from model.asking import Asked, Desk
from planloom.state.machine import Status

IDLE, GONE = ("idle",), ("gone",)
PEOPLE = ("revert", "override", "approve", "reject", "redo")
BOUNDED = {"revert": "reverts", "override": "overrides", "approve": "approvals", "reject": "rejections", "redo": "redos"}


@dataclass(frozen=True)
class Bounds:
    """How much may happen: executors and orchestrators, and how often one dies, fails, or a person does something."""

    executors: int
    orchestrators: int
    crashes: int = 0
    failures: int = 0
    reverts: int = 0
    overrides: int = 0
    approvals: int = 0
    rejections: int = 0
    redos: int = 0


@dataclass(frozen=True)
class Actor:
    """What an actor is doing (idle, gone, or working on attempts), and a decision made on something that has changed since."""

    doing: tuple
    old: Asked | None = None


@dataclass(frozen=True)
class State:
    """Shape: `ledger` is (chain, numbers of its entries) sorted by chain; `left` is what may still happen."""

    ledger: tuple
    actors: tuple
    left: Bounds


class Explorer:
    """Explores every state of a world with these bounds; the desk looks at each ledger that comes up."""

    def __init__(self, folder, shapes, capacity, bounds):
        self.desk = Desk(folder, shapes, capacity)
        self.keys = [shape.key for shape in shapes]
        self.names = [f"e{n}" for n in range(bounds.executors)] + [f"o{n}" for n in range(bounds.orchestrators)]
        self.names += [name for name in PEOPLE if getattr(bounds, BOUNDED[name])]
        self.first = State(self.desk.first, (Actor(IDLE),) * len(self.names), bounds)
        self.edges, self.known = {}, {}

    def explore(self, limit=10_000_000):
        """Visit every state that can be reached; returns how many there are."""
        begin = self.key(self.first)
        self.known[begin] = self.first
        waiting = deque([begin])
        while waiting:
            key = waiting.popleft()
            state = self.known[key]
            following = self.edges[key] = set()
            for after in self.steps(state):
                found = self.key(after)
                following.add(found)
                if found not in self.known:
                    assert len(self.known) < limit, f"more than {limit} states"
                    self.known[found] = after
                    self.desk.check(after.ledger)
                    waiting.append(found)
        return len(self.known)

    def stuck(self):
        """Return the states from which neither the end nor a wait for a person can be reached any more."""
        backwards = {}
        for before, following in self.edges.items():
            for after in following:
                backwards.setdefault(after, []).append(before)
        reached = {key for key, state in self.known.items() if self.is_goal(state)}
        waiting = deque(reached)
        while waiting:
            for before in backwards.get(waiting.popleft(), ()):
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        return [state for key, state in self.known.items() if key not in reached]

    def is_goal(self, state):
        if all(a.doing == GONE for a, n in zip(state.actors, self.names, strict=True) if n not in PEOPLE):
            return True  # there is nobody left to go on: somebody will have to start a run
        states = self.desk.view(state.ledger).states.values()
        if any(s.status is Status.RUNNING for s in states):
            return False
        return all(s.is_valid for s in states) or any(s.status is Status.FAILED for s in states) or self._waits(state)

    def _waits(self, state):
        """Whether only an approval that nobody is left to give is missing."""
        return any(step.gate for step in self.desk.view(state.ledger).steps.values()) and not state.left.approvals

    def steps(self, state):
        """Yield every state that one step of one actor leads to."""
        alike = set()
        for place, actor in enumerate(state.actors):
            if actor.doing == GONE or (self._kind(place), actor) in alike:
                continue
            if actor == Actor(IDLE):
                alike.add((self._kind(place), actor))
            if state.left.crashes and self.names[place] not in PEOPLE:
                left = replace(state.left, crashes=state.left.crashes - 1)
                yield from self._others(state, self._put(state, place, Actor(GONE), left=left), place)
            for asked in [actor.old] if actor.old else self.decisions(state, place):
                yield from self._act(state, place, asked)

    def _act(self, state, place, asked):
        if asked.is_over:
            yield self._put(state, place, Actor(IDLE))
            return
        yield from self._others(state, self._append(state, place, asked), place)

    def _append(self, state, place, asked):
        ledger, taken = self.desk.append(state.ledger, asked, self._dead(state))
        spends = self._spends(asked)
        left = replace(state.left, **{spends: getattr(state.left, spends) - 1}) if spends else state.left
        return self._put(state, place, Actor(taken or IDLE), ledger=ledger, left=left)

    def _others(self, before, after, place):
        """Yield what follows, for each choice of what the others may have read before: nothing, or what they hold now is old."""
        choices, alike = [], {}
        for other, actor in enumerate(after.actors):
            if other == place or actor.doing == GONE:
                choices.append([actor])
                continue
            kind = self._kind(other), actor
            if alike.get(kind) != [actor]:  # those that are alike have the same choices, under other names
                choices.append(self._choices(before, after, other))
                alike[kind] = choices[-1]
            else:
                choices.append([actor])
        for actors in itertools.product(*choices):
            yield replace(after, actors=actors)

    def _choices(self, before, after, other):
        """Return what another actor may be: without an old decision, or with one that it made before this and that is good still."""
        actor = after.actors[other]
        read = [actor.old] if actor.old else [a for a in self.decisions(before, other) if not a.is_over]
        good = [asked for asked in read if self._is_possible(after, asked)]
        now = self.decisions(after, other) if good else ()
        old = [replace(actor, old=asked) for asked in good if asked not in now]
        return old if actor.old and old else [replace(actor, old=None), *old]

    def _is_possible(self, state, asked):
        spends = self._spends(asked)
        return self.desk.is_possible(state.ledger, asked) and (not spends or getattr(state.left, spends) > 0)

    def _spends(self, asked):
        return "failures" if asked.what[-1] == "failure" else BOUNDED.get(asked.what[0], "")

    def decisions(self, state, place):
        """Return what an actor would append if it read now."""
        return self.desk.ask_all(state.ledger, self._operations(state, place))

    def _operations(self, state, place):
        name, doing = self.names[place], state.actors[place].doing
        if name in PEOPLE:
            keys = self.keys[:1] if name == "revert" else self.keys
            return [(name, key) for key in keys] if getattr(state.left, BOUNDED[name]) else []
        if doing[0] == "working":
            return [("complete", name, doing[1], r) for r in ("success", "failure")[: 1 + bool(state.left.failures)]]
        claims = [("wave", name)] if name[0] == "o" else [("claim", name, key) for key in self.keys]
        return [("abandon", name, self._dead(state)), *claims]

    def _dead(self, state):
        return tuple(n for n, actor in zip(self.names, state.actors, strict=True) if actor.doing == GONE)

    def _kind(self, place):
        return self.names[place] if self.names[place] in PEOPLE else self.names[place][0]

    def _put(self, state, place, actor, **changes):
        return replace(state, actors=(*state.actors[:place], actor, *state.actors[place + 1 :]), **changes)

    def key(self, state):
        """Return what tells a state from those that are not like it."""
        chains, holders = self.desk.describe(state.ledger)
        actors = []
        for place, (name, actor) in enumerate(zip(self.names, state.actors, strict=True)):
            working = ()
            if actor.doing[0] == "working":
                working = tuple((*held, self.desk.describe_end(state.ledger, *held)) for held in actor.doing[1])
                working = tuple((step, attempt.removesuffix(f"-{name}-1"), end) for step, attempt, end in working)
            old = self.desk.describe_asked(actor.old) if actor.old else ()
            actors.append((self._kind(place), actor.doing[0], working, holders.get(name, ()), old))
        return chains, tuple(sorted(actors)), state.left
