"""A mirror clone is verified with what lies in its refs, offline, as `--ledger git` does it online."""

from pathlib import Path

import pytest

from attacks.forging import read, unsaid
from gitserver import run_git
from planloom.cli.verifying import read_named
from planloom.ledger.ledger import Append, Entry
from planloom.report.verification import render_text
from planloom.trust.gather import read_history
from planloom.trust.verify import Request, verify
from trust.histories import EVE, Shape
from trust.mirrors import Hub, found, unpack

BUILD = "artifacts/handoff/release-1/build/000002.json"
SHARED = (Shape("a", resources={"staging": 1}), Shape("b", ("a",), resources={"staging": 1}))


@pytest.fixture
def hub(tmp_path):
    """An open work item: lint and test were collected, build is done since."""
    hub = Hub(tmp_path)
    hub.world.open()
    hub.world.do("lint", "test")
    hub.collect()
    hub.world.do("build")
    return hub


def test_the_records_of_an_open_work_item_are_read_from_the_refs_of_a_mirror(hub):
    history = read_history(hub.mirror())
    assert BUILD in history.files
    assert (history.notes, history.breaks) == ((), ())
    verification = verify(history, Request(roots=(hub.world.policy.root_digest,)))
    assert (verification.findings, verification.verdict) == ((), "verified")
    assert (verification.records, verification.newer) == (7, 2)


def test_a_mirror_holds_the_history_that_the_ledger_gives_online(hub):
    online = read_named(None, hub.world.folder, f"git:{hub.bare}")
    assert read_history(hub.mirror()) == online
    assert read_history(hub.bare) == online


def test_a_mirror_that_no_collector_has_seen_is_verified_too(tmp_path):
    hub = Hub(tmp_path)
    hub.world.open()
    hub.world.do("lint")
    verification = verify(read_history(hub.mirror()), Request())
    assert (verification.findings, verification.records) == ((), 3)
    assert [item.id for item in verification.items] == ["release-1"]


def test_shared_resources_are_read_from_refs_too(tmp_path):
    hub = Hub(tmp_path, SHARED, capacity={"staging": 1})
    hub.world.open()
    hub.world.do("a")
    hub.collect()
    hub.world.claim("b")
    history = read_history(hub.mirror())
    assert "artifacts/claims/_resource/staging/000003.json" in history.files
    assert verify(history, Request()).findings == ()


def test_a_closed_work_item_needs_no_refs(hub):
    hub.world.close()
    hub.collect()
    assert found(hub.mirror()) == set()
    assert hub.world.ledger.prune("release-1").kept == ()
    assert hub.refs() == {}
    assert found(hub.mirror()) == set()


def test_a_plain_bare_clone_has_no_refs_of_chains_and_misses_none(hub):
    run_git("clone", "-q", "--bare", str(hub.bare), str(hub.folder / "plain.git"))
    verification = verify(read_history(hub.folder / "plain.git"), Request())
    assert (verification.findings, verification.records) == ((), 5)


def test_a_record_that_was_not_collected_yet_is_judged_like_any_other(hub):
    """The ref is in order, and its newest record is signed by a key that may not."""
    head = hub.world.ledger.read(["release-1/build"])["release-1/build"].head
    last = read_history(hub.bare).files[BUILD]
    forged = EVE.seal(read(last)._replace(index=3, event="refused", nonce="f" * 32).to_payload())
    hub.world.ledger.append({"release-1/build": Append(head, Entry("handoff", forged, {}))})
    assert found(hub.mirror()) == {("E_SIGNATURE", BUILD.replace("000002", "000003"))}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("behind", ("entry 2", "no such entry")),
        ("removed", ("entry 1", "no ref")),
        ("another's chain", None),
        ("rewritten", ("entry 2", None)),
    ],
)
def test_a_ref_that_lacks_what_was_copied_from_it_was_rewound(hub, how, told):
    refs = hub.refs()
    name = "refs/planloom/release-1/lint"
    if how == "behind":
        hub.git("update-ref", name, f"{refs['release-1/lint']}^")
    elif how == "removed":
        hub.git("update-ref", "-d", name)
    elif how == "another's chain":
        hub.git("update-ref", name, refs["release-1/test"])
    else:
        hub.git("update-ref", name, rewritten(hub, refs["release-1/lint"]))
    findings = verify(read_history(hub.mirror()), Request()).findings
    assert {(f.code, f.path) for f in findings} == {("E_REWOUND" if told else "E_FOREIGN", name)}
    assert unsaid(findings) == []
    if told:
        field, value = told
        assert findings[0].field == field
        assert value in {None, findings[0].found}


def test_a_mirror_is_the_same_by_whatever_path_it_is_named(hub, tmp_path, monkeypatch):
    mirror = hub.mirror()
    whole = read_history(mirror)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_history(Path("../mirror.git")) == whole
    monkeypatch.chdir(mirror)
    assert read_history(Path()) == whole
    assert (whole.breaks, BUILD in whole.files) == ((), True)


@pytest.mark.parametrize("how", ["gone", "cut off", "no object"])
@pytest.mark.parametrize("what", ["refs/planloom/release-1/build", "refs/planloom/release-1/build:handoff.json"])
def test_a_ref_that_can_not_be_read_is_not_called_anothers_and_the_others_are_read(hub, how, what):
    mirror = hub.mirror()
    unpack(mirror)
    name = run_git("--git-dir", str(mirror), "rev-parse", what).strip()
    loose = mirror / "objects" / name[:2] / name[2:]
    whole = loose.read_bytes()
    loose.unlink()
    if how != "gone":
        loose.write_bytes(whole[: len(whole) // 2] if how == "cut off" else b"x")
    (finding,) = read_history(mirror).breaks
    assert (finding.code, finding.path) == ("E_UNREADABLE", "refs/planloom/release-1/build")
    assert f"can't be read: git has no sound object {name[:12]} here" in finding.message
    verification = verify(read_history(mirror), Request())
    assert {f.code for f in verification.findings} == {"E_UNREADABLE"}
    assert verification.records == 5


def rewritten(hub, commit):
    """The newest entry of a chain with other bytes in it, under the same message."""
    blob = hub.git("hash-object", "-w", str(hub.world.folder / "specs/trust/policy.json")).strip()
    hub.git("read-tree", f"--index-output={hub.bare}/index", commit)
    hub.git("update-index", "--cacheinfo", f"100644,{blob},handoff.json")
    tree = hub.git("write-tree").strip()
    message = hub.git("show", "-s", "--format=%B", commit)
    return hub.git("commit-tree", tree, "-p", f"{commit}^", "-m", message.strip()).strip()


def test_a_mirror_from_which_every_ref_of_a_chain_was_taken_is_rewound(hub):
    mirror = hub.mirror()
    for name in hub.refs():
        run_git("--git-dir", str(mirror), "update-ref", "-d", f"refs/planloom/{name}")
    assert found(mirror) == {("E_REWOUND", f"refs/planloom/release-1/{step}") for step in ("_item", "lint", "test")}


def test_one_work_item_is_verified_without_what_is_wrong_with_another(hub):
    hub.world.open("release-2")
    hub.world.do("lint", item="release-2")
    hub.collect()
    hub.git("update-ref", "-d", "refs/planloom/release-2/lint")
    assert found(hub.mirror(), item="release-1") == set()
    assert found(hub.mirror(), item="release-2") == {("E_REWOUND", "refs/planloom/release-2/lint")}


def test_what_was_appended_to_a_work_item_after_its_closing_was_copied_is_void(hub):
    hub.world.close()
    hub.collect()
    late = hub.git(
        "commit-tree", f"{hub.refs()['release-1/lint']}^{{tree}}", "-p", hub.refs()["release-1/lint"], "-m", "x"
    ).strip()
    hub.git("update-ref", "refs/planloom/release-1/lint", late)
    assert found(hub.mirror()) == {("E_FOREIGN", "refs/planloom/release-1/lint")}
    message = "planloom: release-1/lint #3\n\nnonce 0"
    late = hub.git("commit-tree", f"{late}^{{tree}}", "-p", f"{late}^", "-m", message).strip()
    hub.git("update-ref", "refs/planloom/release-1/lint", late)
    history = read_history(hub.mirror())
    assert history.notes == ("1 more in refs/planloom/release-1/lint, of release-1, which is closed: void, not looked at",)
    assert verify(history, Request()).findings == ()


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_a_ref_that_leads_to_no_commit_is_found(hub, kind):
    commit = hub.refs()["release-1/lint"]
    hub.git("tag", "-a", "-m", "x", "x", commit)
    target = {"blob": f"{commit}:handoff.json", "tree": f"{commit}^{{tree}}", "tag": "refs/tags/x"}[kind]
    hub.git("update-ref", "refs/planloom/release-1/lint", hub.git("rev-parse", target).strip())
    assert found(hub.mirror()) == {("E_FOREIGN", "refs/planloom/release-1/lint")}


@pytest.mark.parametrize("name", ["release-1/lint.x", "UPPER/x", "one", "release-1/a/b"])
def test_a_ref_that_can_name_no_chain_is_found(hub, name):
    hub.git("update-ref", f"refs/planloom/{name}", hub.refs()["release-1/test"])
    assert found(hub.mirror()) == {("E_FOREIGN", f"refs/planloom/{name}")}


def test_a_commit_whose_parent_is_the_name_of_a_ref_is_found_and_never_followed_for_ever(hub):
    commit = hub.refs()["release-1/lint"]
    content = hub.git("cat-file", "commit", commit)
    looped = content.replace(f"parent {hub.git('rev-parse', f'{commit}^').strip()}", "parent refs/planloom/release-1/lint")
    assert looped != content
    path = hub.folder / "looped"
    path.write_text(looped)
    name = hub.git("hash-object", "--literally", "-w", "-t", "commit", str(path)).strip()
    (hub.bare / "refs/planloom/release-1/lint").write_text(name + "\n")  # git itself would not
    assert found(hub.bare) == {("E_FOREIGN", "refs/planloom/release-1/lint")}


def test_an_object_put_in_the_place_of_another_changes_nothing(hub):
    """git shows what `refs/replace/` names instead of an object, unless it is told not to."""
    refs = hub.refs()
    hub.git("replace", f"{refs['release-1/lint']}", f"{refs['release-1/lint']}^")
    assert found(hub.mirror()) == set()


def test_what_a_race_of_doctor_has_left_is_noted_and_not_looked_at(hub):
    hub.git("update-ref", "refs/planloom/planloom-doctor-1/probe", hub.refs()["release-1/test"])
    history = read_history(hub.mirror())
    assert ["planloom-doctor-1/probe is left over" in note for note in history.notes] == [True]
    assert verify(history, Request()).findings == ()


def plain(hub, *removed):
    """A bare clone as `git clone --bare` makes it, without some of its refs; git keeps no trace of these."""
    target = hub.folder / "plain.git"
    run_git("clone", "-q", "--bare", str(hub.bare), str(target))
    for ref in removed:
        run_git("--git-dir", str(target), "update-ref", "-d", ref)
    return target


def test_a_bare_clone_from_which_every_ledger_ref_was_taken_is_never_verified_and_says_what_it_can_not_see(hub, tmp_path):
    since = tmp_path / "checkpoint"
    since.write_bytes(read_history(hub.bare).files["artifacts/exports/checkpoint"])
    clone = plain(hub, "refs/heads/planloom")
    history = read_history(clone)
    found = verify(history, Request(roots=(hub.world.policy.root_digest,)))
    assert (found.verdict, found.records, found.log) == ("self-consistent", 0, None)
    shown = render_text(found)
    assert shown.startswith("no records\n")
    assert "note          no records are here, and no ledger branch 'planloom': what is in refs/planloom/*" in shown
    assert "there is no checkpoint" in shown
    # Who kept a checkpoint sees that it is gone, and so are the records that it names.
    kept = verify(history, Request(roots=(hub.world.policy.root_digest,), since=since.read_bytes()))
    assert kept.verdict == "broken"
    assert {finding.code for finding in kept.findings} == {"E_ROLLBACK"}


@pytest.mark.parametrize("kind", ["bare", "working copy"])
def test_a_clone_without_refs_of_chains_notes_which_open_work_items_it_may_not_see_whole(hub, kind):
    if kind == "bare":
        clone = plain(hub)
    else:
        clone = hub.folder / "copy"
        run_git("clone", "-q", str(hub.bare), str(clone))
    told = "refs/planloom/* is not here: what release-1 recorded after it was collected is not seen"
    assert [note.partition(";")[0] for note in read_history(clone).notes] == [told]
    assert read_history(hub.mirror()).notes == ()
    assert read_history(hub.bare).notes == ()
    hub.world.close()
    hub.collect()
    if kind == "bare":
        run_git("--git-dir", str(clone), "fetch", "-q", "origin", "+planloom:planloom")
    else:
        run_git("-C", str(clone), "fetch", "-q")
    assert read_history(clone).notes == ()
