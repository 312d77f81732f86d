"""`doctor --github` looks at each thing for itself, and names what repairs it."""

from __future__ import annotations

import json

import pytest

from github.fakehub import WRITER


@pytest.fixture
def ready(world):
    """A repository on which everything is set up and pushed."""
    world.prepare()
    return world


def lines(done):
    """Return the result as {what: is it good}."""
    value = json.loads(done.out)
    assert value["schema"] == "planloom/doctor-github/v1"
    return {one["what"]: one["ok"] for one in value["checks"]}


def bad(world, **extra):
    done = world.run("doctor", "--github", "--format", "json", **extra)
    return [what for what, is_good in lines(done).items() if is_good is False]


def test_a_repository_that_is_set_up_passes_every_check(ready):
    done = ready.run("doctor", "--github")
    assert done.code == 0, done.text
    assert done.out.splitlines() == [
        "ok   workflows on main match the plan",
        "ok   workflows may run, with the actions that they use",
        "ok   runners install planloom by hash (specs/requirements.lock)",
        'ok   environment "planloom" is usable from main only',
        "ok   secret PLANLOOM_SIGNING_KEY, main only",
        "ok   its key may claim, hand off and sign checkpoints",
        "ok   your token may start workflows",
        "ok   records are collected on planloom, which the first run makes",
        "ok   refs/planloom/* can be written (tried and removed)",
    ]
    assert "gh workflow run release-orchestrator.yml -f work-item=release-1" in done.err


def test_the_tried_ref_is_gone_afterwards(ready):
    assert ready.run("doctor", "--github").code == 0
    assert ready.server.pushes() >= 2
    assert [ref for ref in ready.server.refs() if ref.startswith("refs/planloom/")] == []


def test_a_remote_that_takes_no_refs_is_found(ready):
    found = bad(ready, PLANLOOM_LEDGER_TOKEN="read-token")
    assert len(found) == 1
    assert "does not let this token write" in found[0]


def test_workflows_that_are_not_the_compiled_ones_are_named(ready):
    path = ready.root / ".github/workflows/release-collector.yml"
    path.write_text(path.read_text() + "# by hand\n")
    ready.push()
    found = bad(ready)
    assert found == ["1 files on main are not those of the plan: .github/workflows/release-collector.yml"]


def test_a_branch_that_was_never_pushed_is_told(world):
    world.prepare()
    world.server.git("update-ref", "-d", "refs/heads/main")
    assert any("there is nothing on main yet" in what for what in bad(world))


def test_an_environment_that_every_branch_may_use_is_found(ready):
    ready.hub.environments["planloom"]["deployment_branch_policy"] = None
    assert bad(ready) == ['environment "planloom" is usable from every branch, not from main only']


def test_an_environment_that_other_branches_may_use_is_found(ready):
    ready.hub.environments["planloom"]["policies"].append({"id": 9, "name": "dev"})
    assert bad(ready) == ['environment "planloom" is usable from dev, main, not from main only']


def test_a_missing_secret_is_found(ready):
    ready.hub.secrets.clear()
    assert bad(ready) == ['the environment "planloom" has no secret PLANLOOM_SIGNING_KEY']


def test_a_secret_that_every_branch_can_read_is_found_beside_the_right_one(ready):
    ready.hub.secrets["", "PLANLOOM_SIGNING_KEY"] = {"value": "x", "updated_at": "2026-01-01T00:00:00Z"}
    assert bad(ready) == ["secret PLANLOOM_SIGNING_KEY is one of the whole repository: a workflow on any branch can read it"]


def test_a_private_repository_whose_plan_has_no_environments_is_told_the_risk_of_its_secret(ready):
    ready.hub.plan = "free"
    ready.hub.secrets["", "PLANLOOM_SIGNING_KEY"] = ready.hub.secrets.pop(("planloom", "PLANLOOM_SIGNING_KEY"))
    ready.hub.environments.clear()
    done = ready.run("doctor", "--github")
    assert done.code == 1
    assert "bad  secret PLANLOOM_SIGNING_KEY is one of the whole repository: a workflow on any branch can read it" in done.out
    assert "once the repository's plan has environments or it is public" in done.out


def test_a_missing_environment_is_found(ready):
    ready.hub.environments.clear()
    assert bad(ready) == ['there is no environment "planloom"']


@pytest.mark.parametrize(
    ("actions", "word"),
    [
        ({"enabled": False}, "switched off"),
        ({"enabled": True, "allowed_actions": "local_only"}, "not allowed here"),
        ({"enabled": True, "allowed_actions": "selected"}, "not allowed here"),
    ],
)
def test_a_repository_whose_workflows_can_not_run_is_found(ready, actions, word):
    ready.hub.actions = actions
    ready.hub.selected = {"github_owned_allowed": False}
    found = bad(ready)
    assert len(found) == 1
    assert word in found[0]


def test_selected_actions_are_enough_when_those_by_github_are_among_them(ready):
    ready.hub.actions = {"enabled": True, "allowed_actions": "selected"}
    assert bad(ready) == []


def test_a_workflow_that_was_switched_off_is_found(ready):
    ready.hub.disabled[".github/workflows/release-orchestrator.yml"] = "disabled_inactivity"
    done = ready.run("doctor", "--github")
    assert "bad  .github/workflows/release-orchestrator.yml is switched off (disabled inactivity)" in done.out
    assert "gh workflow enable release-orchestrator.yml" in done.out


def test_a_token_with_too_few_scopes_is_found(ready):
    ready.hub.scopes = "gist"
    assert bad(ready) == ["your token lacks the scope repo (it has: gist)"]


def test_what_a_token_may_not_see_is_not_called_good(ready):
    ready.sign_in(WRITER)
    done = ready.run("doctor", "--github", "--format", "json")
    unknown = [what for what, is_good in lines(done).items() if is_good is None]
    assert len(unknown) == 2
    assert any("does not let this token see the secret" in what for what in unknown)


def test_a_ledger_branch_that_workflows_can_not_push_to_is_found(ready):
    ready.hub.rules["planloom"] = ["pull_request"]
    assert bad(ready) == ["workflows can't collect records on planloom: a ruleset asks for pull request"]


def test_an_archived_repository_is_found(ready):
    ready.hub.archived = True
    assert bad(ready) == ["the repository is archived: nothing can be written"]


def test_a_key_without_its_roles_is_found(ready):
    policy = ready.root / "specs/trust/policy.json"
    assert '"ci"' in policy.read_text()
    (ready.root / ".planloom/ci.pem").unlink()
    assert ready.run("keys", "new", "other").code == 0
    (ready.root / ".planloom/other.pem").rename(ready.root / ".planloom/ci.pem")
    found = bad(ready)
    assert len(found) == 1
    assert "the trust policy does not know .planloom/ci.pem" in found[0]


def test_nothing_is_checked_without_a_way_to_sign_in(ready):
    ready.sign_in("")
    done = ready.run("doctor", "--github")
    assert done.code == 4
    assert "gh auth login" in done.err


def test_the_text_names_the_repair_below_what_is_bad(ready):
    ready.hub.secrets.clear()
    done = ready.run("doctor", "--github")
    assert done.code == 1
    assert "bad  the environment" in done.out
    assert "       planloom init --github\n" in done.out
    assert "Next: planloom init --github" in done.err


STRANGE = {"a page": b"<html>Sign in</html>", "a list": b"[1]", "a text": b'"ok"', "nothing": b"null", "no text": b"\xff\xfe"}


@pytest.mark.parametrize("command", [["doctor", "--github"], ["init", "--github"]], ids=" ".join)
@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_an_answer_that_is_not_githubs_is_told_and_nothing_is_done(ready, command, content):
    ready.hub.in_place["/"] = content
    done = ready.run(*command)
    assert done.code == 5, done.text
    assert "E_GITHUB_ANSWER" in done.err
    assert "GITHUB_API_URL" in done.err
    assert ready.hub.writes() == []


@pytest.mark.parametrize("path", ["git/trees", "actions/permissions", "actions/workflows", "environments", "rules/branches"])
@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_one_answer_that_is_not_githubs_leaves_the_other_checks(ready, path, content):
    ready.hub.in_place[f"/repos/acme/demo/{path}"] = content
    done = ready.run("doctor", "--github", "--format", "json")
    assert done.code == 1, done.text
    found = lines(done)
    assert any("not one of GitHub's" in what for what, is_good in found.items() if is_good is False), found
    assert any(found.values())
