"""init where the plans' gates want more keys than it makes: what it can lay down is there, and it says what makes the others."""

from __future__ import annotations

import subprocess

import pytest

from planloom.trust.policyfiles import load_policy
from shops import PLANLOOM, Shop, write_plan


def begin(tmp_path, *steps):
    """Return a shop's tools for a folder that holds a plan only."""
    shop = Shop(tmp_path / "tools")
    shop.folder = tmp_path / "shop"
    (shop.folder / "specs").mkdir(parents=True)
    (shop.folder / "specs/demo.yaml").write_text(write_plan(steps))
    return shop


@pytest.mark.parametrize(
    ("gate", "keys"),
    [
        ({"role": "approver", "approvals": 2}, {"approver-1": "approver"}),
        ({"role": "auditor", "approvals": 2}, {"auditor-1": "auditor", "auditor-2": "auditor"}),
    ],
)
def test_init_names_the_command_that_makes_the_keys_for_which_gates_wait(tmp_path, gate, keys):
    shop = begin(tmp_path, {"key": "publish", "run": "true", "gate": gate})
    done = shop.check("init")
    assert "specs/trust/policy.json" in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Next: planloom keys new ")
    # Once more changes nothing, and says the same.
    assert shop.check("init").stderr.splitlines()[-1] == last
    line = last.removeprefix("Next: ").replace(" --role", " --yes --role").replace("planloom ", f"{PLANLOOM} ")
    subprocess.run(["sh", "-c", line], cwd=shop.folder, env=shop.environment, check=True, capture_output=True)
    policy = load_policy(shop.folder)
    assert {key.name: key.roles for key in policy.keys if key.name in keys} == {name: (role,) for name, role in keys.items()}
    assert (shop.folder / "generated/demo/plan.json").exists()
    shop.check("validate")


def test_init_still_refuses_a_plan_with_another_error_and_lays_nothing_down(tmp_path):
    shop = begin(tmp_path, {"key": "publish", "run": "true", "needs": ["nothing"], "gate": {"role": "approver", "approvals": 2}})
    done = shop.run("init")
    assert done.returncode == 2
    assert "have errors" in done.stderr
    assert not (shop.folder / "specs/trust").exists()
    assert not (shop.folder / ".planloom").exists()
