"""Refs of a real repository edited at random by somebody who may push and has no key: deleted, rewound, swapped, led elsewhere, added to.

A mirror has two witnesses: the copies on the ledger branch, and the signatures and links of the records themselves. What neither knows is
what was appended after the last collection and then taken away again: that is why `must_be_found` leaves it out, and why the
collector runs at the end of every run.
"""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attacks.forging import read, replace, unsaid
from gitserver import make_bare, run_git
from planloom.core import names
from planloom.ledger.closing import closes_item
from planloom.ledger.gitchains import write_link
from planloom.ledger.gitobjects import FILE_MODE, Node, ObjectWriter
from planloom.ledger.layout import CHAIN_REFS
from planloom.records.compiled import HEADER_NAME, STEPS_NAME
from planloom.trust.audit.history import place_of
from planloom.trust.gather import read_history, read_ledger
from planloom.trust.verify import Request, verify
from trust.random_histories import Walk

pytestmark = pytest.mark.xdist_group("refs")  # one worker makes the histories, once
SEEDS = range(12)
MOMENT = 1_750_000_000

FOREIGN = ("a merge", "planloom: release-1/elsewhere #1\n", "planloom: {chain} #999\n")
KINDS = ("delete", "rewind", "swap", "lead elsewhere", "foreign commit", "forged commit", "new ref")


class Remote:
    """A random history in a bare repository: some of it collected, the rest only in refs."""

    def __init__(self, folder, seed):
        self.bare = folder / "hub.git"
        make_bare(self.bare)
        # What `git clone --mirror` writes; without it a repository that has no ref of a chain may be a clone that never had any.
        run_git("--git-dir", str(self.bare), "config", "remote.origin.mirror", "true")
        self.writer = ObjectWriter(self.bare)
        walk = Walk(folder / "project", seed)
        self._go_on(walk, 25)
        collected = walk.world.history().files
        walk.change_policy = lambda: None  # Its rules name places in a checkpoint, and no later one is collected.
        self._go_on(walk, 10)
        ledger = walk.world.ledger
        self.chains = ledger.read([*(f"{item}/" for item in ledger.items()), f"{names.RESOURCE_CHAINS}/"])
        self.commits = {name: self._write(name, chain.entries, ledger) for name, chain in self.chains.items()}
        places = [place_of(path) for path in collected]
        self.copied = {name: max((p.index for p in places if p and p.chain == name), default=0) for name in self.chains}
        self.closed = {item for item in ledger.items() if self._is_closed(names.item_chain(item))}
        files = dict(read_ledger(ledger, walk.world.folder).files) | walk.world.trust
        self._branch("main", {p: c for p, c in files.items() if not p.startswith("artifacts/")})
        self._branch("planloom", {p: c for p, c in collected.items() if p.startswith("artifacts/")})
        self.honest = {name: commits[-1] for name, commits in self.commits.items()}
        self.put(self.honest)

    def _go_on(self, walk, moves):
        for _ in range(walk.random.randint(5, moves)):
            walk.step()

    def _is_closed(self, chain):
        copies = self.chains[chain].entries[: self.copied[chain]]
        return bool(copies) and closes_item(copies[-1].content)

    def _write(self, name, entries, ledger):
        links, parent = [], None
        for index, entry in enumerate(entries, start=1):
            attached = {}
            if read(entry.content).event in {"opened", "migrated"}:
                attached = {each: ledger.attachment(name, index, each) for each in (HEADER_NAME, STEPS_NAME)}
            parent = write_link(self.writer, name, replace(entry, attachments=attached), parent, f"{index}", MOMENT)
            links.append(parent.commit)
        return links

    def _branch(self, branch, files):
        """The branch as one commit with these files."""
        tree = {}
        for path, content in files.items():
            *folders, name = path.split("/")
            inner = tree
            for folder in folders:
                inner = inner.setdefault(folder, {})
            inner[name] = self.writer.blob(content)
        commit = self.writer.commit(self._tree(tree), [], "all", MOMENT)
        run_git("--git-dir", str(self.bare), "update-ref", f"refs/heads/{branch}", commit)

    def _tree(self, nested):
        nodes = ((k, v) if isinstance(v, str) else (k, self._tree(v)) for k, v in nested.items())
        return self.writer.tree(Node(FILE_MODE if isinstance(nested[k], str) else "40000", k, name) for k, name in nodes)

    def put(self, state):
        """Make the refs of chains just these."""
        lines = run_git("--git-dir", str(self.bare), "for-each-ref", "--format=%(refname)", CHAIN_REFS).splitlines()
        gone = [line for line in lines if line.removeprefix(CHAIN_REFS) not in state]
        for ref in gone:
            (self.bare / ref).unlink()
        for name, commit in state.items():
            path = self.bare / CHAIN_REFS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{commit}\n")

    def entry(self, chain):
        """The tree of a chain's newest commit: somebody else's record, to be passed off as another's."""
        newest = self.chains[chain].entries[-1]
        return self.writer.tree([Node(FILE_MODE, f"{newest.folder}.json", self.writer.blob(newest.content))])

    def must_be_found(self, state, void):
        """The chains whose refs are not what the records and the copies of them can lead to."""
        for name in sorted({*state, *self.honest}):
            owner, now = name.partition("/")[0], state.get(name)
            if now == self.honest.get(name):
                continue
            if now is None:
                # The refs of what is closed are removed by the collector itself, and what was never copied nobody has seen.
                lost = self.copied[name] and owner not in self.closed
            elif now in self.commits.get(name, ()):
                lost = self.commits[name].index(now) + 1 < self.copied[name]
            else:
                lost = now not in void
            if lost:
                yield name


@pytest.fixture(scope="module")
def remote_of(tmp_path_factory):
    return lru_cache(lambda seed: Remote(tmp_path_factory.mktemp(f"refs-{seed}"), seed))


def edited(remote, edits):
    """The refs after some edits, and the commits that are void: added in the right form to what is closed, where nothing counts any more."""
    state, void = dict(remote.honest), set()
    for kind, which, other, depth in edits:
        chains = sorted(state)
        if not chains:
            break
        one, two = chains[which % len(chains)], chains[other % len(chains)]
        honest = sorted(remote.honest)[other % len(remote.honest)]
        match kind:
            case "delete":
                del state[one]
            case "rewind":
                known = remote.commits.get(one, [state[one]])
                state[one] = known[max(0, len(known) - 1 - depth)]
            case "swap":
                state[one], state[two] = state[two], state[one]
            case "lead elsewhere":
                state[one] = remote.commits[honest][depth % len(remote.commits[honest])]
            case "foreign commit":
                message = FOREIGN[depth % len(FOREIGN)].format(chain=one)
                state[one] = remote.writer.commit(remote.entry(honest), [state[one]], message, MOMENT)
            case "forged commit" if honest != one and state[one] in remote.commits.get(one, ()):
                place = remote.commits[one].index(state[one]) + 2
                message = f"planloom: {one} #{place}\n\nnonce x"
                late = place > remote.copied[one] and one.partition("/")[0] in remote.closed
                state[one] = remote.writer.commit(remote.entry(honest), [state[one]], message, MOMENT)
                void |= {state[one]} if late else set()
            case "new ref":
                state[f"release-{depth + 3}/build"] = remote.commits[honest][-1]
    return state, void


EDITS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 99), st.integers(0, 6)), min_size=1, max_size=3
)


def is_about(chain, finding):
    place = place_of(finding.path)
    return finding.path == CHAIN_REFS + chain or (place is not None and place.chain == chain)


@settings(max_examples=70, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.sampled_from(SEEDS), edits=EDITS)
def test_every_edit_of_a_ref_is_found_against_its_copies_and_records(remote_of, seed, edits):
    remote = remote_of(seed)
    state, void = edited(remote, edits)
    remote.put(state)
    findings = verify(read_history(remote.bare), Request()).findings
    assert unsaid(findings) == []
    for chain in remote.must_be_found(state, void):
        assert any(is_about(chain, finding) for finding in findings), (chain, state.get(chain))
    if state == remote.honest:
        assert findings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_refs_of_a_random_honest_history_verify(remote_of, seed):
    remote = remote_of(seed)
    remote.put(remote.honest)
    history = read_history(remote.bare)
    assert verify(history, Request()).findings == ()
    assert len(history.records()) == sum(map(len, remote.commits.values()))


def test_the_random_histories_have_both_what_is_collected_and_what_is_not(remote_of):
    remotes = [remote_of(seed) for seed in SEEDS]
    counts = [(remote.copied[name], len(commits)) for remote in remotes for name, commits in remote.commits.items()]
    assert sum(0 < copied < length for copied, length in counts) >= 10
    assert sum(copied == length for copied, length in counts) >= 10
    assert any(remote.closed for remote in remotes)


def test_what_was_never_collected_and_nobody_builds_on_can_be_taken_away_without_a_trace(remote_of):
    """Why the test above leaves it out: no copy and no checkpoint has it, and no other record names it."""
    unseen = 0
    for remote in map(remote_of, SEEDS):
        for name, commits in remote.commits.items():
            if remote.copied[name] < len(commits) > 1:
                remote.put({**remote.honest, name: commits[-2]})
                unseen += verify(read_history(remote.bare), Request()).findings == ()
    assert unseen
