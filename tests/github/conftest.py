"""A project with a git remote on loopback, a GitHub beside it, and a `gh` on PATH."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from github.fakehub import ADMIN, STORED, Hub
from gitserver import WRITE_TOKEN, GitServer, make_bare, run_git
from openapi.described import find_faults
from planloom.cli.entry import main
from planloom.emit.tree import write_tree
from planloom.pipeline import compile_project, load_project
from planloom.scaffold.project import lay_down

SETTINGS = "schema: planloom/project/v1\ninstall: index\n"

GH = '''\
#!{python}
"""What planloom asks of gh: the token that it is signed in with, and storing a secret that comes by standard input."""
import json, sys, urllib.request
words = sys.argv[1:]
if words[:2] == ["auth", "token"]:
    token = open({state!r}).read()
    sys.exit("not signed in") if not token else print(token)
elif words[:2] == ["secret", "set"]:
    open({state!r} + ".argv", "a").write(json.dumps(words) + "\\n")
    environment = words[words.index("--env") + 1] if "--env" in words else ""
    body = {{"environment": environment, "name": words[2], "value": sys.stdin.read()}}
    asked = urllib.request.Request({api!r} + "/_secrets", data=json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(asked)
else:
    sys.exit("unknown command")
'''


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything it said."""
        return self.out + self.err


@dataclass
class World:
    """The project, its remote, GitHub, and the environment that commands run in."""

    root: Path
    server: GitServer
    hub: Hub
    environment: dict[str, str]
    bin: Path

    def run(self, *words: str, given: str = "", **extra: str) -> Done:
        """Run planloom in the project: the whole command line, but in this process, which has imported it already."""
        said = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said[0]), contextlib.redirect_stderr(said[1]):
            for name in [*os.environ]:
                patch.delenv(name)
            for name, value in {**self.environment, **extra}.items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["planloom", *words])
            patch.setattr(sys, "stdin", io.StringIO(given))
            with pytest.raises(SystemExit) as ended:
                main()
        return Done(int(ended.value.code or 0), said[0].getvalue(), said[1].getvalue())

    def sign_in(self, token: str) -> None:
        """Let gh be signed in with a token, "" for not at all."""
        (self.bin / "token").write_text(token)

    def remove_gh(self) -> None:
        """Have no gh on PATH."""
        (self.bin / "gh").unlink()

    def settle(self, more: str) -> None:
        """Add lines to the project's settings and compile."""
        (self.root / "specs/planloom.yaml").write_text(SETTINGS + more)
        assert self.run("compile").code == 0

    def prepare(self) -> None:
        """Have everything set up on GitHub."""
        policy = {"protected_branches": False, "custom_branch_policies": True}
        self.hub.environments["planloom"] = {
            "name": "planloom",
            "protection_rules": [{"type": "branch_policy"}],
            "deployment_branch_policy": policy,
            "policies": [{"id": 1, "name": "main"}],
        }
        key = (self.root / ".planloom/ci.pem").read_text()
        self.hub.secrets["planloom", "PLANLOOM_SIGNING_KEY"] = {"value": key, "updated_at": STORED}

    def push(self) -> None:
        """Commit everything and push it."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "work")
        git(self.root, "push", "-q", str(self.server.bare), "HEAD:main")


def git(root: Path, *words: str) -> str:
    """Run git in a project as somebody."""
    return run_git("-C", str(root), "-c", "user.name=ann", "-c", "user.email=ann@example.invalid", *words)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A project with pins as `planloom pin` leaves them, compiled and pushed."""
    folder = tmp_path_factory.mktemp("github")
    root = folder / "demo"
    lay_down(root, "release")
    (root / "specs/planloom.yaml").write_text(SETTINGS)
    (root / "specs/requirements.lock").write_text("planloom==0.1.0 --hash=sha256:" + "0" * 64 + "\n")
    write_tree(root, compile_project(load_project(root)))
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Plan the release")
    make_bare(folder / "origin.git")
    git(root, "push", "-q", str(folder / "origin.git"), "HEAD:main")
    return folder


@pytest.fixture
def world(tmp_path, template):
    root = tmp_path / "demo"
    shutil.copytree(template / "demo", root)
    shutil.copytree(template / "origin.git", tmp_path / "origin.git")
    with GitServer(tmp_path / "origin.git") as server:
        hub = Hub(str(server.bare))
        git(root, "remote", "add", "origin", server.url)
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        (bin_folder / "token").write_text(ADMIN)
        (bin_folder / "gh").write_text(GH.format(python=sys.executable, state=str(bin_folder / "token"), api=hub.api))
        (bin_folder / "gh").chmod(0o755)
        home = tmp_path / "home"
        home.mkdir()
        environment = {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "GITHUB_API_URL": hub.api,
            "PLANLOOM_LEDGER_TOKEN": WRITE_TOKEN,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        yield World(root, server, hub, environment, bin_folder)
        hub.close()
        assert hub.unknown == []
        assert [fault for one in hub.seen for fault in find_faults(one)] == []
