"""All ledgers and a model, driven side by side by the same random commands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from gitledgers import git_ledger
from gitserver import make_bare
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry, Lost, Won
from planloom.ledger.memory import MemoryLedger

CHAINS = ["a/_item", "a/x", "a/x-2", "b/_item", "b/x", "_resource/r"]
FOLDERS = ["claims", "gates", "handoff", "reverts", "work-items"]


class Side:
    """One ledger as one client sees it; keeps the heads that it saw, each under a number that all sides share."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.heads = {(chain, 0): EMPTY for chain in CHAINS}

    def expected(self, chain, version):
        return self.heads[chain, version]


class Ledgers(RuleBasedStateMachine):
    """The model is a dictionary of lists. A head is known to all sides as (chain, how many entries)."""

    seen = Bundle("seen")

    @initialize(target=seen)
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        make_bare(root / "origin.git")
        self.model = {chain: [] for chain in CHAINS}
        url = str(root / "origin.git")
        self.sides = [
            Side(MemoryLedger()),
            Side(FileLedger(root / "artifacts")),
            Side(git_ledger(root, url, name="one")),
        ]
        # A second client of the same remote, with a cache of its own, reads what the first one writes.
        self.other = git_ledger(root, url, name="two")
        return multiple(*((chain, 0) for chain in CHAINS))

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(
        target=seen,
        versions=st.lists(seen, min_size=1, max_size=4),
        resting=st.lists(seen, max_size=2),
        content=st.binary(max_size=40),
        data=st.data(),
    )
    def append(self, versions, resting, content, data):
        wanted = dict(versions)
        unmoved = {chain: version for chain, version in resting if version and chain not in wanted}
        folders = {c: "work-items" if c.endswith("/_item") else data.draw(st.sampled_from(FOLDERS)) for c in sorted(wanted)}
        files = {c: {"plan.json": content * 2} if f == "work-items" else {} for c, f in folders.items()}
        lost = tuple(sorted(chain for chain, version in (wanted | unmoved).items() if len(self.model[chain]) != version))
        for side in self.sides:
            entries = {c: Append(side.expected(c, v), Entry(folders[c], content, files[c])) for c, v in wanted.items()}
            outcome = side.ledger.append(entries, {c: side.expected(c, v) for c, v in unmoved.items()})
            if lost:
                assert isinstance(outcome, Lost)
                assert outcome.chains == lost
            else:
                assert isinstance(outcome, Won)
                side.heads.update({(c, v + 1): outcome.heads[c] for c, v in wanted.items()})
        if lost:
            return multiple()
        for chain in wanted:
            self.model[chain].append((folders[chain], content))
        return multiple(*((chain, version + 1) for chain, version in wanted.items()))

    @rule(names=st.lists(st.sampled_from([*CHAINS, "a/", "b/", "_resource/", "c/"]), min_size=1, max_size=4))
    def read(self, names):
        owners = {n for n in names if n.endswith("/")}
        expected = {c: v for c, v in self.model.items() if c in names or (v and c.partition("/")[0] + "/" in owners)}
        for ledger in (*(side.ledger for side in self.sides), self.other):
            found = ledger.read(names)
            assert list(found) == sorted(expected)
            assert {n: [(e.folder, e.content) for e in c.entries] for n, c in found.items()} == expected
        for side in self.sides:
            for name, chain in side.ledger.read(names).items():
                assert chain.head == side.heads[name, len(chain.entries)]

    @rule()
    def attachments(self):
        for chain, entries in self.model.items():
            for index, (folder, content) in enumerate(entries, start=1):
                if folder == "work-items":
                    for side in self.sides:
                        assert side.ledger.attachment(chain, index, "plan.json") == content * 2

    def items(self):
        return tuple(item for item in ("a", "b") if self.model[f"{item}/_item"])

    @rule()
    def same_items_everywhere(self):
        for ledger in (*(side.ledger for side in self.sides), self.other):
            assert ledger.items() == self.items()

    @invariant()
    def same_items(self):
        # After every step only where asking costs nothing; git is asked by a rule of its own.
        if hasattr(self, "sides"):
            assert all(side.ledger.items() == self.items() for side in self.sides[:2])


QUICK = settings(max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


class TestLedgers(Ledgers.TestCase):
    settings = QUICK


@pytest.mark.soak
@pytest.mark.timeout(3600)
class TestLedgersForLong(Ledgers.TestCase):
    settings = settings(QUICK, max_examples=300, stateful_step_count=40, derandomize=False)
