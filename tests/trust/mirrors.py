"""A remote as a team has it: plans and policy on its default branch, records in refs, and what was collected of them on the ledger branch."""

from __future__ import annotations

import shutil
import subprocess

from gitledgers import git_ledger
from gitserver import make_bare, run_git
from planloom.ledger.closing import closes_item
from planloom.ledger.layout import CHAIN_REFS
from planloom.ledger.ledger import Won
from planloom.trust.gather import read_history
from planloom.trust.verify import Request, verify
from trust.histories import RELEASE, World


class Hub:
    """A bare repository `bare`, and a `world` whose ledger is its refs."""

    def __init__(self, folder, shapes=RELEASE, **more):
        self.folder, self.bare = folder, folder / "hub.git"
        make_bare(self.bare)
        self.world = World(folder / "project", shapes, **more)
        self.world.ledger = git_ledger(folder, str(self.bare), closes=closes_item)
        self._push_plans()

    def _push_plans(self):
        project = self.world.folder
        for path, content in self.world.trust.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)
        run_git("init", "-qb", "main", str(project))
        run_git("-C", str(project), "add", "specs", "generated")
        run_git("-C", str(project), "commit", "-qm", "plans")
        run_git("-C", str(project), "push", "-q", str(self.bare), "main")

    def collect(self, *items):
        """Copy every record, with a checkpoint over them, to the ledger branch, as the collector does."""
        files = self.world.history().files
        changes = {p.removeprefix("artifacts/"): c for p, c in files.items() if p.startswith("artifacts/")}
        ledger = self.world.ledger
        assert isinstance(ledger.commit_branch(changes, ledger.branch_files().tip, "planloom: collect"), Won)

    def git(self, *words):
        return run_git("--git-dir", str(self.bare), *words)

    def refs(self):
        """The refs of chains: name below refs/planloom/ → commit."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", CHAIN_REFS).splitlines()
        return {name.removeprefix(CHAIN_REFS): commit for name, commit in (line.split(" ") for line in lines)}

    def mirror(self, name="mirror.git"):
        """A fresh mirror clone of it."""
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        run_git("clone", "-q", "--mirror", str(self.bare), str(target))
        return target


def found(path, **asked):
    """What is broken in the history at a path: code and file of each finding."""
    return {(f.code, f.path) for f in verify(read_history(path), Request(**asked)).findings}


def unpack(bare):
    """Put every object into a file of its own."""
    for pack in [*bare.glob("objects/pack/*.pack")]:
        content = pack.read_bytes()
        for file in bare.glob(f"objects/pack/{pack.stem}.*"):
            file.unlink()
        subprocess.run(["git", "-C", bare, "unpack-objects", "-q"], input=content, check=True)
