"""Whatever is deleted, doubled, swapped, moved, spliced or rolled back, the verifier says so, and never stumbles.

The attacker has no key, and the checkpoint is there: then every change of what it covers must be found.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attacks.forging import put, record_paths, unsaid
from planloom.trust.audit.history import History, place_of
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH
from planloom.trust.verify import Request, verify
from trust.histories import World, finished

SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two work items, one finished, one under way, with a revert in it."""
    world = finished(tmp_path_factory.mktemp("structure"))
    world.open("release-2")
    world.do("lint", "test", item="release-2")
    world.finish(world.claim("build", "release-2"), integrated=True)
    world.revert("build", "release-2")
    world.claim("build", "release-2")
    found = world.history()
    assert verify(found, Request()).findings == ()
    return found


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another honest history of the same plan under the same keys."""
    world = World(tmp_path_factory.mktemp("other"))
    world.ids.count = 10_000
    world.open()
    world.do("test", "lint", "build")
    return world.history()


def is_broken(history):
    found = verify(history, Request())
    assert unsaid(found.findings) == []
    return found.verdict == "broken"


@SETTINGS
@given(data=st.data())
def test_deleted_records_are_missed(history, data):
    gone = data.draw(st.sets(st.sampled_from(record_paths(history.files)), min_size=1))
    assert is_broken(put(history, dict.fromkeys(gone)))


@SETTINGS
@given(data=st.data())
def test_swapped_and_moved_records_are_found(history, data):
    paths = data.draw(st.lists(st.sampled_from(record_paths(history.files)), min_size=2, max_size=5, unique=True))
    around = [*paths[1:], paths[0]]
    assert is_broken(put(history, {to: history.files[of] for of, to in zip(paths, around, strict=True)}))


@SETTINGS
@given(data=st.data())
def test_doubled_records_are_found(history, data):
    path = data.draw(st.sampled_from(record_paths(history.files)))
    folder = data.draw(st.sampled_from(["claims", "handoff", "gates", "reverts", "work-items"]))
    item = data.draw(st.sampled_from(["release-1", "release-2", "release-3", "_resource"]))
    chain = data.draw(st.sampled_from(["_item", "build", "lint", "_gate-publish", "other"]))
    target = f"artifacts/{folder}/{item}/{chain}/{data.draw(st.integers(1, 9)):06d}.json"
    changed = put(history, {target: history.files[path]})
    assert is_broken(changed) or changed == history


@SETTINGS
@given(data=st.data())
def test_two_histories_can_not_be_spliced(history, other, data):
    paths = record_paths(other.files)
    taken = data.draw(st.sets(st.sampled_from(paths), min_size=1))
    spliced = put(history, {path: other.files[path] for path in taken})
    assert is_broken(spliced)


@SETTINGS
@given(data=st.data())
def test_a_history_cut_back_to_an_earlier_state_is_found(history, data):
    """Every chain may be cut anywhere, as if refs were rewound: a prefix of each is a state that there was."""
    cut = {}
    for path in record_paths(history.files):
        chain, _, name = path.rpartition("/")
        keep = data.draw(st.integers(0, 9), label=chain)
        if int(name[:6]) > keep:
            cut[path] = None
    if cut:
        assert is_broken(put(history, cut))


EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["cut", "junk", "insert", "move", "mix"]),
        st.integers(0, 3_000),
        st.binary(min_size=1, max_size=100),
        st.text("abc/._-01", min_size=1, max_size=40),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=4,
)


def edited(files, edits):
    files = dict(files)
    for which, kind, at, junk, name, another in edits:
        paths = sorted(files)
        path = paths[which % len(paths)]
        content = files[path]
        match kind:
            case "cut":
                files[path] = content[:at]
            case "junk":
                files[path] = junk
            case "insert":
                files[path] = content[:at] + junk + content[at:]
            case "move":
                files["artifacts/claims/" + name] = content
            case "mix":
                files[path] = content[:at] + files[paths[another % len(paths)]][at:]
    return files


@SETTINGS
@given(edits=EDITS)
def test_anything_at_all_among_the_files_never_makes_the_verifier_stumble(history, edits):
    files = edited(history.files, edits)
    guarded = {p: c for p, c in files.items() if not p.startswith(("generated/", "artifacts/claims/")) or place_of(p)}
    same = guarded == {p: c for p, c in history.files.items() if not p.startswith("generated/")}
    assert is_broken(History(files)) or same


def test_only_the_checkpoint_shows_that_ends_were_cut_off(history):
    last = max((path for path in record_paths(history.files) if "/release-2/build/" in path), key=lambda path: path[-11:])
    without = {CHECKPOINT_PATH: None, LEAVES_PATH: None}
    assert is_broken(put(history, {last: None}))
    assert not is_broken(put(history, {last: None} | without))
    assert verify(put(history, {last: None} | without), Request(since=history.files[CHECKPOINT_PATH])).verdict == "broken"
