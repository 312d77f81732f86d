"""Outputs: found, kept, restored and checked; whatever is wrong with them is a refusal and never a wrong file."""

from __future__ import annotations

import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.core.errors import InputError, StoreError, TrustError
from planloom.records.references import Subject
from planloom.runtime.executing import keep_outputs
from planloom.runtime.outputs import (
    MANIFEST,
    DirectoryStore,
    file_digest,
    find_outputs,
    fits_record,
    is_safe_path,
    open_manifest,
    read_manifest,
    restore_outputs,
    write_manifest,
)

ZERO = "0" * 64


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def lay(workspace, *names):
    for name in names:
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")


def test_outputs_are_found_by_pattern_sorted_and_once(workspace):
    lay(workspace, "dist/b.whl", "dist/a.whl", "dist/.hidden", "dist/deep/c.whl")
    found = [p.as_posix() for p in find_outputs(workspace, ("dist/*.whl", "dist/**/*.whl", "dist/.h*"))]
    assert found == ["dist/.hidden", "dist/a.whl", "dist/b.whl", "dist/deep/c.whl"]


def test_a_pattern_that_matches_nothing_is_refused(workspace):
    with pytest.raises(InputError, match="output 'dist' was not made"):
        find_outputs(workspace, ("dist",))


def test_what_is_said_of_a_folder_means_the_files_in_it(workspace):
    lay(workspace, "dist/a.whl", "dist/deep/.b")
    with pytest.raises(InputError, match=r"output 'dist' is a folder; 'dist/\*\*' means the files in it"):
        find_outputs(workspace, ("dist",))
    assert [p.as_posix() for p in find_outputs(workspace, ("dist/**",))] == ["dist/a.whl", "dist/deep/.b"]


@pytest.mark.parametrize("pattern", ["../secret", "../*", "inside/../../secret", "{root}/secret"])
def test_a_pattern_cannot_reach_out_of_the_workspace(workspace, pattern):
    (workspace.parent / "secret").write_text("secret")
    lay(workspace, "inside/a")
    with pytest.raises(InputError, match="plain path inside"):
        find_outputs(workspace, (pattern.format(root=workspace.parent),))


def test_a_link_that_leads_out_of_the_workspace_is_refused(workspace):
    (workspace.parent / "secret").write_text("secret")
    (workspace / "link").symlink_to(workspace.parent / "secret")
    with pytest.raises(InputError, match="plain path inside"):
        find_outputs(workspace, ("link",))


@pytest.mark.parametrize("name", [b"bad\xff", b"line\nbreak", b"bell\x07", b"trailing.", b"con"])
def test_a_file_whose_name_no_record_may_hold_is_refused(workspace, name):
    (workspace / name.decode("utf-8", "surrogateescape")).write_text("x")
    with pytest.raises(InputError, match="plain path"):
        find_outputs(workspace, ("*",))


def test_names_that_differ_only_by_capitals_are_refused(workspace):
    lay(workspace, "README", "readme")
    with pytest.raises(InputError, match="capitals"):
        find_outputs(workspace, ("*",))


@pytest.mark.parametrize("name", [".git/config", ".GIT/config", ".planloom/ci.pem", "a//b", "./a", "", ".", "c:/x", "a\\b"])
def test_some_names_are_never_outputs(name):
    assert not is_safe_path(name)


@pytest.mark.parametrize("name", ["a", "dist/a b.whl", "naïve/ö.txt", ".github/x", "a..b"])
def test_ordinary_names_are(name):
    assert is_safe_path(name)


def test_what_was_kept_is_restored_and_checked(workspace, store, tmp_path):
    lay(workspace, "dist/a", "b")
    subjects, manifest = keep_outputs(workspace, ("dist/a", "b"), store)
    assert not manifest
    other = tmp_path / "other"
    other.mkdir()
    assert restore_outputs(other, subjects, store, "directory") == ("b", "dist/a")
    assert (other / "dist/a").read_text() == "this is dist/a"
    assert restore_outputs(other, subjects, store, "directory") == ()


def test_another_content_in_the_workspace_is_replaced(workspace, store):
    lay(workspace, "a")
    subjects, _ = keep_outputs(workspace, ("a",), store)
    (workspace / "a").write_text("changed")
    restore_outputs(workspace, subjects, store, "directory")
    assert (workspace / "a").read_text() == "this is a"


def test_a_kept_file_that_was_changed_is_never_restored(workspace, store, tmp_path):
    lay(workspace, "a")
    subjects, _ = keep_outputs(workspace, ("a",), store)
    digest = subjects[0].digest
    (store.folder / "sha256" / digest[:2] / digest).write_text("changed")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(TrustError) as refused:
        restore_outputs(other, subjects, store, "directory")
    assert refused.value.code == "E_ARTIFACT"
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("names", [("a",), tuple(f"f{n:03d}" for n in range(300))], ids=["a file", "a list of files"])
def test_a_kept_file_that_was_changed_is_replaced_when_it_is_made_again(workspace, store, tmp_path, names):
    lay(workspace, *names)
    subjects, _ = keep_outputs(workspace, names, store)
    for path in store.folder.rglob("*"):
        if path.is_file():
            path.write_text("changed")
    assert keep_outputs(workspace, names, store) == (subjects, len(names) > 1)
    other = tmp_path / "other"
    other.mkdir()
    listed = open_manifest(subjects, store, "directory") if len(names) > 1 else subjects
    assert restore_outputs(other, listed, store, "directory") == names


def test_what_is_not_kept_any_more_is_an_error_that_names_the_way_out(workspace, store):
    with pytest.raises(StoreError) as refused:
        restore_outputs(workspace, [Subject("a", ZERO)], store, "directory")
    assert "delegate --structured-work-item ITEM --retry STEP" in refused.value.hint
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/tmp/x", ".planloom/ci.pem", "a/../../x"])
def test_a_record_cannot_place_a_file_outside_the_workspace(workspace, store, name):
    with pytest.raises(TrustError) as refused:
        restore_outputs(workspace, [Subject(name, ZERO)], store, "directory")
    assert refused.value.code == "E_SUBJECT_PATH"


def test_a_link_in_the_workspace_is_not_followed_outside(workspace, store, tmp_path):
    lay(workspace, "dist/a")
    subjects, _ = keep_outputs(workspace, ("dist/a",), store)
    outside, other = tmp_path / "outside", tmp_path / "other"
    outside.mkdir()
    other.mkdir()
    (other / "dist").symlink_to(outside)
    with pytest.raises(TrustError):
        restore_outputs(other, subjects, store, "directory")
    assert list(outside.iterdir()) == []


def test_a_link_in_the_place_of_an_output_is_replaced_and_not_written_through(workspace, store, tmp_path):
    lay(workspace, "a")
    subjects, _ = keep_outputs(workspace, ("a",), store)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (workspace / "a").unlink()
    (workspace / "a").symlink_to(victim)
    restore_outputs(workspace, subjects, store, "directory")
    assert victim.read_text() == "mine"
    assert not (workspace / "a").is_symlink()


def test_many_outputs_become_one_list_that_leads_to_all_of_them(workspace, store, tmp_path):
    lay(workspace, *(f"many/{n:03d}" for n in range(300)))
    subjects, manifest = keep_outputs(workspace, ("many/*",), store)
    assert (manifest, [s.name for s in subjects]) == (True, [MANIFEST])
    assert not (workspace / MANIFEST).exists()
    files = open_manifest(subjects, store, "directory")
    assert len(files) == 300
    other = tmp_path / "other"
    other.mkdir()
    restore_outputs(other, files, store, "directory")
    assert (other / "many/299").read_text() == "this is many/299"


def test_few_outputs_with_long_names_become_a_list_too(workspace, store):
    lay(workspace, *(f"{'d' * 200}/{'e' * 190}{n:03d}" for n in range(100)))
    assert keep_outputs(workspace, ("d*/*",), store)[1]


def test_a_list_of_outputs_says_the_same_after_a_round_trip():
    subjects = (Subject("a", ZERO), Subject("naïve/ö", "f" * 64))
    assert read_manifest(write_manifest(subjects)) == subjects


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_of_outputs_or_are_refused(content):
    with contextlib.suppress(TrustError):
        read_manifest(content)


@pytest.mark.parametrize("entry", ['{"digest":"x","name":"a"}', f'{{"digest":"{ZERO}","name":"../a"}}', '"a"', "{}", "1"])
def test_a_list_that_names_no_plain_file_is_refused(entry):
    content = b'{"files":[%s],"schema":"planloom/manifest/v1"}\n' % entry.encode()
    with pytest.raises(TrustError):
        read_manifest(content)


def test_parallel_steps_may_keep_and_restore_the_same_file(workspace, store, tmp_path):
    lay(workspace, "same")
    digest = file_digest(workspace / "same")
    shared = tmp_path / "shared"
    shared.mkdir()
    barrier, problems = threading.Barrier(8), []

    def work():
        try:
            for _ in range(20):
                barrier.wait()
                store.put(workspace / "same", digest)
                restore_outputs(shared, [Subject("same", digest)], store, "directory")
                barrier.wait()
                (shared / "same").unlink(missing_ok=True)
        except BaseException as error:
            problems.append(error)
            barrier.abort()
            raise

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=300), max_size=400))
def test_what_fits_a_record_stays_below_the_size_of_an_envelope(names):
    subjects = tuple(Subject(name, ZERO) for name in names)
    if fits_record(subjects):
        listed = sum(len(f'{{"digest":{{"sha256":"{s.digest}"}},"name":"{s.name}"}},') for s in subjects)
        assert listed * 4 / 3 < 60_000
