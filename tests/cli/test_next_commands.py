"""What commands name as the next one works where they did: in the same ledger and the same project."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from planloom.cli import given
from planloom.cli.main import COMMANDS, planloom
from shops import Shop

STEPS = (
    {"key": "build", "run": "true", "needs": []},
    {"key": "notes", "needs": ["build"]},
    {"key": "ship", "run": "true", "needs": ["notes"], "gate": {"role": "approver"}},
)


def leaves(command, *path):
    """Yield every command that does something: its words, and what click knows of it."""
    names = getattr(command, "commands", None)
    if names is None and path:
        yield " ".join(path), command
    for name in names or (COMMANDS if not path else ()):
        yield from leaves(command.get_command(None, name), *path, name)


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path):
    """A project whose origin is a bare repository beside it."""
    shop = Shop(tmp_path / "shop", *STEPS)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
    git(shop.folder, "init", "-q")
    git(shop.folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    return shop


def next_of(done):
    """Return the command after `Next:`."""
    return done.stderr.partition("Next: ")[2].strip()


def paste(shop, done, **options):
    """Run the command after `Next:` as it stands there, with more words where a person is asked."""
    words = shlex.split(next_of(done))
    assert words[0] == "planloom", words
    return shop.run(*words[1:], *options.pop("more", ()), **options)


def test_the_options_that_are_repeated_are_those_that_the_commands_take():
    def takers(option):
        return {name for name, command in leaves(planloom) if any(option in one.opts for one in command.params)}

    assert takers("--root") == given.WITH_ROOT
    assert takers("--ledger") == given.WITH_LEDGER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("planloom run", "planloom run --root 'a b' --ledger git"),
        ("planloom validate && planloom run x-1", "planloom validate --root 'a b' && planloom run --root 'a b' --ledger git x-1"),
        ("planloom keys list shows who is root", "planloom keys list --root 'a b' shows who is root"),
        ("planloom run x-1 --ledger files", "planloom run --root 'a b' x-1 --ledger files"),
        ("planloom verify x.bundle", "planloom verify --root 'a b' x.bundle"),
        ("planloom verify --item x-1", "planloom verify --root 'a b' --ledger git --item x-1"),
        ("planloom explain PL407", "planloom explain PL407"),
        ("ask whoever runs planloom here", "ask whoever runs planloom here"),
    ],
)
def test_a_command_is_repeated_with_what_was_given(text, shown):
    given.remember("root", "a b")
    given.remember("ledger", "git")
    try:
        assert given.repeat(text) == shown
    finally:
        given.forget()
    assert given.repeat(text) == text


def test_a_work_item_goes_its_whole_way_on_a_git_ledger_by_pasting_what_comes_next(shop, tmp_path):
    """From another folder, too: no command of the way loses the ledger or the project."""
    where = ("--ledger", "git", "--root", "shop")
    done = shop.run("open", "demo-1", *where, cwd=tmp_path)
    ways = []
    for more in ((), (), ("--outcome", "written"), ("--reason", "seen", "--yes")):
        ways.append(shlex.split(next_of(done))[1])
        done = paste(shop, done, more=more, cwd=tmp_path)
        assert done.returncode == 0, (ways, done.stdout, done.stderr)
        assert "--ledger git" in next_of(done), (ways, done.stderr)
        assert "--root shop" in next_of(done), (ways, done.stderr)
    assert ways == ["run", "claim", "complete", "approve"]
    assert next_of(done).startswith("gh workflow run demo-orchestrator.yml -f work-item=demo-1")
    assert "or here: planloom run --root shop --ledger git demo-1" in next_of(done)
    done = shop.run("run", "--root", "shop", "--ledger", "git", "demo-1", cwd=tmp_path)
    assert next_of(done) == "planloom verify --root shop --ledger git"
    assert "9 records" in paste(shop, done, cwd=tmp_path).stdout
    assert not list((shop.folder / "artifacts").glob("work-items/*"))


def test_a_refusal_names_the_ledger_too(shop):
    shop.check("open", "demo-1", "--ledger", "git")
    done = shop.run("open", "demo-1", "--ledger", "git")
    assert done.returncode == 3
    assert "planloom status --ledger git demo-1" in done.stderr


def test_the_doctors_repairs_name_the_ledger(shop):
    shop.check("open", "demo-1", "--ledger", "git")
    shop.check("claim", "demo-1", "build", "--ledger", "git")
    done = shop.run("doctor", "--ledger", "git")
    repairs = [line for line in done.stdout.splitlines() if "repair: planloom" in line]
    assert repairs, done.stdout
    assert all("planloom compile" in line or "--ledger git" in line for line in repairs), repairs
