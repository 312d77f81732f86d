"""What every ledger promises, run on each of them."""

from __future__ import annotations

import pytest

from planloom.core.errors import StoreError
from planloom.ledger.ledger import EMPTY, Append, Entry, Head, Lost, Won


def claim(content: bytes, expected: Head = EMPTY) -> Append:
    return Append(expected, Entry("claims", content))


def opened(content: bytes, files: dict[str, bytes] | None = None) -> Append:
    return Append(EMPTY, Entry("work-items", content, files or {}))


def test_a_chain_that_does_not_exist_reads_as_empty(ledger):
    chain = ledger.read(["release-1/build"])["release-1/build"]
    assert (chain.entries, chain.head) == ((), EMPTY)


def test_what_was_appended_is_read_back_in_order(ledger):
    first = ledger.append({"release-1/build": claim(b"one")})
    second = ledger.append({"release-1/build": Append(first.heads["release-1/build"], Entry("handoff", b"two"))})
    chain = ledger.read(["release-1/build"])["release-1/build"]
    assert [(e.folder, e.content) for e in chain.entries] == [("claims", b"one"), ("handoff", b"two")]
    assert chain.head == second.heads["release-1/build"]
    assert chain.head.index == 2


def test_the_second_append_after_the_same_head_loses(ledger):
    assert isinstance(ledger.append({"release-1/build": claim(b"one")}), Won)
    assert ledger.append({"release-1/build": claim(b"other")}) == Lost(("release-1/build",))
    assert [e.content for e in ledger.read(["release-1/build"])["release-1/build"].entries] == [b"one"]


def test_the_same_bytes_appended_twice_win_once(ledger):
    assert isinstance(ledger.append({"release-1/build": claim(b"same")}), Won)
    assert isinstance(ledger.append({"release-1/build": claim(b"same")}), Lost)


def test_a_head_with_the_right_index_but_another_token_loses(ledger):
    won = ledger.append({"release-1/build": claim(b"one")})
    other = ledger.append({"release-1/test": claim(b"two")})
    assert isinstance(won, Won)
    stranger = Head(1, other.heads["release-1/test"].token)
    assert isinstance(ledger.append({"release-1/build": claim(b"x", stranger)}), Lost)


def test_a_head_beyond_the_end_loses(ledger):
    won = ledger.append({"release-1/build": claim(b"one")})
    ahead = Head(2, won.heads["release-1/build"].token)
    assert isinstance(ledger.append({"release-1/build": claim(b"x", ahead)}), Lost)


def test_an_append_to_several_chains_writes_all_or_nothing(ledger):
    ledger.append({"release-1/build": claim(b"taken")})
    both = {"release-1/build": claim(b"mine"), "release-1/test": claim(b"mine"), "_resource/staging": claim(b"mine")}
    assert ledger.append(both) == Lost(("release-1/build",))
    found = ledger.read(["release-1/", "_resource/staging"])
    assert {name: tuple(e.content for e in chain.entries) for name, chain in found.items()} == {
        "_resource/staging": (),
        "release-1/build": (b"taken",),
    }
    del both["release-1/build"]
    assert isinstance(ledger.append(both), Won)
    assert ledger.read(["_resource/"])["_resource/staging"].entries[0].content == b"mine"


def test_an_append_loses_when_a_chain_that_it_rests_on_has_moved(ledger):
    gate = ledger.append({"release-1/_gate-build": claim(b"approved")}).heads["release-1/_gate-build"]
    assert isinstance(ledger.append({"release-1/lint": claim(b"first")}, {"release-1/_gate-build": gate}), Won)
    assert ledger.read(["release-1/_gate-build"])["release-1/_gate-build"].head == gate
    assert isinstance(ledger.append({"release-1/_gate-build": Append(gate, Entry("gates", b"rejected"))}), Won)
    resting = {"release-1/build": claim(b"late"), "release-1/test": claim(b"late")}
    assert ledger.append(resting, {"release-1/_gate-build": gate}) == Lost(("release-1/_gate-build",))
    assert list(ledger.read(["release-1/"])) == ["release-1/_gate-build", "release-1/lint"]


def test_an_append_rests_on_chains_that_have_entries_and_get_none(ledger):
    head = ledger.append({"release-1/build": claim(b"one")}).heads["release-1/build"]
    with pytest.raises(StoreError, match="gets none"):
        ledger.append({"release-1/build": Append(head, Entry("handoff", b"x"))}, {"release-1/build": head})
    with pytest.raises(StoreError, match="has entries"):
        ledger.append({"release-1/test": claim(b"x")}, {"release-1/none": EMPTY})
    with pytest.raises(StoreError, match="name"):
        ledger.append({"release-1/test": claim(b"x")}, {"../none": head})


def test_a_name_that_ends_in_a_slash_reads_every_chain_below_it_sorted(ledger):
    for chain in ("release-1/test", "release-1/_gate-publish", "release-1/build", "release-10/build", "release-1.1/build"):
        ledger.append({chain: claim(chain.encode())})
    found = ledger.read(["release-1/", "release-10/none"])
    assert list(found) == ["release-1/_gate-publish", "release-1/build", "release-1/test", "release-10/none"]


def test_single_chains_are_read_without_their_neighbours(ledger):
    ledger.append({"release-1/build": claim(b"b"), "release-1/build-2": claim(b"b2")})
    assert list(ledger.read(["release-1/build"])) == ["release-1/build"]


def test_items_are_those_with_a_chain_of_their_own(ledger):
    assert ledger.items() == ()
    ledger.append({"release-2/_item": opened(b"2"), "release-2/build": claim(b"b")})
    ledger.append({"release-1/_item": opened(b"1")})
    ledger.append({"stray/build": claim(b"s")})
    assert ledger.items() == ("release-1", "release-2")


def test_files_beside_an_entry_come_back_one_by_one(ledger):
    ledger.append({"release-1/_item": opened(b"open", {"plan.json": b"{}", "steps.jsonl": b"x\n" * 5000})})
    assert ledger.attachment("release-1/_item", 1, "plan.json") == b"{}"
    assert ledger.attachment("release-1/_item", 1, "steps.jsonl") == b"x\n" * 5000
    assert ledger.read(["release-1/_item"])["release-1/_item"].entries[0].attachments == {}


@pytest.mark.parametrize(
    ("chain", "index", "name"), [("release-1/_item", 1, "other"), ("release-1/_item", 2, "plan.json"), ("none/_item", 1, "p")]
)
def test_a_file_that_is_not_there_is_refused(ledger, chain, index, name):
    ledger.append({"release-1/_item": opened(b"open", {"plan.json": b"{}"})})
    with pytest.raises(StoreError, match="has no file"):
        ledger.attachment(chain, index, name)


@pytest.mark.parametrize(
    "chain", ["", "a", "/b", "a/", "../x/y", "a/../b", "a/b/c", "A/b", "a.lock/b", "a/b.json", "_other/b", "a/-b"]
)
def test_a_name_that_no_chain_may_have_is_refused(ledger, chain):
    with pytest.raises(StoreError, match="name"):
        ledger.append({chain: claim(b"x")})


def test_a_folder_that_is_not_the_ledgers_is_refused(ledger):
    with pytest.raises(StoreError):
        ledger.append({"release-1/build": Append(EMPTY, Entry("elsewhere", b"x"))})
    with pytest.raises(StoreError, match="can't have files"):
        ledger.append({"release-1/build": Append(EMPTY, Entry("claims", b"x", {"f": b""}))})
    with pytest.raises(StoreError):
        ledger.append({"release-1/_item": claim(b"x")})
    with pytest.raises(StoreError):
        ledger.append({})
    assert ledger.read(["release-1/"]) == {}


def test_any_bytes_can_be_an_entry(ledger):
    content = bytes(range(256)) * 20 + b"\r\n\0\n"
    ledger.append({"release-1/build": claim(content), "release-1/empty": claim(b"")})
    found = ledger.read(["release-1/"])
    assert content == found["release-1/build"].entries[0].content
    assert found["release-1/empty"].entries[0].content == b""


def test_a_long_chain_reads_back_whole(ledger):
    head = EMPTY
    for number in range(30):
        outcome = ledger.append({"_resource/staging": claim(b"%d" % number, head)})
        head = outcome.heads["_resource/staging"]
    chain = ledger.read(["_resource/staging"])["_resource/staging"]
    assert [b"%d" % n for n in range(30)] == [e.content for e in chain.entries]
    assert head == chain.head


def test_it_says_where_it_is(ledger):
    assert ledger.describe().split()[0] in {"files", "git", "memory"}
