"""A plan with everything in it, from nothing to closed over many dispatches, and the same on one machine.

Where act differs from GitHub, `act.replay` makes up for it or the test does not rely on it: a matrix ends with one result (D2), `concurrency` is
ignored (D5), nobody checks a dispatch's inputs (D9). Jobs of one wave really run at once.
"""

from __future__ import annotations

import shutil

import pytest

from act.hub import Hub
from act.projects import make_project
from act.projects import planloom as run_planloom
from loop.passage import PLAN, Laptop, by_hand, judgement, shape

pytestmark = [pytest.mark.act, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("passage")]

FIRST, SECOND = "demo-1", "demo-2"
ORCHESTRATOR = "demo-orchestrator.yml"


@pytest.fixture(scope="module", params=["isolated", pytest.param("direct", marks=pytest.mark.soak)])
def project(request, tmp_path_factory):
    return make_project(tmp_path_factory.mktemp(request.param) / "project", PLAN.format(execution=request.param))


@pytest.fixture(scope="module")
def hub(tmp_path_factory, project):
    made = Hub(tmp_path_factory.mktemp("hub"), project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    yield made
    made.close()


class Story:
    """What happened, stretch by stretch: the runs of each, and what people were told in between."""

    def __init__(self, hub, laptop):
        self.hub, self.laptop = hub, laptop
        self.runs, self.told = {}, {}

    def dispatch(self, name, inputs, *, follow=True):
        """Dispatch the orchestrator and, with `follow`, whatever that dispatches; else forget what it dispatched."""
        runs = [self.hub.dispatch(ORCHESTRATOR, inputs)]
        if follow:
            runs += self.hub.drain()
        self.hub.facts.dispatched.clear()
        self.runs[name] = runs

    def go_on(self, name):
        """Carry out what a person's command has dispatched."""
        assert self.hub.facts.dispatched, self.told
        self.runs[name] = self.hub.drain()

    def workflows(self, name):
        return [run.workflow.removeprefix("demo-").removesuffix(".yml") for run in self.runs[name]]

    def __str__(self):
        return "\n".join(run.story() for runs in self.runs.values() for run in runs)


@pytest.fixture(scope="module")
def story(hub, project):
    laptop = Laptop(hub, project)
    told = Story(hub, laptop)
    # Two work items, each opened by a dispatch with its parameter; then both are carried on at once by one without any.
    told.dispatch("open the first", {"work-item": FIRST, "tag": "v1"}, follow=False)
    told.dispatch("open the second", {"work-item": SECOND, "tag": "v2"}, follow=False)
    told.dispatch("both", {})
    told.told["notes"] = by_hand(laptop.do, FIRST)
    told.told["approve"] = laptop.do("approve", FIRST, "ship", "--yes", "--reason", "looked at it")
    told.go_on("ship")
    handoff = shape_of_ledger(laptop)
    told.told["revert"] = laptop.do("revert", FIRST, "ship", "--handoff", handoff, "--yes", "--reason", "the wrong moment")
    # Who approved what was taken back has not approved that it is done again.
    told.told["approve again"] = laptop.do("approve", FIRST, "ship", "--yes", "--reason", "now it is right")
    told.go_on("ship again")
    told.told["close"] = laptop.do("close", FIRST, "--reason", "shipped")
    told.go_on("collect")
    return told


def shape_of_ledger(laptop):
    """Return the digest of the integrated handoff, as `why` shows it."""
    text = laptop.do("why", FIRST, "ship")
    return text.partition("handoff sha256:")[2].split()[0]


@pytest.fixture(scope="module")
def records(hub, story, tmp_path_factory):
    clone = hub.clone("main", tmp_path_factory.mktemp("records") / "clone")
    hub.git("-C", str(clone), "checkout", "-q", "origin/planloom", "--", "artifacts")
    return clone


@pytest.fixture(scope="module")
def on_one_machine(project, story, tmp_path_factory):
    """The same passage by `planloom run`, on files."""
    folder = tmp_path_factory.mktemp("files") / "project"
    shutil.copytree(project.folder, folder, ignore=shutil.ignore_patterns("artifacts", ".git", "dist", "cache"))

    def do(*words):
        done = run_planloom(folder, *words, PLANLOOM_LEDGER="files")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    do("run", FIRST, "--plan", "demo", "--param", "tag=v1")
    by_hand(do, FIRST)
    do("approve", FIRST, "ship", "--yes", "--reason", "looked at it")
    do("run", FIRST)
    handoff = do("why", FIRST, "ship").partition("handoff sha256:")[2].split()[0]
    do("revert", FIRST, "ship", "--handoff", handoff, "--yes", "--reason", "the wrong moment")
    do("approve", FIRST, "ship", "--yes", "--reason", "now it is right")
    do("run", FIRST)
    do("close", FIRST, "--reason", "shipped")
    return folder


def test_the_loop_goes_on_until_a_person_must_act_and_then_collects(story):
    assert story.workflows("both") == ["orchestrator"] * 3 + ["collector"], str(story)
    assert story.workflows("ship") == ["orchestrator", "collector"], str(story)
    assert story.workflows("ship again") == ["orchestrator", "collector"], str(story)
    assert story.workflows("collect") == ["collector"], str(story)


def test_one_dispatch_without_a_work_item_carries_on_every_open_one(story):
    wave = sorted(job.name for job in story.runs["both"][0].jobs if job.caller == "execute")
    steps = [tuple(name.split(" ")[2:4]) for name in wave]
    assert steps == [(item, side) for item in (FIRST, SECOND) for side in ("check-left", "check-right")], str(story)


def test_parameters_of_a_dispatch_open_a_work_item_with_them(records):
    chain = {item: shape(records, item) for item in (FIRST, SECOND)}
    assert [chain[item][f"{item}/_item"][0]["event"] for item in chain] == ["opened", "opened"]
    base = {item: chain[item][f"{item}/prepare"][1]["outputs"] for item in chain}
    assert base[FIRST] != base[SECOND]


def test_people_are_told_what_was_started_or_what_comes_next(story):
    assert "planloom approve demo-1 ship" in story.told["notes"]
    assert "planloom approve demo-1 ship" in story.told["revert"]
    for deed in ("approve", "approve again"):
        assert "started the next wave: demo-orchestrator.yml for demo-1" in story.told[deed]
    assert "started demo-collector.yml" in story.told["close"]


def test_the_history_is_that_of_one_machine(records, on_one_machine, story):
    assert shape(records, FIRST) == shape(on_one_machine, FIRST), str(story)


def test_both_histories_verify_with_the_same_result(records, on_one_machine):
    theirs, ours = judgement(records, FIRST), judgement(on_one_machine, FIRST)
    assert theirs == ours
    assert (ours["verdict"], ours["findings"]) == ("self-consistent", [])
    # Whoever brings the trust root along has it verified, in both.
    pinned = [judgement(folder, FIRST, ours["root"]) for folder in (records, on_one_machine)]
    assert pinned == [ours | {"verdict": "verified"}] * 2


def test_an_integrated_step_keeps_its_work_item_open_until_a_person_closes_it(hub, records, story):
    events = [entry["event"] for entry in shape(records, FIRST)[f"{FIRST}/_item"]]
    assert events == ["opened", "closed"], str(story)
    left = {ref.split("/")[2] for ref in hub.refs() if ref.startswith("refs/planloom/")} - {"_resource"}
    assert left == {SECOND}


def test_every_job_writes_a_table_to_its_summary(story):
    header = "| step | state | attempt | why | who must act | next command |"
    for runs in story.runs.values():
        for run in runs:
            for job in run.jobs:
                assert header in job.summary, f"{job.name}\n{job.summary}\n{run.story()}"


def test_the_summary_says_who_must_act_and_with_which_command(story):
    last = story.runs["both"][-2].jobs[-1].summary
    assert "| notes | manual |" in last
    assert "| editor | `planloom claim demo-1 notes` |" in last
    after = story.runs["ship"][-1].jobs[-1].summary
    assert "| ship | ok |" in after


def test_no_call_of_the_api_was_one_that_the_fake_does_not_know(hub, story):
    assert hub.facts.unknown == []
