"""A plan with `workflow.on.schedule`: the platform starts the orchestrator by the clock, without inputs, and every open work item goes on."""

from __future__ import annotations

import pytest

from act.hub import Hub
from act.projects import history, make_laptop, make_project, planloom

pytestmark = [pytest.mark.act, pytest.mark.slow, pytest.mark.timeout(600)]

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Carried on by the clock
version: 1.0.0
params:
  tag: {{type: string, pattern: "^v[0-9]+$"}}
workflow:
  execution: {execution}
  on: {{schedule: ["*/30 * * * *"]}}
defaults: {{shell: bash, timeout-minutes: 5}}
steps:
  - key: make
    run: |
      mkdir -p dist
      echo "$PARAM_TAG" >dist/tag.txt
    outputs: [dist/tag.txt]
"""

ITEMS = {"demo-1": "v1", "demo-2": "v2"}


@pytest.fixture(scope="module", params=["isolated", pytest.param("direct", marks=pytest.mark.soak)])
def hub(request, tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp(request.param) / "project", PLAN.format(execution=request.param))
    made = Hub(tmp_path_factory.mktemp("hub"), project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    laptop = make_laptop(made, project, tmp_path_factory.mktemp("laptop") / "clone")
    for item, tag in ITEMS.items():
        laptop.planloom("open", item, "--param", f"tag={tag}")
    yield made
    made.close()


def by_the_clock(hub):
    return [hub.dispatch("demo-orchestrator.yml", event="schedule", actor="octocat"), *hub.drain()]


def told(runs):
    return "\n".join(run.story() for run in runs)


def test_what_the_clock_starts_carries_on_every_open_work_item_and_then_nothing(hub, tmp_path):
    runs = by_the_clock(hub)
    assert [run.workflow for run in runs] == ["demo-orchestrator.yml", "demo-collector.yml"], told(runs)
    assert {run.conclusion for run in runs} == {"success"}, told(runs)
    clone = hub.clone("main", tmp_path / "clone")
    hub.git("-C", str(clone), "checkout", "-q", "origin/planloom", "--", "artifacts")
    done = planloom(clone, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    for item in ITEMS:
        assert [event for event, *_ in history(clone)[f"{item}/make"]] == ["claimed", "completed"]
        assert [event for event, *_ in history(clone)[f"{item}/_item"]] == ["opened", "closed"]
    # The next time there is nothing to do: no work, no error, and no workflow that is started for nothing.
    again = by_the_clock(hub)
    assert [(run.workflow, run.conclusion) for run in again] == [("demo-orchestrator.yml", "success")], told(again)
    assert [job.name for job in again[0].jobs if job.caller == "execute"] == []
    assert hub.facts.unknown == []
