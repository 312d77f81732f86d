"""Native steps of a plan: they run as the job's own, between `exec --begin` and `exec --end`, and get what a command would get."""

from __future__ import annotations

import pytest

from act.hub import Hub
from act.projects import history, make_project, planloom

pytestmark = [pytest.mark.act, pytest.mark.soak, pytest.mark.timeout(600)]

ITEM = "demo-1"
TAG = "v1 $(touch made) 'quoted' \"twice\" %0A <<EOF"
"""No expression in it: act would evaluate one in a variable that a step has set; the runner of GitHub does not."""

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Native steps that read parameters
version: 1.0.0
params:
  tag: {{type: string}}
  count: {{type: integer, default: 3}}
workflow:
  execution: {execution}
defaults:
  shell: bash
  timeout-minutes: 5
steps:
  - key: prepare
    run: |
      mkdir -p dist
      printf '%s\\n' "$PARAM_TAG" >dist/base.txt
    outputs: [dist/base.txt]
  - key: native
    needs: [prepare]
    steps:
      - name: Read what came before
        run: |
          test "$(cat dist/base.txt)" = "$PARAM_TAG"
          printf '%s %s %s\\n' "$PARAM_TAG" "$PARAM_COUNT" "$PLANLOOM_ATTEMPT" >dist/native.txt
        shell: bash
      - name: Only when something failed
        if: failure()
        run: rm dist/native.txt
        shell: bash
    outputs: [dist/native.txt]
"""


@pytest.mark.parametrize("execution", ["isolated", "direct"])
def test_native_steps_get_parameters_and_inputs_and_hand_on_their_outputs(execution, tmp_path):
    project = make_project(tmp_path / "project", PLAN.format(execution=execution))
    hub = Hub(tmp_path / "hub", project.folder, secrets={"PLANLOOM_SIGNING_KEY": project.key})
    try:
        runs = [hub.dispatch("demo-orchestrator.yml", {"work-item": ITEM, "tag": TAG}), *hub.drain()]
        told = "\n".join(run.story() for run in runs)
        assert "refs/heads/planloom" in hub.refs(), told
        clone = hub.clone("main", tmp_path / "clone")
        hub.git("-C", str(clone), "checkout", "-q", "origin/planloom", "--", "artifacts")
    finally:
        hub.close()
    done = planloom(clone, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    ended = {chain: entries[-1] for chain, entries in history(clone).items()}
    event, attempt, result, (output,) = ended[f"{ITEM}/native"]
    assert (event, attempt, result) == ("completed", 1, "success"), told
    assert output == f"dist/native.txt {sha256(f'{TAG} 3 1')}", told
    assert not (clone / "made").exists()


def sha256(line: str) -> str:
    """Return the digest of a file with one line, as `history` shows it."""
    import hashlib

    return hashlib.sha256(f"{line}\n".encode()).hexdigest()
