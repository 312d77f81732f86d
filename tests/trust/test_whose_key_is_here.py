"""A person or a runner whose key is missing, or lies under another name, is led to a key with which it works."""

from __future__ import annotations

import subprocess

import pytest

from planloom.trust.keyfiles import read_private_key
from planloom.trust.policyfiles import load_policy
from shops import PLANLOOM, Shop


@pytest.fixture
def shop(tmp_path):
    step = {"key": "publish", "run": "true", "gate": {"role": "approver"}}
    return Shop(tmp_path / "shop", step)


def paste(shop, *lines):
    """Run lines in a shell as somebody pastes them; returns the finished shell."""
    text = "\n".join(lines).replace("planloom ", f"{PLANLOOM} ")
    return subprocess.run(["sh", "-c", text], cwd=shop.folder, env=shop.environment, capture_output=True, text=True, check=False)


def next_of(done):
    return next(line for line in done.stderr.splitlines() if line.startswith("Next: ")).removeprefix("Next: ")


def test_what_follows_a_new_key_where_the_root_key_is_can_be_pasted(shop):
    made = shop.check("keys", "new", "ann")
    assert next_of(made) == "planloom keys trust ann --role approver"
    assert "export PLANLOOM_SIGNING_KEY_FILE=.planloom/ann.pem" in made.stderr
    assert paste(shop, next_of(made) + " --yes").returncode == 0


def test_what_follows_a_new_key_elsewhere_can_be_pasted_where_the_root_key_is(shop, tmp_path):
    (shop.folder / ".planloom/you.pem").rename(tmp_path / "you.pem")
    command = next_of(shop.check("keys", "new", "ann"))
    ann = read_private_key(shop.folder / ".planloom/ann.pem").key
    assert command == f"planloom keys trust ann {ann.public.hex()} --role approver   # where the root key is"
    (tmp_path / "you.pem").rename(shop.folder / ".planloom/you.pem")
    (shop.folder / ".planloom/ann.pem").rename(tmp_path / "ann.pem")
    assert paste(shop, command.replace("   #", " --yes   #")).returncode == 0
    assert load_policy(shop.folder).named("ann").key == ann


@pytest.mark.parametrize("name", ["ci", "you"])
def test_a_key_whose_name_is_taken_is_not_made_since_it_could_never_be_trusted(shop, name):
    path = shop.folder / f".planloom/{name}.pem"
    path.unlink()
    done = shop.run("keys", "new", name)
    assert done.returncode == 3
    assert f"the policy has a key under the name {name} " in done.stderr
    assert f"planloom keys rotate {name}" in done.stderr
    assert not path.exists()


def test_the_name_of_a_revoked_key_stays_taken(shop):
    shop.check("keys", "new", "bo")
    shop.check("keys", "trust", "bo", "--role", "approver", "--yes")
    shop.check("keys", "revoke", "bo", "--reason", "left", "--yes")
    (shop.folder / ".planloom/bo.pem").unlink()
    done = shop.run("keys", "new", "bo")
    assert done.returncode == 3
    assert "choose another name: it is revoked" in done.stderr


def test_ann_who_has_only_her_own_key_is_told_how_to_sign_with_it(shop):
    shop.check("keys", "new", "ann")
    shop.check("keys", "trust", "ann", "--role", "approver", "--yes")
    shop.check("open", "demo-1")
    (shop.folder / ".planloom/you.pem").unlink()
    refused = shop.run("approve", "demo-1", "publish", "--yes")
    assert refused.returncode == 4
    assert "[E_NO_KEY]" in refused.stderr
    advice = refused.stderr.splitlines()[-1].strip()
    assert advice.startswith("export PLANLOOM_SIGNING_KEY_FILE=")
    assert "the key of ann" in advice
    done = paste(shop, advice, "planloom approve demo-1 publish --yes")
    assert done.returncode == 0, done.stderr
    assert "You approve as ann" in done.stderr


def test_a_runner_without_a_key_is_not_told_to_make_one_that_nobody_can_trust(shop):
    (shop.folder / ".planloom/ci.pem").unlink()
    refused = shop.run("run", "demo-1")
    assert refused.returncode == 4
    assert "planloom keys new ci" not in refused.stderr
    assert "planloom keys rotate ci" in refused.stderr
    assert paste(shop, "planloom keys rotate ci --yes").returncode == 0
    assert shop.run("run", "demo-1").returncode == 0
    assert [key.name for key in load_policy(shop.folder).holders("executor")] == ["ci", *_old(shop)]


def _old(shop):
    return [key.name for key in load_policy(shop.folder).keys if key.name.startswith("ci-")]


def test_the_list_of_keys_names_a_file_only_for_the_key_that_is_in_it(shop, tmp_path):
    another = Shop(tmp_path / "another")
    held = read_private_key(another.folder / ".planloom/ci.pem").key_id
    (another.folder / ".planloom/ci.pem").replace(shop.folder / ".planloom/ci.pem")
    lines = {line.split()[0]: line for line in shop.check("keys", "list").stdout.splitlines()}
    assert lines["ci"].endswith(f".planloom/ci.pem holds another key ({held[:8]})")
    assert lines["you"].endswith(" .planloom/you.pem")
    (shop.folder / ".planloom/you.pem").unlink()
    shop.check("keys", "new", "ann", "--encrypt", PLANLOOM_SIGNING_KEY_PASSPHRASE="secret")
    (shop.folder / ".planloom/ann.pem").rename(shop.folder / ".planloom/you.pem")
    listed = shop.check("keys", "list").stdout
    assert ".planloom/you.pem (encrypted)" in listed
    listed = shop.check("keys", "list", PLANLOOM_SIGNING_KEY_PASSPHRASE="secret").stdout
    assert ".planloom/you.pem holds another key" in listed


def test_help_of_approve_says_which_key_signs(shop):
    assert "PLANLOOM_SIGNING_KEY_FILE" in shop.check("approve", "--help").stdout
