"""The loopback platform runs workflows as the real one would, as far as tests rely on it."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from act.actrun import PINS
from act.hub import TOKEN, Hub

pytestmark = [pytest.mark.act, pytest.mark.slow]

ORCHESTRATE = """\
name: "demo: orchestrate"
"on":
  workflow_dispatch:
    inputs:
      work-item: {required: false, type: string}
permissions: {}
concurrency:
  group: demo
  queue: max
jobs:
  delegate:
    name: Delegate
    runs-on: ubuntu-24.04
    outputs:
      matrices: ${{ steps.claim.outputs.matrices }}
    steps:
      - uses: actions/checkout@CHECKOUT
        with: {persist-credentials: false}
      - uses: actions/setup-python@SETUP
        with: {python-version: "3.13"}
      - run: python -m pip install --require-hashes -r specs/requirements.lock
      - run: planloom --version
      - id: claim
        env: {WORK_ITEM: "${{ inputs.work-item }}", KEY: "${{ secrets.PLANLOOM_SIGNING_KEY }}"}
        run: |
          test "$KEY" = "line one
          line two"
          test "$WORK_ITEM" = demo-1
          git log -1 --format=%H
          echo 'matrices={"work":[{"step":"good","runsOn":"ubuntu-24.04"},{"step":"bad","runsOn":["self-hosted","linux"]}]}' >>"$GITHUB_OUTPUT"
          echo "### ready" >>"$GITHUB_STEP_SUMMARY"
  execute:
    name: Execute
    needs: delegate
    uses: ./.github/workflows/execute.yml
    with: {matrices: "${{ needs.delegate.outputs.matrices }}"}
  next:
    name: Go on
    needs: [delegate, execute]
    if: ${{ !cancelled() && needs.delegate.result == 'success' }}
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/download-artifact@DOWNLOAD
        with: {pattern: "result-*", path: results}
      - env:
          TOKEN: ${{ github.token }}
          RESULT: ${{ needs.execute.result }}
          MATRICES: ${{ needs.delegate.outputs.matrices }}
        run: |
          ls results
          echo "execute came to $RESULT with ${#MATRICES} characters"
          curl -sSf -X POST -H "Authorization: Bearer $TOKEN" \
            -d '{"ref":"main","inputs":{"work-item":"demo-1"}}' \
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/actions/workflows/collector.yml/dispatches"
"""

EXECUTE = """\
name: "demo: execute"
"on":
  workflow_call:
    inputs:
      matrices: {required: true, type: string}
permissions: {}
jobs:
  work:
    name: demo ${{ matrix.step }}
    runs-on: ${{ matrix.runsOn }}
    strategy:
      fail-fast: false
      matrix:
        include: ${{ fromJSON(inputs.matrices).work }}
    steps:
      - env: {STEP: "${{ matrix.step }}"}
        run: echo "did $STEP" >"$STEP.txt"; test "$STEP" = good
      - if: always()
        uses: actions/upload-artifact@UPLOAD
        with: {name: "result-${{ matrix.step }}", path: "${{ matrix.step }}.txt"}
"""

COLLECT = """\
name: "demo: collect"
"on":
  workflow_dispatch:
    inputs:
      work-item: {required: false, type: string}
permissions: {}
jobs:
  collect:
    name: Collect
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@CHECKOUT
        with: {persist-credentials: true}
      - run: |
          git switch -q --orphan planloom
          mkdir artifacts && echo x >artifacts/x
          git add artifacts && git -c user.name=c -c user.email=c@example.invalid commit -qm collect
          git push -q origin planloom
"""


def pinned(text: str) -> str:
    """Return the text with the commits that compiled workflows pin."""
    names = {"CHECKOUT": "checkout", "SETUP": "setup-python", "UPLOAD": "upload-artifact", "DOWNLOAD": "download-artifact"}
    for word, name in names.items():
        text = text.replace(f"@{word}", f"@{PINS[f'actions/{name}']['commit']}")
    return text


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    project = folder / "project"
    workflows = project / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for name, text in (("orchestrator", ORCHESTRATE), ("execute", EXECUTE), ("collector", COLLECT)):
        (workflows / f"{name}.yml").write_text(pinned(text))
    for words in (
        ["init", "-qb", "main"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-qm", "demo"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True)
    made = Hub(folder / "hub", project, secrets={"PLANLOOM_SIGNING_KEY": "line one\nline two"})
    yield made
    made.close()


@pytest.fixture(scope="module")
def runs(hub):
    first = hub.dispatch("orchestrator.yml", {"work-item": "demo-1"})
    return [first, *hub.drain()]


def ask(hub, path, *, token=TOKEN):
    request = urllib.request.Request(f"{hub.api.base}/repos/acme/demo{path}", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_jobs_after_a_failed_call_still_run_and_dispatch_the_next_workflow(hub, runs):
    assert [run.workflow for run in runs] == ["orchestrator.yml", "collector.yml"], runs[0].story()
    jobs = {job.name: job.conclusion for job in runs[0].jobs}
    assert jobs == {
        "Delegate": "success",
        "Execute / demo good": "success",
        "Execute / demo bad": "failure",
        "Go on": "success",
    }, runs[0].story()
    assert hub.facts.unknown == []


def test_outputs_and_artifacts_reach_the_jobs_after_a_failed_call(runs):
    text = runs[0].job("Go on").text
    assert "result-bad  result-good" in text
    matrices = runs[0].job("Delegate").outputs["claim.matrices"]
    assert f"execute came to failure with {len(matrices)} characters" in text


def test_a_job_checks_out_the_commit_that_started_the_run(hub, runs):
    assert hub.head() in runs[0].job("Delegate").text
    assert "### ready" in runs[0].job("Delegate").summary


def test_a_pushed_branch_arrives_at_the_origin(hub, runs):
    assert runs[1].conclusion == "success", runs[1].story()
    assert hub.files("planloom") == ["artifacts/x"]


def test_the_api_lists_runs_jobs_and_artifacts(hub, runs):
    run = ask(hub, f"/actions/runs/{runs[0].id}/attempts/1")
    assert (run["status"], run["conclusion"], run["path"]) == ("completed", "failure", ".github/workflows/orchestrator.yml")
    jobs = ask(hub, f"/actions/runs/{runs[0].id}/attempts/1/jobs?per_page=2&page=2")
    assert jobs["total_count"] == 4
    assert [job["name"] for job in jobs["jobs"]][-1] == "Go on"
    artifacts = ask(hub, f"/actions/runs/{runs[0].id}/artifacts?name=result-good")
    assert [one["name"] for one in artifacts["artifacts"]] == ["result-good"]


@pytest.mark.parametrize(("path", "token", "status"), [("/actions/runs/1", TOKEN, 404), ("", "wrong", 401)])
def test_the_api_refuses_what_the_real_one_refuses(hub, path, token, status):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(hub, path, token=token)
    assert refused.value.code == status
    refused.value.close()


def test_the_artifact_store_refuses_the_platforms_token(hub, runs):
    found = ask(hub, f"/actions/runs/{runs[0].id}/artifacts")["artifacts"][0]
    # urllib carries the header over to where it is redirected, which is the mistake that the store refuses.
    request = urllib.request.Request(found["archive_download_url"], headers={"Authorization": f"Bearer {TOKEN}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    refused.value.close()


def test_nothing_of_a_run_is_left_in_the_users_home(hub):
    assert Path(hub.machine.environment["HOME"]).is_relative_to(hub.folder)
