"""Folders that can't be written to: every command says which, leaves nothing half done, and does its work once they can be.

A folder is made read-only by its rights, or, for root whom rights don't stop, by a mount of its own that only the command sees.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from shops import PLANLOOM, Shop

pytestmark = pytest.mark.slow

STEPS = (
    {"key": "make", "run": "mkdir -p dist && echo sand >dist/a.txt", "outputs": ["dist/a.txt"]},
    {"key": "look", "needs": ["make"], "run": "cat dist/a.txt"},
)
LOCKED = ("", "artifacts", ".planloom")
"""Folders of a project that are made read-only in turn, the whole project first."""

WORDS = {
    "open": ("open", "demo-2", "--plan", "demo"),
    "claim": ("claim", "demo-1", "make"),
    "run": ("run", "demo-1"),
    "exec": (
        "exec",
        "--work-item",
        "demo-1",
        "--step",
        "make",
        "--attempt",
        "make-local",
        "--result",
        "result",
        "--outputs",
        "outputs",
    ),
    "complete": ("complete", "demo-1", "make", "--result", "failure", "--outcome", "no"),
    "abandon": ("abandon", "demo-1", "make", "--override", "--reason", "lost"),
    "close": ("close", "demo-1", "--reason", "enough"),
    "delegate": ("delegate", "--structured-work-item", "demo-1"),
    "export": ("export",),
    "compile": ("compile",),
    "keys new": ("keys", "new", "ann"),
    "doctor --fix": ("doctor", "--fix"),
    "status": ("status",),
    "verify": ("verify",),
}
CLAIMED = {"exec", "complete", "abandon"}
RECORDS = {"open", "claim", "run", "complete", "abandon", "close"}
READS = {"status", "verify", "compile"}
"""What writes nothing here, since nothing has changed."""


def in_read_only(command, folder):
    """Return a command line that runs a command while a folder and all below it are read-only for it; None where that can't be had."""
    if os.getuid() != 0:
        return ["sh", "-c", f"find {shlex.quote(str(folder))} -type d -exec chmod a-w {{}} + && {shlex.join(command)}"]
    inner = f'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$1" && exec {shlex.join(command)}'
    return ["unshare", "-rm", "sh", "-c", inner, str(folder)]


def make_writable(folder):
    """Give its owner the right to write in a folder and all below it back."""
    for path in (folder, *folder.rglob("*/")):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("locked") / "project", *STEPS)
    shop.check("open", "demo-1", "--plan", "demo")
    shop.check("export")
    return shop


@pytest.fixture
def locked(template, tmp_path):
    """Return a function that runs a command in a copy of the project in which one folder is read-only, and that copy."""
    shop = object.__new__(Shop)
    shop.folder, shop.environment = tmp_path / "project", template.environment
    shutil.copytree(template.folder, shop.folder)
    tried = [*in_read_only(["true"], shop.folder), str(shop.folder)]
    if shutil.which(tried[0]) is None or subprocess.run(tried, capture_output=True, check=False).returncode != 0:
        pytest.skip("no folder can be made read-only here")

    def run(folder, *words):
        line = [*in_read_only([PLANLOOM, *words], shop.folder / folder), str(shop.folder)]
        return subprocess.run(
            line,
            cwd=shop.folder,
            env=shop.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=100,
        )

    yield shop, run
    make_writable(shop.folder)


@pytest.mark.parametrize("folder", LOCKED, ids=lambda folder: folder or "the project")
@pytest.mark.parametrize("name", WORDS)
def test_a_command_that_can_not_write_says_so_and_succeeds_once_it_can(locked, name, folder):
    shop, run = locked
    if name in CLAIMED:
        shop.check("claim", "demo-1", "make")
    before = shop.records()
    done = run(folder, *WORDS[name])
    assert "Traceback" not in done.stderr, done.stderr
    if name in READS:
        assert done.returncode == 0, done.stderr
    elif name in RECORDS and folder != ".planloom":
        assert done.returncode == 5, done.stdout + done.stderr
        assert shop.records() == before
    if done.returncode != 0:
        # A step's own command may be carried out, and what came of it be told as its result.
        assert done.returncode == (1 if (name, folder) == ("exec", ".planloom") else 5), done.stdout + done.stderr
        assert "ead-only" in done.stderr or "ermission" in done.stderr, done.stderr
        make_writable(shop.folder)
        again = shop.run(*WORDS[name])
        assert again.returncode in {0, 3}, again.stdout + again.stderr
    assert shop.run("verify").returncode == 0
