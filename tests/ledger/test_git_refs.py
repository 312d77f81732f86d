"""The git ledger against a real server over HTTP: tokens, copies on the ledger branch, rewound refs, closed work items."""

from __future__ import annotations

import pytest

from gitledgers import git_ledger
from gitserver import FETCH, PUSH, READ_TOKEN, WRITE_TOKEN, make_bare, run_git
from planloom.core.errors import StoreError, TrustError
from planloom.ledger.ledger import EMPTY, Append, Entry, Head, Lost, Won
from planloom.ledger.retry import Pace


def put(ledger, chain, content, expected=EMPTY, folder="claims", files=None):
    outcome = ledger.append({chain: Append(expected, Entry(folder, content, files or {}))})
    assert isinstance(outcome, Won)
    return outcome.heads[chain]


def copy_to_branch(ledger, owner, extra=None):
    """Do what the collector does: lay every record of a work item onto the ledger branch."""
    changes = dict(extra or {})
    for name, chain in ledger.read([f"{owner}/"]).items():
        for index, entry in enumerate(chain.entries, start=1):
            changes[f"{entry.folder}/{name}/{index:06d}.json"] = entry.content
    return ledger.commit_branch(changes, ledger.branch_files().tip, "planloom: collect")


def open_and_close(ledger, item="release-1"):
    head = put(ledger, f"{item}/_item", b"opened", folder="work-items", files={"plan.json": b"{}"})
    put(ledger, f"{item}/build", b"claimed")
    put(ledger, f"{item}/_item", b"closed", head, folder="work-items")


def test_another_machine_reads_what_one_has_written(server, make_git):
    head = put(make_git(server), "release-1/build", b"one")
    other = make_git(server)
    assert other.read(["release-1/"])["release-1/build"].head == head
    put(other, "release-1/build", b"two", head, folder="handoff")


def test_a_ref_holds_tiny_commits_of_a_fixed_identity_and_no_workflow_files(server, make_git):
    head = put(make_git(server), "release-1/build", b"one")
    assert server.refs() == {"refs/planloom/release-1/build": head.token}
    assert server.git("ls-tree", "-r", "--name-only", head.token) == "claims.json"
    assert server.git("log", "--format=%an|%ae|%cn|%ct|%s", head.token) == (
        "planloom|planloom@planloom.invalid|planloom|1795377952|planloom: release-1/build #1"
    )


def test_one_append_is_one_push_however_many_chains(server, make_git):
    ledger = make_git(server)
    outcome = ledger.append({f"release-1/step-{n}": Append(EMPTY, Entry("claims", b"%d" % n)) for n in range(60)})
    assert isinstance(outcome, Won)
    assert server.pushes() == 1
    assert len(server.refs()) == 60
    assert len(ledger.read(["release-1/"])) == 60


def test_a_loser_does_not_reach_the_server_with_a_push(server, make_git):
    ledger, other = make_git(server), make_git(server)
    put(ledger, "release-1/build", b"one")
    assert other.append({"release-1/build": Append(EMPTY, Entry("claims", b"two"))}) == Lost(("release-1/build",))
    assert server.pushes() == 1


def test_a_read_is_one_fetch(server, make_git):
    ledger = make_git(server)
    head = put(ledger, "release-1/build", b"one")
    copy_to_branch(ledger, "release-1")
    fresh = make_git(server)
    fresh.read(["release-1/"])
    put(ledger, "release-1/build", b"two", head)
    del server.requests[:]
    fresh.read(["release-1/", "release-2/x", "_resource/staging"])
    assert [r.service for r in server.requests if r.is_work] == [FETCH, FETCH]  # one to list the refs, one for the objects
    del server.requests[:]
    fresh.read(["release-1/"])
    assert [r.service for r in server.requests if r.is_work] == [FETCH]  # nothing new: the list alone


def test_a_token_that_may_not_write_is_named_at_once(server, make_git):
    reader = make_git(server, READ_TOKEN)
    assert reader.read(["release-1/"]) == {}
    with pytest.raises(StoreError, match="does not let this token write") as caught:
        put(reader, "release-1/build", b"one")
    assert "contents: write" in caught.value.hint
    assert caught.value.code == "E_GIT_WRITE"


def test_a_wrong_token_is_named_at_once_and_never_shown(server, make_git):
    with pytest.raises(StoreError, match="did not let us sign in") as caught:
        make_git(server, "s3cret").read(["release-1/"])
    assert "s3cret" not in str(caught.value)


def test_a_repository_that_is_not_there_is_named_at_once(server, make_git):
    server.url = server.url.replace("demo", "elsewhere")
    with pytest.raises(StoreError, match="is not there"):
        make_git(server).items()


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503])
def test_a_busy_server_is_tried_again(server, make_git, status):
    ledger = make_git(server)
    server.fail_next(PUSH, status, times=2, text="secondary rate limit")
    server.fail_next(FETCH, status, times=2)
    put(ledger, "release-1/build", b"one")
    assert make_git(server).read(["release-1/build"])["release-1/build"].head.index == 1


def test_a_server_that_stays_busy_is_given_up_after_the_stated_budget(server, make_git):
    waited = []
    now = [0.0]

    def sleep(seconds):
        waited.append(seconds)
        now[0] += seconds

    pace = Pace(budget=30, monotonic=lambda: now[0], sleep=sleep, uniform=lambda low, high: high)
    server.fail_next(PUSH, 503, times=10_000)
    with pytest.raises(StoreError, match="could not be used for 30 seconds") as caught:
        put(make_git(server, pace=pace), "release-1/build", b"one")
    assert caught.value.code == "E_GIT_BUSY"
    assert sum(waited) <= 30
    assert waited == sorted(waited)
    assert server.refs() == {}


def test_a_win_whose_answer_was_lost_is_a_win(server, make_git):
    server.fail_next(PUSH, drop=True)
    put(make_git(server), "release-1/build", b"one")
    assert server.pushes() == 0  # no answer ever arrived
    assert make_git(server).read(["release-1/build"])["release-1/build"].entries[0].content == b"one"


def test_a_win_that_was_built_upon_before_its_answer_was_missed_is_a_win(server, make_git):
    first, second = make_git(server), make_git(server)
    server.fail_next(PUSH, drop=True)

    # Between the lost answer and the question what came of it, another machine appends after the entry.
    def meddle(point):
        if point == "git: after push" and not server.failures[0].left:
            server.failures[0].left = -1
            put(second, "release-1/build", b"two", second.read(["release-1/build"])["release-1/build"].head)

    meddled = make_git(server, at=meddle)
    del first
    head = put(meddled, "release-1/build", b"one")
    assert head.index == 1
    assert [e.content for e in second.read(["release-1/build"])["release-1/build"].entries] == [b"one", b"two"]


def test_an_unknown_push_that_another_machine_beat_is_a_loss(server, make_git):
    other = make_git(server)
    server.fail_next(PUSH, 503)

    def meddle(point):
        if point == "git: after push" and not other.read(["release-1/build"])["release-1/build"].entries:
            put(other, "release-1/build", b"theirs")

    ledger = make_git(server, at=meddle)
    assert ledger.append({"release-1/build": Append(EMPTY, Entry("claims", b"mine"))}) == Lost(("release-1/build",))
    assert [e.content for e in ledger.read(["release-1/build"])["release-1/build"].entries] == [b"theirs"]


def test_the_ledger_branch_is_made_and_grows_commit_by_commit(server, make_git):
    ledger = make_git(server)
    assert ledger.branch_files().tip == ""
    won = ledger.commit_branch({"README.md": b"hello\n", "claims/r-1/build/000001.json": b"one"}, "", "collect")
    tip = won.heads["planloom"].token
    assert server.git("ls-tree", "-r", "--name-only", "planloom").split() == [
        "artifacts/README.md",
        "artifacts/claims/r-1/build/000001.json",
    ]
    files = make_git(server).branch_files()
    assert dict(files) == {"README.md": b"hello\n", "claims/r-1/build/000001.json": b"one"}
    assert files.tip == tip
    again = ledger.commit_branch({"README.md": None, "exports/portfolio.json": b"{}"}, tip, "collect again")
    assert sorted(ledger.branch_files()) == ["claims/r-1/build/000001.json", "exports/portfolio.json"]
    assert server.git("rev-list", "--count", "planloom") == "2"
    assert again.heads["planloom"].token == ledger.branch_files().tip


def test_a_commit_to_the_branch_loses_when_the_tip_has_moved(server, make_git):
    ledger, other = make_git(server), make_git(server)
    assert isinstance(ledger.commit_branch({"a": b"1"}, "", "one"), Won)
    assert other.commit_branch({"b": b"2"}, "", "two") == Lost(("planloom",))
    assert list(other.branch_files()) == ["a"]


def test_nothing_new_makes_no_commit(server, make_git):
    ledger = make_git(server)
    tip = ledger.commit_branch({"a": b"1"}, "", "one").heads["planloom"].token
    assert ledger.commit_branch({"a": b"1"}, tip, "two").heads["planloom"].token == tip
    assert ledger.commit_branch({}, tip, "two").heads["planloom"].token == tip
    assert server.pushes() == 1


def test_a_commit_to_the_branch_whose_answer_was_lost_is_a_win(server, make_git):
    ledger = make_git(server)
    server.fail_next(PUSH, drop=True)
    tip = ledger.commit_branch({"a": b"1"}, "", "one").heads["planloom"].token
    assert server.refs() == {"refs/heads/planloom": tip}


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", ".git/config", "a//b", ""])
def test_a_path_that_leads_out_of_artifacts_is_refused(server, make_git, path):
    with pytest.raises(StoreError, match="does not lie below"):
        make_git(server).commit_branch({path: b"x"}, "", "one")


def test_other_files_of_the_branch_stay_as_they_are(server, make_git, tmp_path):
    work = tmp_path / "work"
    run_git("clone", "--quiet", str(server.bare), str(work))
    (work / ".github/workflows").mkdir(parents=True)
    (work / ".github/workflows/ci.yml").write_text("on: push\n")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "link").symlink_to("run.sh")
    (work / "artifacts").mkdir()
    (work / "artifacts/README.md").write_text("seed\n")
    run_git("-C", str(work), "add", "-A")
    run_git("-C", str(work), "commit", "--quiet", "-m", "seed")
    run_git("-C", str(work), "push", "--quiet", "origin", "HEAD:main")
    before = server.git("ls-tree", "-r", "main").splitlines()
    ledger = make_git(server, branch="main")
    tip = ledger.branch_files().tip
    assert isinstance(ledger.commit_branch({"claims/r-1/build/000001.json": b"one"}, tip, "collect"), Won)
    after = server.git("ls-tree", "-r", "main").splitlines()
    added = [line for line in after if line not in before]
    assert [line.split("\t")[1] for line in added] == ["artifacts/claims/r-1/build/000001.json"]
    assert [line for line in before if line not in after] == []
    assert server.git("rev-parse", "main~1") == tip


def test_copies_on_the_branch_change_nothing_while_the_item_is_open(server, make_git):
    ledger = make_git(server)
    head = put(ledger, "release-1/build", b"one")
    copy_to_branch(ledger, "release-1")
    put(ledger, "release-1/build", b"two", head)
    assert [e.content for e in make_git(server).read(["release-1/"])["release-1/build"].entries] == [b"one", b"two"]


@pytest.mark.parametrize("how", ["removed", "behind", "rewritten"])
def test_a_ref_that_was_rewound_is_refused(server, make_git, how):
    ledger = make_git(server)
    first = put(ledger, "release-1/build", b"one")
    put(ledger, "release-1/build", b"two", first)
    copy_to_branch(ledger, "release-1")
    ref = "refs/planloom/release-1/build"
    if how == "removed":
        server.git("update-ref", "-d", ref)
    elif how == "behind":
        server.git("update-ref", ref, first.token)
    else:
        server.git("update-ref", "-d", ref)
        intruder = make_git(server)
        put(intruder, "release-1/build", b"due", put(intruder, "release-1/build", b"uno"))
    for reader in (make_git(server), ledger):
        for names in (["release-1/"], ["release-1/build"]):
            with pytest.raises(TrustError, match="release-1/build was rewound") as caught:
                reader.read(names)
            assert caught.value.code == "E_REWOUND"
    assert make_git(server).read(["release-1/other"])["release-1/other"].entries == ()


def test_a_ledger_branch_that_disappeared_leaves_the_refs_readable(server, make_git):
    ledger = make_git(server)
    put(ledger, "release-1/build", b"one")
    copy_to_branch(ledger, "release-1")
    server.git("update-ref", "-d", "refs/heads/planloom")
    assert ledger.read(["release-1/build"])["release-1/build"].head.index == 1


def test_branches_and_chains_whose_names_begin_alike_are_not_mixed_up(server, make_git):
    ledger = make_git(server)
    put(ledger, "release-1/build", b"one")
    put(ledger, "release-1/build-all", b"all")
    copy_to_branch(ledger, "release-1")
    tip = server.refs()["refs/heads/planloom"]
    for name in ("planloom-old", "planloom.bak", "planloom-x/y"):
        server.git("update-ref", f"refs/heads/{name}", tip)
    server.git("update-ref", "-d", "refs/heads/planloom")
    fresh = make_git(server)
    assert fresh.branch_files().tip == ""
    assert list(fresh.read(["release-1/build"])) == ["release-1/build"]
    server.git("update-ref", "refs/heads/planloom", tip)
    assert fresh.branch_files().tip == tip
    assert fresh.branch_files().tip == tip


def test_a_closed_item_is_pruned_and_read_from_the_branch_alone(server, make_git):
    ledger = make_git(server)
    open_and_close(ledger)
    put(ledger, "release-2/_item", b"opened", folder="work-items")
    copy_to_branch(ledger, "release-1", {"work-items/release-1/_item/000001/plan.json": b"{}"})
    before = ledger.read(["release-1/"])
    assert ledger.prunable() == ("release-1",)
    pruned = ledger.prune("release-1")
    assert ledger.prunable() == ()
    assert pruned.removed == ("release-1/_item", "release-1/build")
    assert pruned.kept == ()
    assert sorted(server.refs()) == ["refs/heads/planloom", "refs/planloom/release-2/_item"]
    for reader in (ledger, make_git(server)):
        after = reader.read(["release-1/"])
        assert {n: c.entries for n, c in after.items()} == {n: c.entries for n, c in before.items()}
        assert reader.items() == ("release-1", "release-2")
        assert reader.attachment("release-1/_item", 1, "plan.json") == b"{}"
    assert ledger.prune("release-1").removed == ()


def test_nothing_can_be_appended_to_a_closed_item(server, make_git):
    ledger = make_git(server)
    open_and_close(ledger)
    copy_to_branch(ledger, "release-1")
    ledger.prune("release-1")
    head = ledger.read(["release-1/build"])["release-1/build"].head
    assert head.index == 1
    assert isinstance(ledger.append({"release-1/build": Append(head, Entry("handoff", b"late"))}), Lost)


def test_records_that_come_after_a_closed_item_was_collected_are_void(server, make_git):
    ledger, late = make_git(server), make_git(server)
    open_and_close(ledger)
    head = late.read(["release-1/build"])["release-1/build"].head
    copy_to_branch(ledger, "release-1")
    put(late, "release-1/build", b"late", head)
    put(late, "release-1/test", b"late")
    found = make_git(server).read(["release-1/", "release-1/test"])
    assert [e.content for e in found["release-1/build"].entries] == [b"claimed"]
    assert found["release-1/test"].entries == ()
    nothing = Append(found["release-1/test"].head, Entry("claims", b"later still"))
    assert isinstance(ledger.append({"release-1/test": nothing}), Lost)
    # What was never copied is not thrown away by us; it only does not count.
    assert ledger.prune("release-1").kept == ("release-1/build", "release-1/test")


def test_an_item_that_is_not_closed_on_the_branch_is_never_pruned(server, make_git):
    ledger = make_git(server)
    head = put(ledger, "release-1/_item", b"opened", folder="work-items")
    copy_to_branch(ledger, "release-1")
    put(ledger, "release-1/_item", b"closed", head, folder="work-items")
    assert ledger.prunable() == ()
    assert ledger.prune("release-1").removed == ()
    assert "refs/planloom/release-1/_item" in server.refs()


def test_a_commit_that_another_hand_pushed_is_refused_with_its_ref(server, make_git):
    ledger = make_git(server)
    head = put(ledger, "release-1/build", b"one")
    server.git("update-ref", "refs/planloom/release-1/test", head.token)
    with pytest.raises(StoreError, match="refs/planloom/release-1/test") as caught:
        make_git(server).read(["release-1/"])
    assert caught.value.code == "E_FOREIGN"


def test_a_gap_on_the_branch_is_refused_with_its_place(server, make_git):
    ledger = make_git(server)
    ledger.commit_branch({"claims/release-1/build/000002.json": b"two"}, "", "collect")
    with pytest.raises(StoreError, match="entry 1 of release-1/build is missing"):
        ledger.read(["release-1/"])


def test_a_foreign_file_on_the_branch_is_refused_with_its_path(server, make_git):
    ledger = make_git(server)
    ledger.commit_branch({"claims/release-1/build/notes.txt": b"x"}, "", "collect")
    with pytest.raises(StoreError, match=r"claims/release-1/build/notes\.txt"):
        ledger.read(["release-1/"])


def test_a_head_of_another_chain_loses_without_a_push(server, make_git):
    ledger = make_git(server)
    head = put(ledger, "release-1/build", b"one")
    assert isinstance(ledger.append({"release-1/test": Append(head, Entry("claims", b"x"))}), Lost)
    assert isinstance(ledger.append({"release-1/build": Append(Head(1, "0" * 40), Entry("claims", b"x"))}), Lost)
    assert server.pushes() == 1


def test_a_cache_that_was_removed_is_made_again(server, make_git, tmp_path):
    import shutil

    ledger = make_git(server)
    put(ledger, "release-1/build", b"one")
    caches = list(tmp_path.glob("machine-*.git"))
    assert len(caches) == 1
    shutil.rmtree(caches[0])
    assert make_git(server).read(["release-1/build"])["release-1/build"].head.index == 1


def test_the_token_is_in_no_file_and_no_argument(server, make_git, tmp_path):
    ledger = make_git(server)
    put(ledger, "release-1/build", b"one")
    ledger.read(["release-1/"])
    import base64

    secrets = [b"write-token", base64.b64encode(b"x-access-token:write-token")]
    for cache in tmp_path.glob("machine-*.git"):
        for path in cache.rglob("*"):
            if path.is_file():
                assert not any(s in path.read_bytes() for s in secrets)


def test_a_new_machine_takes_the_ledger_branch_without_its_history(server, make_git, tmp_path):
    ledger, tip = make_git(server), ""
    for number in range(5):
        tip = ledger.commit_branch({f"claims/r/s{number}/000001.json": b"x"}, tip, "collect").heads["planloom"].token
    fresh = make_git(server)
    assert len(fresh.branch_files()) == 5
    cache = max(tmp_path.glob("machine-*.git"), key=lambda path: path.name)
    assert run_git("--git-dir", str(cache), "rev-list", "--count", "refs/heads/planloom") == "1"
    newer = ledger.commit_branch({"claims/r/more/000001.json": b"y"}, tip, "collect").heads["planloom"].token
    assert fresh.branch_files().tip == newer
    won = fresh.commit_branch({"exports/portfolio.json": b"{}"}, newer, "collect")
    assert ledger.branch_files().tip == won.heads["planloom"].token
    assert server.git("rev-list", "--count", "planloom") == "7"
    server.fail_next(PUSH, drop=True)
    fresh.commit_branch({"exports/checkpoint": b"c"}, won.heads["planloom"].token, "collect")
    assert server.git("fsck", "--strict", "--no-dangling") == ""


def test_a_ledger_branch_that_was_put_in_place_of_another_is_read(server, make_git):
    ledger = make_git(server)
    ledger.commit_branch({"claims/r/a/000001.json": b"x"}, "", "collect")
    reader = make_git(server)
    assert list(reader.branch_files()) == ["claims/r/a/000001.json"]
    server.git("update-ref", "-d", "refs/heads/planloom")
    make_git(server).commit_branch({"claims/r/b/000001.json": b"x"}, "", "collect")
    assert list(reader.branch_files()) == ["claims/r/b/000001.json"]


def test_a_cache_that_many_small_fetches_have_filled_is_packed(server, make_git, tmp_path, monkeypatch):
    monkeypatch.setattr("planloom.ledger.gitcache.MANY_LOOSE", -1)
    writer, reader = make_git(server), make_git(server)
    head = EMPTY
    for number in range(3):
        head = put(writer, "_resource/r", b"%d" % number, head)
        assert len(reader.read(["_resource/r"])["_resource/r"].entries) == number + 1
    writer.read(["_resource/r"])
    put(writer, "release-1/build", b"after packing")
    assert len(reader.read(["release-1/", "_resource/"])) == 2
    caches = sorted(tmp_path.glob("machine-*.git"))
    assert any(list(cache.glob("objects/pack/*.pack")) for cache in caches)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_thousands_of_chains_go_into_one_push(tmp_path):
    make_bare(tmp_path / "origin.git")
    ledger = git_ledger(tmp_path, str(tmp_path / "origin.git"))
    item, step, count = "i" * 60, "s" * 50, 6000
    outcome = ledger.append({f"{item}/{step}-{n}": Append(EMPTY, Entry("claims", b"x")) for n in range(count)})
    assert isinstance(outcome, Won)
    assert len(ledger.read([f"{item}/"])) == count


def test_a_disk_that_is_full_for_git_is_said_at_once():
    from planloom.ledger.gitanswers import final_refusal
    from planloom.ledger.gitport import Remote

    refusal = final_refusal("fatal: write error: No space left on device", Remote("x", "origin"))
    assert "No space left" in refusal.message
    assert "doctor" in refusal.hint


@pytest.mark.parametrize("how", ["objects emptied", "refs emptied", "head removed"])
def test_a_cache_that_a_power_cut_has_damaged_is_made_anew(server, make_git, tmp_path, how):
    put(make_git(server), "release-1/build", b"one")
    ledger = make_git(server)
    ledger.read(["release-1/"])
    (cache,) = [c for c in tmp_path.glob("machine-*.git") if (c / "refs/planloom").exists()]
    victims = {"objects emptied": "objects/??/*", "refs emptied": "refs/planloom/*/*", "head removed": "HEAD"}[how]
    for path in cache.glob(victims):
        path.chmod(0o644)
        path.unlink() if path.name == "HEAD" else path.write_bytes(b"")
    put(make_git(server), "release-1/test", b"two")
    again = git_ledger(tmp_path, server.url, WRITE_TOKEN, cache.stem)
    assert [c.entries[0].content for c in again.read(["release-1/"]).values()] == [b"one", b"two"]


@pytest.mark.parametrize("lock", ["shallow.lock", "refs/heads/planloom.lock", "refs/planloom/release-1/build.lock"])
def test_a_lock_that_a_killed_git_left_in_the_cache_is_no_obstacle(server, make_git, tmp_path, lock):
    writer = make_git(server)
    head = put(writer, "release-1/build", b"one")
    tip = copy_to_branch(writer, "release-1").heads["planloom"].token
    ledger = make_git(server)
    ledger.read(["release-1/"])
    put(writer, "release-1/build", b"two", head)
    writer.commit_branch({"exports/checkpoint": b"c"}, tip, "collect")
    cache = max(tmp_path.glob("machine-*.git"), key=lambda path: path.name)
    (cache / lock).write_bytes(b"")
    if lock == "shallow.lock":
        (cache / "planloom-begun").unlink()
    assert ledger.read(["release-1/build"])["release-1/build"].head.index == 2


@pytest.mark.parametrize("lock", ["refs/planloom/release-1/build.lock", "refs/planloom/release-1/test.lock"])
def test_a_lock_on_the_other_side_is_waited_for(server, make_git, lock):
    put(make_git(server), "release-1/build", b"one")
    tried = []

    def give_back(point):
        if point == "git: after push":
            tried.append(sorted(server.refs()))
            if len(tried) == 2:
                (server.bare / lock).unlink()

    ledger = make_git(server, at=give_back)
    head = ledger.read(["release-1/build"])["release-1/build"].head
    (server.bare / lock).write_bytes(b"")
    both = {"release-1/build": Append(head, Entry("handoff", b"two")), "release-1/test": Append(EMPTY, Entry("claims", b"x"))}
    assert isinstance(ledger.append(both), Won)
    # While one of the two was locked neither had moved.
    assert tried == [["refs/planloom/release-1/build"]] * 2 + [["refs/planloom/release-1/build", "refs/planloom/release-1/test"]]
    assert [len(chain.entries) for chain in make_git(server).read(["release-1/"]).values()] == [2, 1]


def test_a_lock_on_the_other_side_that_stays_is_named_after_the_budget(server, make_git):
    put(make_git(server), "release-1/build", b"one")
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    (server.bare / "refs/planloom/release-1/test.lock").write_bytes(b"")
    ledger = make_git(server, pace=Pace(budget=30, monotonic=lambda: now[0], sleep=sleep))
    with pytest.raises(StoreError, match="could not be used for 30 seconds") as caught:
        put(ledger, "release-1/test", b"x")
    assert caught.value.code == "E_GIT_BUSY"
    assert len(server.refs()) == 1


def test_what_the_other_side_says_of_a_lock_is_not_taken_for_damage_here():
    from planloom.ledger.gitanswers import final_refusal, is_damaged
    from planloom.ledger.gitport import Remote

    text = "remote: error: cannot lock ref 'refs/x': Unable to create '/srv/x.lock': File exists.\nremote: fatal: it is empty"
    assert not is_damaged(text)
    assert final_refusal(text, Remote("x", "origin")) is None


def test_waits_are_spread_and_grow_within_the_budget():
    from planloom.ledger.retry import FIRST_SECONDS, LONGEST_SECONDS, Patience

    def waits():
        now, waited = [0.0], []

        def sleep(seconds):
            now[0] += seconds
            waited.append(seconds)

        patience = Patience(Pace(monotonic=lambda: now[0], sleep=sleep))
        while patience.wait():
            pass
        return waited

    several = [waits() for _ in range(20)]
    assert len({one[0] for one in several}) > 10, "everybody would come back at the same moment"
    for waited in several:
        assert sum(waited) <= Pace().budget
        for number, seconds in enumerate(waited):
            longest = min(FIRST_SECONDS * 2**number, LONGEST_SECONDS)
            assert longest / 4 <= seconds <= longest
