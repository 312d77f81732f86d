"""`keys` and `init` killed before each single thing they do to the disk: the policy is the old one or the new one, whole, and the next try succeeds."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
import traceback
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from care.conftest import project_in
from planloom.scaffold.project import lay_down
from planloom.trust.keyfiles import read_private_key
from planloom.trust.policyfiles import TRUST_FOLDER, load_policy, open_policy
from planloom.trust.policyjournal import JOURNAL_PATH, finish_left

WRITING = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.truncate"}


def killed_at(project, number, words, parts):
    """Run planloom in a process of its own that kills itself before the n-th write, rename or removal below `parts`; return how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = [number]
    below = tuple(str(project.root / part) for part in parts)

    def hook(event, given):
        writes = event in WRITING or (event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and any(str(Path.cwd() / str(part)).startswith(below) for part in given[:2]):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 99
    try:
        sys.addaudithook(hook)
        status = project.run(*words).code
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as the test
        traceback.print_exc()
    finally:
        os._exit(status)


def deaths(project, folder, words, parts):
    """Yield a copy of a project for each point at which a command was killed, up to the last that it passes."""
    for number in itertools.count(1):
        copy = replace(project, root=folder / f"{number}")
        shutil.copytree(project.root, copy.root)
        ended = killed_at(copy, number, words, parts)
        if ended == 0:
            return
        assert ended == -signal.SIGKILL, (number, ended)
        yield copy


def on_disk(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted((folder / TRUST_FOLDER).rglob("*")) if p.is_file()}


def seen(project):
    """Return the version that `keys list` shows, after seeing that `verify` and `validate` find it whole, and the same."""
    listed, verified, validated = (
        project.run(*words) for words in (["keys", "list", "--format", "json"], ["verify", "--format", "json"], ["validate"])
    )
    assert (listed.code, verified.code, validated.code) == (0, 0, 0), (listed, verified, validated)
    shown = json.loads(listed.out)
    assert json.loads(verified.out)["root"]["digest"] == shown["root"]
    return shown["version"]


def assert_settled(project):
    """Nothing is left over, the files say the same without any journal, and the keys of this machine are those that the policy names."""
    files = on_disk(project.root)
    assert open_policy(files).current == load_policy(project.root)._replace(sealed={})
    assert not (project.root / JOURNAL_PATH).exists()
    assert not [*project.root.rglob("*.new.pem")]
    for name in ("you", "ci"):
        assert read_private_key(project.root / f".planloom/{name}.pem").key == load_policy(project.root).named(name).key


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    root = tmp_path_factory.mktemp("policies") / "demo"
    lay_down(root, "release")
    project = project_in(root)
    for words in ("new ann", "new bea", "trust bea --role approver --yes"):
        assert project.run("keys", *words.split()).code == 0
    return project


CHANGES = {
    "trust ann --role approver --yes": None,
    "revoke bea --reason left --yes": "bea is revoked already",
    "rules --threshold approver=2 --yes": "that is the rule already",
    "rotate you --yes": None,
}
"""A change of the policy → what its repetition says when it counted already; None when it is made once more."""


@pytest.mark.slow
@pytest.mark.parametrize(("change", "already"), CHANGES.items())
def test_a_change_that_is_killed_anywhere_is_the_old_version_or_the_new_one_and_can_be_made_again(
    fresh, tmp_path, change, already
):
    words = ["keys", *change.split()]
    versions = []
    for project in deaths(fresh, tmp_path, words, [".planloom", "specs"]):
        version = seen(project)
        versions.append(version)
        again = project.run(*words)
        if version == 3 and already:
            assert again.code in {2, 3}
            assert already.partition(" ")[2] in again.err
        else:
            assert again.code == 0, again.err
        assert load_policy(project.root).version == (version + 1 if again.code == 0 else version)
        assert_settled(project)
        assert project.examine() == fresh.examine()
    # From one moment on the change counts, whatever happens afterwards.
    assert versions == sorted(versions)
    assert set(versions) == {2, 3}


@pytest.mark.slow
def test_what_a_killed_rotation_left_is_carried_to_its_end_or_swept_away_by_doctor(fresh, tmp_path):
    for project in deaths(fresh, tmp_path, ["keys", "rotate", "ci", "--yes"], [".planloom", "specs"]):
        version = seen(project)
        for path in project.root.glob(".planloom/.*.new"):
            project.age(path.relative_to(project.root).as_posix())
        assert project.fix() == fresh.examine()
        assert seen(project) == version
        assert_settled(project)
        assert project.run("keys", "trust", "ann", "--role", "approver", "--yes").code == 0


@pytest.mark.slow
def test_whoever_finishes_what_was_left_may_be_killed_as_well(fresh, tmp_path):
    first = deaths(fresh, tmp_path / "first", ["keys", "rotate", "you", "--yes"], [".planloom", "specs"])
    left = next(project for project in first if (project.root / JOURNAL_PATH).exists())
    versions = set()
    for project in deaths(
        left, tmp_path / "then", ["keys", "trust", "ann", "--role", "approver", "--yes"], [".planloom", "specs"]
    ):
        versions.add(seen(project))
        finish_left(project.root)
        assert_settled(project)
    assert versions == {3, 4}


@pytest.mark.slow
def test_an_init_that_is_killed_anywhere_is_finished_by_the_next_one_with_keys_that_its_policy_names(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/.gitignore").write_text("/dist/")
    empty = project_in(tmp_path / "empty")
    named = 0
    for project in deaths(empty, tmp_path, ["init"], [".planloom", "specs", "app", ".git"]):
        before = [p for p in (".planloom/you.pem", ".planloom/ci.pem") if (project.root / p).exists()]
        assert not before or ".planloom" in (project.root / ".gitignore").read_text()
        assert (project.root / ".gitignore").read_text().startswith("/dist/")
        known = seen(project) and load_policy(project.root) if (project.root / JOURNAL_PATH).exists() else None
        again = project.run("init")
        assert again.code == 0, again.err
        assert_settled(project)
        if known:
            named += 1
            assert load_policy(project.root) == known
        assert (project.root / "app/greet.sh").exists()
        assert project.run("validate").code == 0
    assert named
