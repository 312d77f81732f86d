"""What a person signs on a git ledger starts the next wave; where nobody can start it, the one command that does is printed."""

from __future__ import annotations

import re
import shutil

import pytest

from act.projects import make_project, planloom
from act.restapi import Facts, RestApi
from gitserver import make_bare

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("people")]

PLAN = """\
schema: planloom/plan/v1
id: demo
name: A person at every turn
version: 1.0.0
workflow: {loop: LOOP}
defaults: {attempts: 1, shell: sh}
steps:
  - key: notes
  - key: merge
    needs: [notes]
    baseline: true
    run: "true"
  - key: ship
    needs: [merge]
    gate: {role: approver}
    run: "true"
"""

ITEM = "demo-1"
ORCHESTRATOR = ("demo-orchestrator.yml", {"work-item": ITEM})
COMMAND = f"Next: gh workflow run demo-orchestrator.yml -f work-item={ITEM}  # or here: planloom run {ITEM}"
SAID = ("--outcome", "done", "--next-action", "none")


class Person:
    """A person's commands in one project, on a git ledger; with a token they reach the platform."""

    def __init__(self, folder, remote, api, *, token):
        self.folder, self.api = folder, api
        self.variables = {"PLANLOOM_LEDGER": f"git:{remote}"}
        if token:
            self.variables |= {"GH_TOKEN": "token", "GITHUB_REPOSITORY": "acme/demo", "GITHUB_API_URL": api.base}

    def do(self, *words):
        self.api.dispatched.clear()
        done = planloom(self.folder, *words, **self.variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def by_hand(self, step):
        self.do("claim", ITEM, step)
        return self.do("complete", ITEM, step, *SAID)

    def revert(self):
        handoff = re.search(r"handoff sha256:([0-9a-f]+)", self.do("why", ITEM, "merge"))[1]
        return self.do("revert", ITEM, "merge", "--handoff", handoff, "--reason", "the wrong commit", "--yes")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("template") / "project", PLAN.replace("LOOP", "auto"))


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    facts = Facts("acme/demo", "token", tmp_path_factory.mktemp("artifacts"), head=lambda: "c" * 40)
    facts.workflows = lambda: ["demo-orchestrator.yml", "demo-collector.yml"]
    server = RestApi(facts)
    yield facts
    server.close()
    assert facts.unknown == []


@pytest.fixture
def become(template, tmp_path, api):
    def make(*, token):
        shutil.copytree(template.folder, tmp_path / "project")
        make_bare(tmp_path / "origin.git")
        return Person(tmp_path / "project", tmp_path / "origin.git", api, token=token)

    return make


@pytest.mark.parametrize("token", [False, True], ids=["without a token", "with a token"])
def test_completing_approving_and_reverting_go_on_with_the_plan(become, token):
    person = become(token=token)
    person.do("open", ITEM)

    def assert_goes_on(said):
        assert (COMMAND in said) is not token, said
        assert (f"started the next wave: demo-orchestrator.yml for {ITEM}" in said) is token, said
        assert person.api.dispatched == ([ORCHESTRATOR] if token else [])

    assert_goes_on(person.by_hand("notes"))
    waits = person.by_hand("merge")
    assert f"Next: planloom approve {ITEM} ship" in waits
    assert person.api.dispatched == []
    assert_goes_on(person.do("approve", ITEM, "ship", "--yes", "--reason", "looked at it"))
    assert_goes_on(person.revert())
    closed = person.do("close", ITEM, "--reason", "enough")
    assert (f"gh workflow run demo-collector.yml -f work-item={ITEM}" in closed) is not token, closed
    assert person.api.dispatched == ([("demo-collector.yml", {"work-item": ITEM})] if token else [])


def test_a_plan_whose_loop_is_manual_is_not_started_by_anybody_else(become):
    person = become(token=True)
    (person.folder / "specs" / "demo.yaml").write_text(PLAN.replace("LOOP", "manual"))
    person.do("compile")
    person.do("open", ITEM)
    said = person.by_hand("notes")
    assert person.api.dispatched == []
    assert "Next: planloom run" in said
