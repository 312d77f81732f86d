"""No single changed byte of any record, of the policy or of the checkpoint goes unnoticed, and none makes the verifier stumble."""

import pytest

from attacks.forging import put, unsaid
from planloom.trust import checkpoint, policyfiles
from planloom.trust.verify import Request, verify
from trust.histories import Shape, World


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("bytes"), (Shape("publish", gate=1),))
    world.open()
    world.approve("publish")
    world.do("publish")
    found = world.history()
    assert verify(found, Request()).findings == ()
    return found


def guarded(history):
    """Every file in which a change must be found."""
    return [p for p in history.files if p.startswith(("artifacts/", "specs/trust/"))]


def changes(history, stride, masks):
    count = 0
    for path in guarded(history):
        content = history.files[path]
        for at in range(len(content)):
            count += 1
            if count % stride:
                continue
            for mask in masks:
                yield path, at, put(history, {path: content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]})


def names_it(path, finding):
    """A change of the policy may be told at its signature, which no longer fits."""
    same = path.startswith(policyfiles.POLICY_PATH) and finding.path.startswith(policyfiles.POLICY_PATH)
    return finding.path == path or same


def missed(history, stride, masks):
    checked = 0
    for path, at, changed in changes(history, stride, masks):
        checked += 1
        result = verify(changed, Request())
        assert unsaid(result.findings) == []
        if not any(names_it(path, finding) for finding in result.findings):
            yield path, at, result.findings
    yield checked


def test_a_changed_byte_is_found_and_its_file_named(history):
    *unseen, checked = missed(history, 37, [0x01, 0x20, 0x80])
    assert unseen == []
    assert checked > 900


def test_a_changed_byte_is_found_without_a_checkpoint_too(history):
    """Then only signatures, links and the one way of writing a file are there to show it, the key id included, which nothing signs."""
    both = put(history, {checkpoint.CHECKPOINT_PATH: None, checkpoint.LEAVES_PATH: None})
    *unseen, checked = missed(both, 41, [0x01, 0x20])
    assert unseen == []
    assert checked > 500


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_every_changed_byte_is_found_and_its_file_named(history):
    *unseen, checked = missed(history, 1, [0x01, 0xFF])
    assert unseen == []
    assert checked > 20_000


def test_a_byte_added_or_taken_is_found(history):
    for path in guarded(history):
        content = history.files[path]
        for changed in (content + b"\n", content + b" ", b"\n" + content, content[:-1], content[1:], content * 2):
            result = verify(put(history, {path: changed}), Request())
            assert any(names_it(path, finding) for finding in result.findings), path


def test_every_file_taken_away_is_found(history):
    for path in guarded(history):
        assert verify(put(history, {path: None}), Request()).findings, path


def test_the_two_files_of_the_checkpoint_are_the_only_ones_that_may_go_together(history):
    both = put(history, {checkpoint.CHECKPOINT_PATH: None, checkpoint.LEAVES_PATH: None})
    assert verify(both, Request()).findings == ()
    assert verify(both, Request(since=history.files[checkpoint.CHECKPOINT_PATH])).findings
