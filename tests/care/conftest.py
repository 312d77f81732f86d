"""Projects to care for: fresh, carried out, and with records in a git remote."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitserver import make_bare, run_git
from planloom.care.doctor import examine, find_ground, repair
from planloom.cli.entry import main
from planloom.runtime.effects import SystemClock
from planloom.scaffold.project import lay_down
from worlds import Variables


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Project:
    """A project's folder and the environment that it is looked at in."""

    root: Path
    environment: dict[str, str]

    def ground(self, ledger: str = "files"):
        """Return what the checks look at."""
        return find_ground(self.root, ledger, Variables(self.environment), SystemClock())

    def examine(self, ledger: str = "files"):
        """Return the findings as (code, where)."""
        return [(one.code, one.where) for one in examine(self.ground(ledger))]

    def fix(self, ledger: str = "files"):
        """Repair what can be; return what is left."""
        repair(examine(self.ground(ledger)))
        return self.examine(ledger)

    def run(self, *words: str, **extra: str) -> Done:
        """Run planloom here, in this process."""
        said = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said[0]), contextlib.redirect_stderr(said[1]):
            for name in [*os.environ]:
                patch.delenv(name)
            for name, value in {**self.environment, **extra}.items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["planloom", *words])
            patch.setattr(sys, "stdin", io.StringIO())
            with pytest.raises(SystemExit) as ended:
                main()
        return Done(int(ended.value.code or 0), said[0].getvalue(), said[1].getvalue())

    def git(self, *words: str) -> str:
        """Run git here as somebody."""
        return run_git("-C", str(self.root), "-c", "user.name=ann", "-c", "user.email=ann@example.invalid", *words)

    def age(self, path: str) -> Path:
        """Make a file look as if it had been left an hour ago."""
        target = self.root / path
        past = target.stat().st_mtime - 3600
        os.utime(target, (past, past))
        return target


def project_in(root: Path) -> Project:
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    return Project(root, {"PATH": os.environ["PATH"], "HOME": str(home), "USER": "ann"})


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """A fresh project, and one whose plan was carried out up to its gate; both in git."""
    folder = tmp_path_factory.mktemp("care")
    lay_down(folder / "fresh", "release")
    fresh = project_in(folder / "fresh")
    fresh.git("init", "-q", "-b", "main")
    fresh.git("add", "-A")
    fresh.git("commit", "-q", "-m", "Plan the release")
    shutil.copytree(folder / "fresh", folder / "done")
    done = project_in(folder / "done").run("run", "--jobs", "4")
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def fresh(tmp_path, templates):
    shutil.copytree(templates / "fresh", tmp_path / "demo")
    return project_in(tmp_path / "demo")


@pytest.fixture
def done(tmp_path, templates):
    shutil.copytree(templates / "done", tmp_path / "demo")
    return project_in(tmp_path / "demo")


@pytest.fixture
def remote(fresh, tmp_path):
    """A fresh project with a git remote; its path."""
    bare = tmp_path / "origin.git"
    make_bare(bare)
    fresh.git("remote", "add", "origin", str(bare))
    return bare
