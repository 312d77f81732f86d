"""A key is revoked that has signed what no checkpoint covers yet: both ways out work, and whoever has the key gains nothing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from planloom.trust.policyfiles import load_policy
from shops import Shop

RECORD = "artifacts/gates/rel-1/_gate-c/000001.json"


@pytest.fixture
def shop(tmp_path):
    """A work item whose checkpoint covers three records, and ann's approval as the fourth."""
    shop = Shop(tmp_path / "shop")
    shop.check("keys", "new", "ann")
    shop.check("keys", "trust", "ann", "--role", "approver", "--yes")
    steps = (
        {"key": "a", "run": "true"},
        {"key": "c", "run": "true", "needs": ["a"], "gate": {"role": "approver", "approvals": 2}},
    )
    shop.plan(*steps, plan="rel")
    shop.check("run", "rel-1")
    shop.check("approve", "rel-1", "c", "--yes", PLANLOOM_SIGNING_KEY_FILE=".planloom/ann.pem")
    assert RECORD in shop.records()
    return shop


def revoke(shop, *words):
    return shop.run("keys", "revoke", "ann", "--reason", "left us", "--yes", *words)


def test_a_revocation_that_would_break_records_asks_first_and_names_both_ways(shop):
    before = load_policy(shop.folder)
    refused = revoke(shop)
    assert refused.returncode == 3
    assert RECORD in refused.stderr
    assert "planloom export   # they are honest" in refused.stderr
    assert "planloom keys revoke ann --reason 'left us' --at-size 3   # they are not" in refused.stderr
    assert load_policy(shop.folder) == before
    shop.check("export")
    assert revoke(shop).returncode == 0
    shop.check("status", "rel-1")
    shop.check("verify")


def test_what_does_not_count_is_named_and_taken_out_it_no_longer_stands_in_the_way(shop):
    dropped = revoke(shop, "--at-size", "3")
    assert dropped.returncode == 0
    assert f"warning: {RECORD} does not count" in dropped.stderr
    for command in (("status", "rel-1"), ("export",)):
        refused = shop.run(*command)
        assert (refused.returncode, "planloom explain E_KEY_REVOKED" in refused.stderr) == (4, True)
    (shop.folder / RECORD).unlink()
    shop.check("export")
    shop.check("verify")


def test_a_revocation_is_put_later_once_the_checkpoint_lists_the_record_and_never_before(shop):
    assert revoke(shop, "--at-size", "3").returncode == 0
    undecided = revoke(shop)
    assert undecided.returncode == 3
    assert "planloom export --with-revoked" in undecided.stderr
    too_far = revoke(shop, "--at-size", "4")
    assert (too_far.returncode, load_policy(shop.folder).named("ann").revoked.at_size) == (3, 3)
    listed = shop.check("export", "--with-revoked")
    (following,) = re.findall(r"Next: planloom (keys revoke ann --at-size 4) --reason TEXT", listed.stderr)
    # Listed is not counted: only the root can say so.
    assert shop.run("status", "rel-1").returncode == 4
    assert shop.run("verify").returncode == 1
    shop.check(*following.split(), "--reason", "left us", "--yes")
    portfolio = (shop.folder / "artifacts/exports/portfolio.json").read_bytes()
    shop.check("status", "rel-1")
    shop.check("verify")
    shop.check("export")
    assert (shop.folder / "artifacts/exports/portfolio.json").read_bytes() == portfolio


def test_a_checkpoint_is_never_signed_by_a_key_that_is_revoked(shop):
    shop.check("export")
    shop.check("keys", "revoke", "ci", "--reason", "leaked", "--yes")
    before = (shop.folder / "artifacts/exports/checkpoint").read_bytes()
    assert shop.run("export", "--with-revoked").returncode == 4
    assert (shop.folder / "artifacts/exports/checkpoint").read_bytes() == before


def test_other_work_items_go_on_beside_one_that_does_not_hold(shop):
    revoke(shop, "--at-size", "3")
    ran = shop.run("run", "rel-2")
    assert ran.returncode == 4
    assert "  ok      a   attempt 1" in ran.stdout
    assert "rel-2 went on, but no checkpoint could be signed" in ran.stderr
    assert "rel-1/_gate-c #1" in ran.stderr
    assert "1 of 2 steps done. Next: planloom approve rel-2 c" in ran.stderr
    told = shop.run("status")
    assert told.returncode == 4
    assert "rel-2: rel 1.0.0, 2 steps" in told.stdout
    assert "rel-1: broken   E_KEY_REVOKED   rel-1/_gate-c #1" in told.stdout
    assert "planloom explain E_KEY_REVOKED" in told.stderr
    document = json.loads(shop.run("status", "--format", "json").stdout)
    assert [one["workItemId"] for one in document["workItems"]] == ["rel-2"]
    assert [(one["workItemId"], one["code"]) for one in document["broken"]] == [("rel-1", "E_KEY_REVOKED")]


def test_on_a_git_ledger_the_way_out_collects_first(tmp_path):
    shop = Shop(tmp_path / "shop")
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "ledger.git"], check=True)
    there = ("--ledger", f"git:{tmp_path}/ledger.git")
    shop.check("keys", "new", "ann")
    shop.check("keys", "trust", "ann", "--role", "approver", "--yes", *there)
    shop.plan({"key": "c", "run": "true", "gate": {"role": "approver", "approvals": 2}}, plan="rel")
    shop.check("open", "rel-1", *there)
    shop.check("approve", "rel-1", "c", "--yes", *there, PLANLOOM_SIGNING_KEY_FILE=".planloom/ann.pem")
    refused = revoke(shop, *there)
    assert refused.returncode == 3
    named = re.search(r"(planloom collect .*?)   # they are honest", refused.stderr)
    assert [words.split()[:2] for words in named[1].split(" && ")] == [
        ["planloom", verb] for verb in ("collect", "export", "collect")
    ]
    for command in named[1].split(" && "):
        shop.check(*shlex.split(command)[1:])
    assert revoke(shop, *there).returncode == 0
    shop.check("status", "rel-1", *there)
    shop.check("verify", *there)
