"""A key is rotated or revoked while a work item is open whose jobs stand on the commit that it was opened at."""

from __future__ import annotations

import json
import shutil

import pytest

from care.conftest import project_in
from gitserver import run_git
from planloom.trust.gather import read_history

RUN = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1"}
ITEM = "release-1"


class Story:
    """The project on its branch, a job that stands on the commit of the work item, and what both can do."""

    def __init__(self, branch, job, remote):
        self.branch, self.job, self.ledger = branch, job, ("--ledger", f"git:{remote}")

    def job_does(self, *words):
        commit = self.branch.git("rev-parse", "HEAD").strip()
        return self.job.run(*words, *self.ledger, **RUN, GITHUB_SHA=commit)

    def change(self, *words):
        """Change a key on the branch, and push it."""
        done = self.branch.run("keys", *words, "--yes")
        assert done.code == 0, done.err
        self.branch.git("add", "-A")
        self.branch.git("commit", "-q", "-m", "change a key")
        self.branch.git("push", "-q", "origin", "main")

    def hand_over_key(self):
        """Give the job the key that CI signs with now."""
        shutil.copy(self.branch.root / ".planloom" / "ci.pem", self.job.root / ".planloom" / "ci.pem")

    def execute(self):
        """Claim on the branch as the orchestrator does, and execute in the job."""
        claimed = self.branch.run("claim", ITEM, "lint", *self.ledger, "--format", "json", **RUN)
        assert claimed.code == 0, claimed.err
        attempt = json.loads(claimed.out)["attempt"]
        words = ["--work-item", ITEM, "--step", "lint", "--attempt", attempt, "--result", "../result", "--outputs", "../outputs"]
        return self.job_does("exec", *words)


@pytest.fixture
def story(fresh, remote, tmp_path):
    fresh.git("push", "-q", "origin", "main")
    run_git("-C", str(remote), "symbolic-ref", "HEAD", "refs/heads/main")
    assert fresh.run("open", ITEM, "--ledger", "git").code == 0
    run_git("clone", "-q", str(remote), str(tmp_path / "job"))
    job = project_in(tmp_path / "job")
    job.git("checkout", "-q", "--detach")
    (job.root / ".planloom").mkdir()
    told = Story(fresh, job, remote)
    told.hand_over_key()
    return told


def test_a_job_of_an_open_work_item_knows_the_key_that_has_come_since(story):
    story.change("rotate", "ci")
    done = story.execute()
    assert done.code == 0, done.err


def test_a_job_that_signs_itself_may_do_it_with_the_new_key_and_not_with_the_old_one(story):
    story.change("rotate", "ci")
    refused = story.job_does("claim", ITEM, "lint")
    assert (refused.code, refused.out) == (4, "")
    story.hand_over_key()
    claimed = story.job_does("claim", ITEM, "lint")
    assert claimed.code == 0, claimed.err


def test_a_key_that_was_revoked_since_signs_nothing_for_an_open_work_item(story):
    story.change("revoke", "ci", "--reason", "leaked")
    refused = story.job_does("claim", ITEM, "lint")
    assert refused.code == 4
    assert "revoked" in refused.err


def test_a_policy_that_was_begun_anew_is_not_followed(story):
    trust = story.branch.root / "specs" / "trust"
    shutil.rmtree(trust)
    shutil.rmtree(story.branch.root / ".planloom")
    story.branch.run("init")
    story.branch.git("add", "-A")
    story.branch.git("commit", "-q", "-m", "begin anew")
    story.branch.git("push", "-q", "origin", "main")
    refused = story.job_does("claim", ITEM, "lint")
    assert refused.code == 4
    assert "does not follow from version 1" in refused.err


@pytest.mark.parametrize("words", [(), ("--ledger", "git")])
def test_what_a_revoked_key_signed_before_counts_by_the_checkpoint_that_the_collector_left_on_the_branch(story, words):
    branch = story.branch
    assert branch.run("run", ITEM, "--ledger", "git", "--jobs", "4").code == 0
    for command in (("collect", "--ledger", "git"), ("export",), ("collect", "--push", "--ledger", "git")):
        assert branch.run(*command).code == 0
    size = len(read_history(branch.root).records())
    shutil.rmtree(branch.root / "artifacts")
    branch.git("fetch", "-q", "origin")
    done = branch.run("keys", "revoke", "ci", "--reason", "leaked", "--yes", *words)
    assert (done.code, f"among the first {size} of the checkpoint" in done.err, size > 5) == (0, True, True)
    verified = branch.run("verify", "--ledger", "git")
    assert verified.code == 0, verified.out
