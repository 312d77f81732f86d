"""A small GitHub on loopback: a git origin, the REST API, an artifact store, and runs of workflows with `act`.

A dispatched workflow is not run inside the request that asks for it, but by `drain`, one after the other: as on GitHub, the dispatching
job ends before the next run begins.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from act.actrun import WORKFLOWS, ActRun, Machine, load_yaml
from act.replay import carry_on, left_over
from act.restapi import Facts, RestApi
from gitserver import GitServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN = "ghs_loopback"
FIRST_RUN = 1_000_001


class Hub:
    """The platform around one repository.

    Shape: `folder` is empty and belongs to the hub; `project` is a git repository whose HEAD becomes `main`. Close it with `close`.
    """

    def __init__(self, folder: Path, project: Path, *, slug: str = "acme/demo", secrets: Mapping[str, str] | None = None) -> None:
        self.slug = slug
        self.folder = folder
        self.machine = Machine(folder / "machine")
        self.secrets = {"GITHUB_TOKEN": TOKEN, **(secrets or {})}
        self.origin = folder / "srv" / f"{slug}.git"
        self.origin.parent.mkdir(parents=True)
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir()
        self.server = GitServer(self.origin, slug, {TOKEN: "write"})
        self.git("-C", str(project), "push", "-q", str(self.origin), "HEAD:refs/heads/main")
        self.facts = Facts(slug, TOKEN, self.artifacts, head=self.head, workflows=self.workflow_files)
        self.api = RestApi(self.facts)
        self.runs: list[ActRun] = []
        self.variables: dict[str, str] = {}

    def close(self) -> None:
        """Stop both servers."""
        self.api.close()
        self.server.close()

    def git(self, *arguments: str) -> str:
        """Run git without anyone's configuration and return what it printed."""
        done = subprocess.run(["git", *arguments], env=self.machine.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def head(self) -> str:
        """Return the commit that `main` points at."""
        return self.git("--git-dir", str(self.origin), "rev-parse", "refs/heads/main").strip()

    def workflow_files(self) -> list[str]:
        """Return the names of the workflow files on `main`."""
        listed = self.git("--git-dir", str(self.origin), "ls-tree", "--name-only", "main", f"{WORKFLOWS}/")
        return [line.rpartition("/")[2] for line in listed.splitlines()]

    def refs(self) -> dict[str, str]:
        """Return every ref of the origin with its commit."""
        return self.server.refs()

    def files(self, ref: str) -> list[str]:
        """Return the paths of the files that a ref holds."""
        return self.git("--git-dir", str(self.origin), "ls-tree", "-r", "--name-only", ref).splitlines()

    def clone(self, ref: str, target: Path) -> Path:
        """Clone one branch of the origin."""
        self.git("clone", "-q", "-b", ref, str(self.origin), str(target))
        return target

    def dispatch(
        self,
        workflow: str,
        inputs: Mapping[str, str] | None = None,
        *,
        actor: str = "octocat",
        event: str = "workflow_dispatch",
    ) -> ActRun:
        """Start a workflow as `gh workflow run` or another event does, and wait for this run; what it dispatches waits for `drain`."""
        run = ActRun(self.machine, self.folder / f"run-{len(self.runs) + 1}", FIRST_RUN + len(self.runs), workflow, inputs or {})
        run.actor, run.event = actor, event
        run.prepare(self.origin, self._environment(run), self.secrets)
        self.runs.append(run)
        self.facts.runs[run.id] = run
        run.carry_out(timeout_seconds=300)
        self._carry_on(run)
        run.status = "completed"
        return run

    def drain(self, *, at_most: int = 20) -> list[ActRun]:
        """Run whatever was dispatched, and what that dispatches, until nothing is pending; return those runs."""
        done: list[ActRun] = []
        while self.facts.dispatched:
            assert len(done) < at_most, f"still dispatching after {at_most} runs: {self.facts.dispatched}"
            workflow, inputs = self.facts.dispatched.pop(0)
            # What a workflow's own token starts is started by the platform.
            done.append(self.dispatch(workflow, inputs, actor="github-actions[bot]"))
        return done

    def _carry_on(self, run: ActRun) -> None:
        """Run the jobs that act leaves out after a called workflow has failed."""
        path = run.clone / WORKFLOWS / run.workflow
        workflow = load_yaml(path)
        if run.exit_code == 0 or not left_over(workflow, run.jobs):
            return
        path.write_text(carry_on(workflow, run.jobs), encoding="utf-8")
        run.carry_out(timeout_seconds=300)

    def _environment(self, run: ActRun) -> dict[str, str]:
        return {
            "GITHUB_SERVER_URL": self.server.base,
            "GITHUB_API_URL": self.api.base,
            "GITHUB_REPOSITORY": self.slug,
            "GITHUB_REPOSITORY_OWNER": self.slug.partition("/")[0],
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_NUMBER": str(run.id - FIRST_RUN + 1),
            "GITHUB_RUN_ATTEMPT": str(run.attempt),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_WORKFLOW_REF": f"{self.slug}/{WORKFLOWS}/{run.workflow}@refs/heads/main",
            "ACT_ARTIFACTS": str(self.artifacts),
            # act gives its steps a terminal; a runner has none, so nothing may page or draw.
            "GIT_PAGER": "cat",
            "TERM": "dumb",
            **self.variables,
        }
