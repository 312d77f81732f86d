"""Which ledger is meant, and how git is reached."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gitserver import run_git
from planloom.core.errors import InputError, StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.git import GitLedger
from planloom.ledger.gitport import Remote, build_environment
from planloom.ledger.gitremotes import cache_folder, find_remote
from planloom.ledger.open import open_ledger


class Variables:
    def __init__(self, **values):
        self.values = values

    def get(self, name):
        return self.values.get(name, "")

    def all(self):
        return dict(self.values)


@pytest.fixture
def env(monkeypatch):
    import os

    def make(**values):
        return Variables(PATH=os.environ["PATH"], HOME="/nonexistent", **values)

    return make


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    run_git("init", "--quiet", str(root))
    run_git("-C", str(root), "remote", "add", "origin", "https://git.example.invalid/acme/demo.git")
    return root


ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/demo",
    "GITHUB_TOKEN": "t0ken",
}


def test_records_lie_in_files_unless_something_says_otherwise(project, env):
    assert open_ledger("", project, env(), {}).describe() == "files artifacts/"


def test_records_lie_in_git_inside_a_workflow(project, env):
    ledger = open_ledger("", project, env(**ACTIONS), {})
    assert isinstance(ledger, GitLedger)
    assert ledger.describe() == "git origin"


@pytest.mark.parametrize(
    ("where", "variable", "setting", "expected"),
    [
        ("files", "git", "git", FileLedger),
        ("", "files", "git", FileLedger),
        ("", "", "files", FileLedger),
        ("", "git", "files", GitLedger),
        ("", "", "git", GitLedger),
    ],
)
def test_the_option_wins_over_the_variable_over_the_settings_over_the_place(project, env, where, variable, setting, expected):
    chosen = open_ledger(where, project, env(**ACTIONS, PLANLOOM_LEDGER=variable), {"ledger": setting})
    assert isinstance(chosen, expected)


def test_files_can_lie_elsewhere(project, env):
    ledger = open_ledger("files:records", project, env(), {})
    assert ledger.artifacts == project / "records"
    assert ledger.describe() == "files records"


def test_anything_else_is_refused_with_what_is_possible(project, env):
    with pytest.raises(InputError, match="'sqlite' is not a ledger") as caught:
        open_ledger("sqlite", project, env(), {})
    assert "git[:REMOTE]" in caught.value.hint


def test_a_remote_is_found_by_its_name_in_the_repository(project, env):
    assert find_remote("", project, env()).url == "https://git.example.invalid/acme/demo.git"
    run_git("-C", str(project), "remote", "add", "backup", "../backup.git")
    assert find_remote("backup", project, env()).url == str(project.parent / "backup.git")
    run_git("-C", str(project), "remote", "set-url", "--push", "origin", "git@example.invalid:acme/demo.git")
    assert find_remote("origin", project, env()).url == "git@example.invalid:acme/demo.git"


def test_a_remote_that_is_not_there_is_refused_with_the_command_that_adds_it(project, env):
    with pytest.raises(StoreError, match="no git remote 'upstream'") as caught:
        open_ledger("git:upstream", project, env(), {})
    assert "git remote add upstream" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("https://host.example/o/r.git", "https://host.example/o/r.git"),
        ("ssh://git@host.example/o/r", "ssh://git@host.example/o/r"),
        ("git@host.example:o/r.git", "git@host.example:o/r.git"),
        ("/srv/git/r.git", "/srv/git/r.git"),
        ("file:///srv/git/r.git", "file:///srv/git/r.git"),
    ],
)
def test_an_address_is_taken_as_it_is(project, env, name, url):
    assert find_remote(name, project, env()).url == url


def test_a_workflows_token_goes_to_the_workflows_server_only(project, env):
    assert find_remote("", project, env(**ACTIONS)).token == "t0ken"
    assert find_remote("https://elsewhere.example/o/r", project, env(**ACTIONS)).token == ""
    assert find_remote("https://github.com.evil.example/o/r", project, env(**ACTIONS)).token == ""
    assert find_remote("", project, env(GITHUB_TOKEN="t0ken")).token == ""


def test_a_worker_can_bring_a_token_of_its_own(project, env):
    assert find_remote("https://host.example/o/r", project, env(PLANLOOM_LEDGER_TOKEN="w")).token == "w"
    assert find_remote("ssh://host.example/o/r", project, env(PLANLOOM_LEDGER_TOKEN="w")).token == ""


def test_credentials_in_an_address_are_never_shown(project, env):
    remote = find_remote("https://me:secret@host.example/o/r", project, env())
    assert "secret" not in repr(remote)
    assert "secret" not in open_ledger("git:https://me:secret@host.example/o/r", project, env(), {}).describe()
    assert "secret" not in str(cache_folder(project, env(), remote))


def test_the_cache_lies_with_the_jobs_temporary_files_in_a_workflow(project, env):
    remote = Remote("https://x.example/r", "origin")
    assert project / ".planloom" / "cache" in cache_folder(project, env(), remote).parents
    inside = env(GITHUB_ACTIONS="true", RUNNER_TEMP="/runner/temp")
    assert str(cache_folder(project, inside, remote)).startswith("/runner/temp/planloom-cache/")


def config_of(environment):
    count = int(environment["GIT_CONFIG_COUNT"])
    return {environment[f"GIT_CONFIG_KEY_{n}"]: environment[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}


def test_with_a_token_git_sees_no_configuration_but_ours():
    users = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "GIT_CONFIG_GLOBAL": "/evil",
        "GIT_SSH_COMMAND": "evil",
        "GIT_DIR": "/evil",
        "LD_PRELOAD": "x",
    }
    built = build_environment(users, Remote("https://github.com/o/r", "origin", "t0ken"))
    assert built["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert built["GIT_CONFIG_NOSYSTEM"] == "1"
    assert "GIT_SSH_COMMAND" not in built
    header = config_of(built)["http.https://github.com/.extraheader"]
    assert header.startswith("AUTHORIZATION: basic ")
    assert "t0ken" not in " ".join(built.values())


def test_without_a_token_the_users_own_way_to_sign_in_works():
    users = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "SSH_AUTH_SOCK": "/run/agent",
        "GIT_SSH_COMMAND": "ssh -i key",
        "GIT_DIR": "/in/a/hook",
        "GIT_INDEX_FILE": "/in/a/hook/index",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "mine",
    }
    remote = Remote("https://github.com/o/r", "origin", settings=(("core.sshcommand", "ssh -i other"),))
    built = build_environment(users, remote)
    assert built["SSH_AUTH_SOCK"] == "/run/agent"
    assert "GIT_DIR" not in built
    assert "GIT_INDEX_FILE" not in built
    assert "GIT_CONFIG_NOSYSTEM" not in built
    assert config_of(built)["credential.helper"] == "mine"
    assert config_of(built)["core.sshcommand"] == "ssh -i other"
    assert config_of(built)["push.gpgSign"] == "false"
    assert built["GIT_TERMINAL_PROMPT"] == "0"


def test_without_git_the_message_says_what_to_install(tmp_path, project, env):
    nowhere = Variables(PATH=str(tmp_path), HOME="/nonexistent")
    with pytest.raises(StoreError, match="git is not installed") as caught:
        open_ledger("git", project, nowhere, {})
    assert "apt-get install git" in caught.value.hint
    with pytest.raises(StoreError, match="git is not installed"):
        open_ledger("git:https://host.example/o/r", project, nowhere, {}).items()


def test_files_never_import_what_git_needs(project):
    code = (
        "import sys; from pathlib import Path; import planloom.ledger.open as o;"
        "class_ = type('E', (), {'get': lambda s, n: '', 'all': lambda s: {}});"
        "o.open_ledger('', Path(sys.argv[1]), class_(), {}).items();"
        "sys.exit(' '.join(m for m in ('planloom.ledger.git', 'planloom.records.record', 'subprocess', 'random') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project)], check=False, capture_output=True, text=True)
    assert done.stderr.strip() == ""
