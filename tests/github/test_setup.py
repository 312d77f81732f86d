"""`init --github` shows what it will do, does it, and does nothing twice."""

from __future__ import annotations

import json

import pytest

from github.conftest import git
from github.fakehub import ADMIN, READER, WRITER
from planloom.github.local import set_key
from planloom.trust.keyfiles import parse_private_key, read_private_key, write_private_key


def test_a_repository_is_set_up_with_one_command(world):
    done = world.run("init", "--github", "--yes")
    assert done.code == 0, done.text
    assert "acme/demo (private, Team). This will:" in done.err
    assert '1  create the environment "planloom", usable from main only' in done.err
    assert "done 1, 2." in done.out
    assert "planloom doctor --github" in done.err
    assert world.hub.branches_of("planloom") == ["main"]
    stored = world.hub.secrets["planloom", "PLANLOOM_SIGNING_KEY"]["value"]
    assert stored == (world.root / ".planloom/ci.pem").read_text()


def test_the_key_goes_to_gh_by_standard_input_and_never_as_an_argument(world):
    world.run("init", "--github", "--yes")
    words = json.loads((world.bin / "token.argv").read_text())
    assert words == ["secret", "set", "PLANLOOM_SIGNING_KEY", "--env", "planloom", "--repo", f"{words[-1]}"]
    assert words[-1].endswith("/acme/demo")
    assert not any("PRIVATE" in word for word in words)


def test_nothing_is_done_when_the_question_is_answered_with_no(world):
    done = world.run("init", "--github", given="n\n")
    assert done.code == 130
    assert "Go on? [y/N]" in done.text
    assert world.hub.writes() == []
    assert world.hub.secrets == {}


def test_a_second_time_there_is_nothing_to_do(world):
    assert world.run("init", "--github", "--yes").code == 0
    before = len(world.hub.writes())
    again = world.run("init", "--github")
    assert again.code == 0
    assert "is set up" in again.out
    assert len(world.hub.writes()) == before


def test_only_what_is_missing_is_done(world):
    world.run("init", "--github", "--yes")
    del world.hub.secrets["planloom", "PLANLOOM_SIGNING_KEY"]
    done = world.run("init", "--github", given="y\n")
    assert "create the environment" not in done.text
    assert "done 2." in done.out


def test_a_key_that_is_newer_than_the_secret_is_stored_again(world):
    world.run("init", "--github", "--yes")
    world.hub.secrets["planloom", "PLANLOOM_SIGNING_KEY"]["updated_at"] = "2020-01-01T00:00:00Z"
    done = world.run("init", "--github", "--yes")
    assert "newer than the one stored" in done.err
    assert "done 2." in done.out


def test_an_environment_that_more_branches_may_use_is_limited_and_keeps_its_reviewers(world):
    world.hub.environments["planloom"] = {
        "name": "planloom",
        "protection_rules": [
            {"type": "required_reviewers", "reviewers": [{"type": "User", "reviewer": {"id": 7}}], "prevent_self_review": True},
            {"type": "wait_timer", "wait_timer": 5},
        ],
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        "policies": [{"id": 1, "name": "main"}, {"id": 2, "name": "release/*"}],
    }
    done = world.run("init", "--github", "--yes")
    assert 'limit the environment "planloom" to main (now usable from release/* too)' in done.err
    assert world.hub.branches_of("planloom") == ["main"]
    kept = {rule["type"]: rule for rule in world.hub.environments["planloom"]["protection_rules"]}
    assert kept["required_reviewers"]["reviewers"][0]["reviewer"]["id"] == 7
    assert kept["required_reviewers"]["prevent_self_review"] is True
    assert kept["wait_timer"]["wait_timer"] == 5


def test_records_get_a_branch_of_their_own_when_the_default_branch_is_protected(world):
    world.settle("# ours\nledger-branch: main   # records\n")
    world.hub.protected.add("main")
    done = world.run("init", "--github", "--yes")
    assert 'collect records on the branch "planloom", because of main: it is protected' in done.err
    text = (world.root / "specs/planloom.yaml").read_text()
    assert "# ours\nledger-branch: planloom   # records\n" in text
    assert json.loads((world.root / "generated/project.json").read_text())["ledgerBranch"] == "planloom"
    assert 'git commit -m "Run on GitHub"' in done.err
    assert "is set up" in world.run("init", "--github").out


def test_a_ruleset_that_asks_for_pull_requests_counts_as_protection(world):
    world.hub.rules["main"] = ["deletion", "pull_request"]
    done = world.run("init", "--github", "--yes")
    assert "a ruleset asks for pull request" in done.err


def test_a_private_repository_without_environments_is_told_the_risk_and_asked(world):
    world.hub.plan = "free"
    done = world.run("init", "--github", given="y\ny\n")
    assert "The risk: whoever may push a branch can push a workflow that reads it" in done.err
    assert done.code == 0, done.text
    assert ("", "PLANLOOM_SIGNING_KEY") in world.hub.secrets
    assert world.hub.environments == {}


def test_the_risk_is_told_too_when_only_github_knows_the_plan(world):
    world.hub.plan, world.hub.tells_plan = "free", False
    done = world.run("init", "--github", given="y\ny\n")
    assert "Please ensure the billing plan" in done.err
    assert ("", "PLANLOOM_SIGNING_KEY") in world.hub.secrets
    assert "done 1." in done.out


def test_the_risk_is_not_accepted_by_yes(world):
    world.hub.plan = "free"
    done = world.run("init", "--github", "--yes")
    assert done.code == 4
    assert world.hub.secrets == {}


def test_without_gh_the_secret_is_left_to_a_person_and_the_command_is_shown(world):
    world.remove_gh()
    done = world.run("init", "--github", "--yes", GH_TOKEN=ADMIN)
    assert done.code == 0, done.text
    assert "done 1." in done.out
    assert "gh secret set PLANLOOM_SIGNING_KEY --env planloom --repo acme/demo < .planloom/ci.pem" in done.out
    assert "planloom init --github --check" in done.err


@pytest.mark.parametrize("has_gh", [True, False])
def test_without_any_way_to_sign_in_the_steps_are_printed_with_their_pages(world, has_gh):
    if has_gh:
        world.sign_in("")
    else:
        world.remove_gh()
    done = world.run("init", "--github")
    assert done.code == 0
    assert "/acme/demo/settings/environments" in done.out
    assert "for the runners   (done)" in done.out
    assert world.hub.writes() == []


def test_without_a_token_a_public_repository_shows_what_everybody_may_see(world):
    world.prepare()
    world.sign_in("")
    world.hub.private = False
    done = world.run("init", "--github", "--check")
    assert done.code == 0, done.text
    assert [line.split()[0] for line in done.out.splitlines()] == ["done", "?", "done"]
    assert "only what everybody may see" in done.err


def test_check_tells_what_is_done_and_changes_nothing(world):
    before = world.run("init", "--github", "--check")
    assert before.code == 1
    assert "to do  1" in before.out
    assert "done   3" in before.out
    world.run("init", "--github", "--yes")
    writes = len(world.hub.writes())
    after = world.run("init", "--github", "--check")
    assert after.code == 0
    assert "to do" not in after.out
    assert len(world.hub.writes()) == writes


def test_a_token_without_admin_rights_is_told_what_it_lacks(world):
    world.sign_in(WRITER)
    done = world.run("init", "--github", "--yes")
    assert done.code == 4
    assert "does not let this token see the secret" in done.text
    assert world.hub.writes() == []


def test_a_key_that_the_policy_does_not_know_is_not_stored(world):
    assert world.run("keys", "new", "stranger").code == 0
    (world.root / ".planloom/stranger.pem").replace(world.root / ".planloom/ci.pem")
    done = world.run("init", "--github", "--yes")
    assert done.code == 5
    assert "the trust policy does not know .planloom/ci.pem" in done.out
    assert "planloom keys trust ci" in done.out
    assert world.hub.secrets == {}


def test_an_encrypted_key_is_stored_in_the_clear_for_the_runner_and_only_with_its_passphrase(world):
    path = world.root / ".planloom/ci.pem"
    key = read_private_key(path)
    path.unlink()
    write_private_key(path, key, "horse")
    without = world.run("init", "--github", "--yes")
    assert without.code == 5
    assert ".planloom/ci.pem is encrypted" in without.out
    assert world.run("init", "--github", "--yes", PLANLOOM_SIGNING_KEY_PASSPHRASE="horse").code == 0
    stored = world.hub.secrets["planloom", "PLANLOOM_SIGNING_KEY"]["value"]
    assert parse_private_key(stored.encode(), "", "the secret").key_id == key.key_id


def test_a_bad_token_and_a_sick_github_are_told_apart(world):
    world.sign_in("stolen")
    assert world.run("init", "--github").code == 4
    world.sign_in(READER)
    world.hub.fail = 503
    done = world.run("init", "--github")
    assert done.code == 5
    assert "trouble of its own" in done.err


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_of_requests_is_not_taken_for_missing_rights(world, status):
    world.hub.fail, world.hub.fail_with = status, "You have exceeded a secondary rate limit."
    done = world.run("init", "--github", "--yes")
    assert done.code == 5
    assert "limit of requests is used up" in done.err


def test_pins_that_can_not_be_made_leave_the_other_steps_done(world):
    (world.root / "specs/requirements.lock").unlink()
    done = world.run("init", "--github", "--yes", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
    assert done.code == 5
    assert "done 1, 2." in done.out
    assert "failed 3" in done.out
    assert "planloom pin --wheel FILE" in done.out
    assert not (world.root / "specs/requirements.lock").exists()


def test_a_remote_that_is_not_on_github_is_refused_with_what_to_do(world):
    from github.conftest import git

    git(world.root, "remote", "remove", "origin")
    done = world.run("init", "--github")
    assert done.code == 2
    assert "gh repo create" in done.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "schema: planloom/project/v1\nledger-branch: planloom\n"),
        ("schema: x\n", "schema: x\nledger-branch: planloom\n"),
        ("schema: x", "schema: x\nledger-branch: planloom\n"),
        ("ledger-branch: main # why\nb: 1\n", "ledger-branch: planloom # why\nb: 1\n"),
        ("ledger-branch:\nb: 1\n", "ledger-branch: planloom\nb: 1\n"),
        ("# ledger-branch: main\na: 1\n", "# ledger-branch: main\na: 1\nledger-branch: planloom\n"),
    ],
)
def test_one_key_is_set_and_all_else_stays(before, after):
    assert set_key(before, "ledger-branch", "planloom") == after


def test_a_name_that_yaml_would_misread_is_quoted():
    assert set_key(None, "ledger-branch", "on").endswith('ledger-branch: "on"\n')
    assert set_key(None, "ledger-branch", "1.0").endswith('ledger-branch: "1.0"\n')


def test_without_gh_and_without_a_network_the_steps_by_hand_are_printed(world):
    world.run("init", "--github", "--yes")
    world.remove_gh()
    nobody = {"GITHUB_API_URL": "http://127.0.0.1:9"}
    done = world.run("init", "--github", **nobody)
    assert done.code == 0, done.text
    assert "could not be reached" in done.err
    assert "settings/environments: New environment, named planloom" in done.out
    assert "planloom pin" in done.out or "pin planloom" in done.out
    assert "Traceback" not in done.text
    assert world.run("init", "--github", "--check", **nobody).code == 5


def test_without_a_remote_it_says_how_to_get_one_without_gh(world):
    git(world.root, "remote", "remove", "origin")
    done = world.run("init", "--github", GITHUB_REPOSITORY="")
    assert done.code == 2
    assert "https://github.com/new, then git remote add origin URL" in done.text
