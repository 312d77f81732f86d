"""The stand-ins for the platform's artifact actions keep the platform's rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ACTIONS = Path(__file__).parent / "actions"


class Store:
    """Calls the two scripts as their actions do."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.environment = {"ACT_ARTIFACTS": str(folder / "store"), "GITHUB_RUN_ID": "7"}

    def call(self, script: str, **given: str) -> str:
        environment = self.environment | given
        done = subprocess.run(
            [sys.executable, str(ACTIONS / script)],
            cwd=self.workspace,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr if done.returncode == 0 else f"failed: {done.stdout}{done.stderr}"

    def upload(self, name: str, path: str, none: str = "warn", *, overwrite: bool = False, hidden: bool = False) -> str:
        return self.call(
            "upload-artifact/upload.py",
            ARTIFACT_NAME=name,
            ARTIFACT_PATH=path,
            ARTIFACT_IF_NONE=none,
            ARTIFACT_OVERWRITE=str(overwrite).lower(),
            ARTIFACT_HIDDEN=str(hidden).lower(),
        )

    def download(
        self, path: str, name: str = "", pattern: str = "", merge: str = "false", run: str = "7", token: str = ""
    ) -> str:
        return self.call(
            "download-artifact/download.py",
            ARTIFACT_NAME=name,
            ARTIFACT_PATTERN=pattern,
            ARTIFACT_PATH=path,
            ARTIFACT_MERGE=merge,
            ARTIFACT_RUN=run,
            ARTIFACT_TOKEN=token,
        )

    def files(self, folder: str) -> list[str]:
        base = self.workspace / folder
        return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())

    def put(self, path: str) -> None:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_folder_comes_back_without_its_own_name(store):
    store.put("out/a.txt")
    store.put("out/deep/b.txt")
    store.upload("result-1", "out/")
    store.download("back", name="result-1")
    assert store.files("back") == ["a.txt", "deep/b.txt"]


def test_several_paths_keep_what_lies_below_their_common_folder(store):
    store.put("dist/x.whl")
    store.put("log/y.txt")
    store.upload("both", "dist/*.whl\nlog/")
    store.download("back", name="both")
    assert store.files("back") == ["dist/x.whl", "log/y.txt"]


def test_a_name_serves_once_in_a_run_unless_it_is_overwritten(store):
    store.put("a.txt")
    store.put("b.txt")
    store.upload("one", "a.txt")
    assert "already exists" in store.upload("one", "b.txt")
    store.upload("one", "b.txt", overwrite=True)
    store.download("back", name="one")
    assert store.files("back") == ["b.txt"]


def test_hidden_files_stay_behind_unless_they_are_asked_for(store):
    store.put("out/.secret")
    store.put("out/open")
    store.upload("without", "out")
    store.upload("with", "out", hidden=True)
    store.download("back", pattern="with*")
    assert store.files("back") == ["with/.secret", "with/open", "without/open"]


def test_a_pattern_gives_a_folder_for_each_artifact_or_one_for_all(store):
    for name in ("result-a", "result-b", "outputs-a"):
        store.put(f"{name}.json")
        store.upload(name, f"{name}.json")
    store.download("apart", pattern="result-*")
    store.download("together", pattern="result-*", merge="true")
    store.download("nothing", pattern="handoff-*")
    assert store.files("apart") == ["result-a/result-a.json", "result-b/result-b.json"]
    assert store.files("together") == ["result-a.json", "result-b.json"]
    assert store.files("nothing") == []


def test_a_name_that_is_not_there_fails_the_step(store):
    assert "Artifact not found for name: gone" in store.download("back", name="gone")


def test_another_runs_artifacts_need_a_token(store):
    store.put("a.txt")
    store.upload("one", "a.txt")
    store.environment["GITHUB_RUN_ID"] = "8"
    assert store.download("back", name="one", run="7").startswith("failed")
    store.download("back", name="one", run="7", token="t")
    assert store.files("back") == ["a.txt"]


@pytest.mark.parametrize(("none", "begins"), [("error", "failed: ::error::"), ("warn", "::warning::"), ("ignore", "No files")])
def test_no_files_is_an_error_a_warning_or_nothing(store, none, begins):
    assert store.upload("empty", "nothing/", none).startswith(begins)


@pytest.mark.parametrize("name", ["a/b", "a:b", 'a"b', "a*b", "a?b", "a|b", "a<b", ""])
def test_a_name_that_the_platform_refuses_is_refused(store, name):
    store.put("a.txt")
    assert store.upload(name, "a.txt").startswith("failed")
