"""A plan that waits for people: no runner waits with it, and what they sign starts the next wave."""

from __future__ import annotations

import shutil

import pytest

from act.hub import Hub
from act.projects import PEOPLE, history, make_laptop, make_project, planloom

pytestmark = [pytest.mark.act, pytest.mark.slow, pytest.mark.timeout(600)]

ITEM = "demo-1"
OUTCOME = ("--outcome", "read", "--next-action", "build it")


def told(runs):
    return "\n".join(run.story() for run in runs)


@pytest.fixture(scope="module", params=["isolated", pytest.param("direct", marks=pytest.mark.soak)])
def project(request, tmp_path_factory):
    return make_project(tmp_path_factory.mktemp(request.param) / "project", PEOPLE.format(execution=request.param))


@pytest.fixture(scope="module")
def hub(tmp_path_factory, project):
    made = Hub(tmp_path_factory.mktemp("hub"), project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    yield made
    made.close()


@pytest.fixture(scope="module")
def story(hub, project, tmp_path_factory):
    """Carry the plan from nothing to closed; returns what people saw and which runs followed, in order."""
    seen = {}
    seen["first"] = [hub.dispatch("demo-orchestrator.yml", {"work-item": ITEM}), *hub.drain()]
    assert {run.conclusion for run in seen["first"]} == {"success"}, told(seen["first"])
    laptop = make_laptop(hub, project, tmp_path_factory.mktemp("laptop") / "clone")
    seen["waits for the reader"] = laptop.planloom("status", ITEM)
    laptop.planloom("claim", ITEM, "review")
    seen["read"] = laptop.planloom("complete", ITEM, "review", "--attempt", "review-local", *OUTCOME)
    seen["second"] = hub.drain()
    seen["waits for the approver"] = laptop.planloom("why", ITEM, "publish")
    seen["approved"] = laptop.planloom("approve", ITEM, "publish", "--reason", "looked at it", "--yes")
    seen["third"] = hub.drain()
    seen["again"] = laptop.planloom("claim", ITEM, "publish", expect=3)
    return seen


@pytest.fixture(scope="module")
def records(hub, story, tmp_path_factory):
    clone = hub.clone("main", tmp_path_factory.mktemp("records") / "clone")
    hub.git("-C", str(clone), "checkout", "-q", "origin/planloom", "--", "artifacts")
    return clone


def test_no_run_waits_for_a_person(story):
    kinds = [[run.workflow.removeprefix("demo-") for run in story[part]] for part in ("first", "second", "third")]
    assert kinds == [["orchestrator.yml", "collector.yml"]] * 3, told([*story["first"], *story["second"], *story["third"]])
    ended = [run.conclusion for part in ("first", "second", "third") for run in story[part]]
    assert set(ended) == {"success"}, told([*story["first"], *story["second"], *story["third"]])


def test_people_are_told_what_waits_for_them(story):
    assert "review" in story["waits for the reader"]
    assert "approver" in story["waits for the approver"]


def test_what_a_person_signs_starts_the_next_wave(story):
    assert "demo-orchestrator.yml" in story["read"]
    assert "demo-orchestrator.yml" in story["approved"]


def test_an_integrated_step_cannot_be_claimed_again(story):
    assert "publish" in story["again"]


def test_the_records_verify_and_are_those_of_one_machine(project, records, tmp_path):
    done = planloom(records, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy, ignore=shutil.ignore_patterns("artifacts"))
    for words in (
        ("run", ITEM, "--plan", "demo"),
        ("claim", ITEM, "review"),
        ("complete", ITEM, "review", "--attempt", "review-local", *OUTCOME),
        ("run", ITEM),
        ("approve", ITEM, "publish", "--reason", "looked at it", "--yes"),
        ("run", ITEM),
    ):
        done = planloom(copy, *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert history(records) == history(copy)
