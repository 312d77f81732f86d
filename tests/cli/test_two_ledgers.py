"""A work item lives in one ledger: the other one does not begin it again."""

from __future__ import annotations

import subprocess

import pytest

from shops import Shop


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path):
    """A project whose origin is a bare repository beside it."""
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true"})
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
    git(shop.folder, "init", "-q")
    git(shop.folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    return shop


@pytest.mark.parametrize("was_read", [True, False], ids=["read since", "opened only"])
@pytest.mark.parametrize("verb", ["run", "open"])
def test_files_do_not_begin_a_work_item_again_that_the_git_ledger_has(shop, verb, was_read):
    shop.check("open", "demo-1", "--ledger", "git")
    if was_read:
        shop.check("status", "demo-1", "--ledger", "git")
    done = shop.run(verb, "demo-1")
    assert done.returncode == 3, done.stderr
    assert "planloom run demo-1 --ledger git" in done.stderr
    assert not list((shop.folder / "artifacts").glob("work-items/*"))
    git(shop.folder / next((shop.folder / ".planloom/cache").glob("*.git")), "pack-refs", "--all")
    assert shop.run(verb, "demo-1").returncode == 3
    assert shop.run(verb, "demo-2").returncode == 0


def test_files_do_not_go_on_with_the_copy_of_a_work_item_that_was_collected(shop):
    """The copy is there for readers; a record that is added to it alone would be on no other machine."""
    shop.check("open", "demo-1", "--ledger", "git")
    shop.check("collect", "--ledger", "git")
    done = shop.run("run", "demo-1")
    assert done.returncode == 3, done.stderr
    assert "lives in a git ledger" in done.stderr
    assert shop.check("run", "demo-1", "--ledger", "git").returncode == 0


def test_what_somebody_else_opened_in_git_is_not_begun_in_files_after_it_was_tried_to_open_it_there(shop, tmp_path):
    """The refused opening is the only thing that this folder knows of it."""
    subprocess.run(["cp", "-a", str(shop.folder), str(tmp_path / "other")], check=True)
    shop.check("open", "demo-1", "--ledger", "git", cwd=tmp_path / "other")
    assert shop.run("open", "demo-1", "--ledger", "git").returncode == 3
    assert shop.run("run", "demo-1").returncode == 3
