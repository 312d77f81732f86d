"""A GitHub environment named in addition to a gate: GitHub's protection comes on top, and the signed approval is asked for all the same."""

from __future__ import annotations

import json

import pytest

from attacks.forging import read, replace, resealed
from judges.reading import read_workflow
from planloom.trust import keyfiles
from planloom.trust.gather import read_history
from planloom.trust.verify import Request, verify
from shops import Shop

STEPS = (
    {"key": "build", "run": "true"},
    {
        "key": "publish",
        "run": "true",
        "needs": ["build"],
        "environment": "production",
        "gate": {"role": "approver", "approvals": 1},
    },
)


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop", *STEPS)


def workflow(shop, name):
    return read_workflow((shop.folder / f".github/workflows/demo-{name}.yml").read_bytes())


def environments(value):
    """Step → environment of every matrix entry, wherever it stands."""
    if isinstance(value, dict) and "stepKey" in value:
        return {value["stepKey"]: value["environment"]}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {key: named for one in inner for key, named in environments(one).items()}


def test_an_environment_and_a_gate_are_both_asked_for(shop):
    # From the plan to the workflow: the job that carries the step out names the environment, and no other job does.
    jobs = {
        f"{name} {key}": job.get("environment")
        for name in ("orchestrator", "execute", "collector")
        for key, job in workflow(shop, name)["jobs"].items()
    }
    assert [key for key, named in jobs.items() if named == "production"] == ["execute work-publish"]
    steps = (shop.folder / "generated/demo/steps.jsonl").read_text().splitlines()
    compiled = {step["key"]: step for step in map(json.loads, steps)}
    definition = compiled["publish"]["definition"]
    assert (definition["environment"], definition["gate"]) == ("production", {"role": "approver", "approvals": 1})
    entries = json.loads((shop.folder / "generated/demo/matrix.json").read_text())
    assert environments(entries) == {"build": "", "publish": "production"}

    # Whoever GitHub would let pass has no approval yet: it is neither dispatched nor claimed.
    shop.check("open", "demo-1")
    shop.run("run", "demo-1")
    schedule = shop.json("delegate", "--structured-work-item", "demo-1")["schedules"][0]
    assert schedule["readySteps"] == []
    assert shop.states()["publish"] == "waits"
    refused = shop.run("claim", "demo-1", "publish")
    assert (refused.returncode, "1 approval by approver" in refused.stderr) == (3, True)

    shop.check("approve", "demo-1", "publish", "--yes")
    (ready,) = shop.json("delegate", "--structured-work-item", "demo-1")["schedules"][0]["readySteps"]
    assert ready["key"] == "publish"
    shop.check("run", "demo-1")
    assert shop.check("verify").returncode == 0

    # And a claim that left its approval out, signed by the key that may claim, is found: the environment replaces nothing.
    history = read_history(shop.folder)
    path = "artifacts/claims/demo-1/publish/000001.json"
    claim = read(history.files[path])
    key = keyfiles.read_private_key(shop.folder / ".planloom/ci.pem")
    forged = resealed(history, path, key, body=replace(claim.body, approvals=()))
    found = [f for f in verify(forged, Request()).findings if f.path == path and f.code == "E_GATE"]
    assert [(f.field, f.expected, f.found) for f in found] == [("approvals", "1", "0")]
