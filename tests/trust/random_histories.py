"""Random honest histories: whatever people may do, in any order, through the operations that the commands call."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from planloom.core.errors import Conflict, InputError, TrustError
from planloom.runtime import claiming
from trust.histories import ANN, YOU, Shape, World

RESULTS = ("success", "success", "success", "success", "failure", "timeout", "cancellation", "skip", "error")


def random_shapes(random):
    shapes = []
    for number in range(random.randint(1, 5)):
        earlier = [shape.key for shape in shapes]
        needs = tuple(sorted(random.sample(earlier, random.randint(0, min(2, len(earlier))))))
        shapes.append(
            Shape(
                f"s{number}",
                needs,
                gate=random.choice((0, 0, 0, 1, 2)),
                attempts=random.randint(1, 3),
                baseline=random.random() < 0.2,
                resources={"lab": 1} if random.random() < 0.3 else {},
            )
        )
    return tuple(shapes)


class Walk:
    """One history in the making: a world, the claims that are open, and a source of chance."""

    def __init__(self, folder, seed):
        self.random = Random(seed)
        self.shapes = random_shapes(self.random)
        self.world = World(folder, self.shapes, capacity={"lab": self.random.randint(1, 2)})
        self.items = ["release-1"]
        self.results = ("failure", "failure", "error") if seed % 7 == 0 else RESULTS
        self.world.open("release-1")
        self.running = []
        self.late = []
        self.changes = 0

    def step(self):
        moves = [self.claim, self.claim, self.claim, self.finish, self.finish, self.finish, self.approve, self.approve]
        moves += [
            self.reject,
            self.integrate,
            self.revert,
            self.abandon,
            self.retry,
            self.redo,
            self.come_late,
            self.open_another,
            self.close,
            self.migrate,
            self.change_policy,
        ]
        move = self.random.choice(moves)
        try:
            move()
        except (Conflict, InputError):
            # What the operations refuse leaves no trace; that is the point of refusing. A record that can't be trusted is no refusal.
            return
        except TrustError as error:
            # But a key that may not sign this any more is told so before anything is read.
            if error.code != "E_ROLE" or move not in (self.approve, self.reject):
                raise

    def _target(self):
        return self.random.choice(self.shapes).key, self.random.choice(self.items)

    def claim(self):
        step, item = self._target()
        outcome = claiming.claim_step(self.world.session(), item, step)
        if isinstance(outcome, claiming.Won):
            self.running.append(outcome)

    def finish(self):
        if self.running:
            won = self.running.pop(self.random.randrange(len(self.running)))
            self.world.finish(won, self.random.choice(self.results), integrated=self.random.random() < 0.2)

    def approve(self):
        step, item = self._target()
        expires = self.random.choice(("", "", "2025-06-15T15:07:10.000Z"))
        self.world.approve(step, item, by=self.random.choice((YOU, ANN)), expires=expires)

    def reject(self):
        step, item = self._target()
        reentry = self.random.choice(("", self.random.choice(self.shapes).key))
        self.world.approve(step, item, by=self.random.choice((YOU, ANN)), reject=True, reentry=reentry)

    def integrate(self):
        item = self.random.choice(self.items)
        for shape in self.random.sample(self.shapes, len(self.shapes)):
            try:
                self.world.integrate(shape.key, item)
            except Conflict:
                continue  # not done yet, or integrated already
            return

    def revert(self):
        for shape in self.random.sample(self.shapes, len(self.shapes)):
            try:
                self.world.revert(shape.key, cascade=self.random.random() < 0.7)
            except (Conflict, AttributeError, KeyError):
                continue  # not integrated, or nothing there to name
            while self.running:  # those who were at work on it come to their end all the same
                self.finish()
            return

    def abandon(self):
        if self.running:
            won = self.running.pop(self.random.randrange(len(self.running)))
            record = won.claim.record
            self.world.abandon(record.step.key, record.work_item)
            self.late.append(won)

    def come_late(self):
        if self.late:
            self.world.finish(self.late.pop())

    def retry(self):
        for shape in self.shapes:
            try:
                self.world.retry(shape.key)
            except Conflict:
                continue

    def redo(self):
        try:
            self.world.redo(self.random.choice(self.shapes).key)
        except Conflict:
            return

    def open_another(self):
        if len(self.items) < 2:
            self.world.open("release-2")
            self.items.append("release-2")

    def migrate(self):
        changed = tuple(replace(s, version=s.version + (self.random.random() < 0.3)) for s in self.shapes)
        self.shapes = tuple(self.random.sample(changed, len(changed))) if not any(s.needs for s in changed) else changed
        if self.random.random() < 0.3:
            self.shapes = (*self.shapes, Shape(f"s{len(self.shapes) + 10}"))
        self.world.compile(self.shapes)
        for item in self.items:
            try:
                self.world.migrate(self.shapes, item)
            except Conflict:
                continue

    def change_policy(self):
        """Somebody's part changes, more or fewer must approve, people may approve their own work or not: from now on."""
        if self.random.random() < 0.5:
            return
        ann = self.world.policy.named("ann")._replace(
            roles=self.random.choice((("approver",), ("auditor",), ("approver", "auditor")))
        )
        wanted = self.random.choice((1, 1, 2))
        self.world.change_policy((ann,), thresholds={"approver": wanted}, allow_self_approval=self.random.random() < 0.5)
        self.changes += 1

    def close(self):
        if self.random.random() < 0.2:
            self.world.close(self.random.choice(self.items))


def random_world(folder, seed, moves=50):
    walk = Walk(folder, seed)
    for _ in range(walk.random.randint(1, moves)):
        walk.step()
    return walk.world
