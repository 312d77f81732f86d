"""Compiling gives the same bytes whatever the hash seed, time zone, locale, folder, user's mask or checkout path."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from golden.compiling import CASES, compile_folder, compile_text

PROGRAM = """
import hashlib, os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from planloom.pipeline import check_project, compile_project, read_specs
files = compile_project(check_project(read_specs(Path(sys.argv[1])).files, None, locked=True))
total = hashlib.sha256()
for path, content in files.items():
    total.update(f"{path} {len(content)}\\n".encode() + content)
print(total.hexdigest())
"""


def digest_of(files):
    total = hashlib.sha256()
    for path, content in files.items():
        total.update(f"{path} {len(content)}\n".encode() + content)
    return total.hexdigest()


SETTINGS = [
    ("hash seed", {"PYTHONHASHSEED": "1"}, "022"),
    ("another hash seed, time zone and locale", {"PYTHONHASHSEED": "4242", "TZ": "Asia/Tokyo", "LC_ALL": "C"}, "077"),
    (
        "no UTF-8 mode, Turkish locale, another user",
        {"PYTHONUTF8": "0", "LC_ALL": "tr_TR.UTF-8", "USER": "somebody", "HOME": "/nowhere"},
        "022",
    ),
    ("in a workflow", {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "f" * 40, "GITHUB_REPOSITORY": "a/b", "COLUMNS": "10"}, "022"),
]


@pytest.mark.parametrize(("environment", "mask"), [s[1:] for s in SETTINGS], ids=[s[0] for s in SETTINGS])
def test_the_bytes_do_not_depend_on_the_environment(environment, mask, tmp_path):
    elsewhere = tmp_path / "another place" / "checkout"
    shutil.copytree(CASES / "isolated/specs", elsewhere / "specs")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(elsewhere), mask],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout.strip() == digest_of(compile_folder(CASES / "isolated"))


def test_the_command_writes_the_same_bytes_whatever_surrounds_the_project(tmp_path):
    """As it is typed: with and without a repository, another remote, user, mask, folder that it is called from, and lock of nothing."""
    found = []
    for number, (remote, mask, words) in enumerate(
        (
            ("", 0o022, {}),
            ("https://example.org/acme/one.git", 0o077, {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}),
            (
                "git@example.org:other/two.git",
                0o002,
                {"USER": "somebody", "LOGNAME": "somebody", "PYTHONUTF8": "0", "LANG": "tr_TR"},
            ),
        )
    ):
        project = tmp_path / f"place {number}" / "Ünder"
        shutil.copytree(CASES / "isolated/specs", project / "specs")
        if remote:
            for command in (["init", "-qb", f"b{number}"], ["remote", "add", "origin", remote]):
                subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
        done = subprocess.run(
            [Path(sys.executable).with_name("planloom"), "compile", "--root", project],
            cwd=[tmp_path, project, "/"][number],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | words,
            umask=mask,
            capture_output=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        files = {
            str(path.relative_to(project)): path.read_bytes()
            for folder in ("generated", ".github")
            for path in sorted((project / folder).rglob("*"))
            if path.is_file()
        }
        found.append(files)
    assert len(found[0]) > 10
    assert found[0] == found[1] == found[2]


def find_python(version):
    """On PATH, or installed by pyenv, whose command on PATH refuses versions that are not chosen."""
    candidates = [shutil.which(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_bytes_do_not_depend_on_the_python(version, tmp_path):
    """Runs where that Python is on the machine and can import what compiling needs; CI has a job for each version."""
    python = find_python(version)
    packages = Path(sys.prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    source = Path(__file__).parents[2] / "compiler"
    # Pure Python packages are the same for all versions; what is compiled (clib, rpds) is not, and ruamel does without.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{source}{os.pathsep}{packages}"}
    if python is None:
        pytest.skip(f"there is no python{version} here")
    done = subprocess.run(
        [python, "-c", PROGRAM, str(CASES / "isolated"), "022"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip(f"python{version} has not all packages")
    assert done.stdout.strip() == digest_of(compile_folder(CASES / "isolated"))


PLAN = """
schema: planloom/plan/v1
id: a
name: A
version: 1.0.0
steps:
  - key: one
    run: make
    env: {X: "1", Y: "2"}
    permissions: {id-token: write, packages: write}
    secrets: [B, A]
"""


def test_the_order_of_keys_and_secrets_does_not_change_what_a_step_is():
    other = PLAN.replace('{X: "1", Y: "2"}', '{Y: "2", X: "1"}').replace("[B, A]", "[A, B]")
    other = other.replace("{id-token: write, packages: write}", "{packages: write, id-token: write}")
    one, two = compile_text(a=PLAN), compile_text(a=other)
    # The source's own digest is part of the plan; the steps are the same.
    assert one["generated/a/steps.jsonl"] == two["generated/a/steps.jsonl"]

    def jobs(files):
        return files[".github/workflows/a-execute.yml"].split(b"jobs:")[1]

    assert jobs(one) == jobs(two)


def test_nothing_of_this_machine_is_in_any_file():
    for case in sorted(folder.name for folder in CASES.iterdir()):
        for path, content in compile_folder(CASES / case).items():
            for word in (str(Path.home()), str(Path.cwd()), os.uname().nodename):
                assert len(word) < 3 or word.encode() not in content, (path, word)


def test_this_repository_is_compiled():
    root = Path(__file__).parents[2]
    from planloom.emit.tree import compare, read_ours
    from planloom.pipeline import LOCK_FILE, POLICY_FILE, check_project, compile_project, read_specs

    policy = root / POLICY_FILE
    checked = check_project(
        read_specs(root).files, policy.read_bytes() if policy.exists() else None, locked=(root / LOCK_FILE).exists()
    )
    assert compare(compile_project(checked), read_ours(root)) == ()
