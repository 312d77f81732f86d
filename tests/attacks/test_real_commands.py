"""The history that a newcomer makes with real commands in the first hour, attacked on disk and verified by the real command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from planloom.trust.checkpoint import is_record_path
from planloom.trust.gather import read_history
from planloom.trust.verify import Request, verify

pytestmark = pytest.mark.xdist_group("first-hour")  # one worker makes the history, once
PLANLOOM = Path(sys.executable).with_name("planloom")


def planloom(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [PLANLOOM, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first-hour")
    assert planloom(folder, "init", "demo").returncode == 0
    demo = folder / "demo"
    planloom(demo, "run")
    assert planloom(demo, "approve", "release-1", "publish", "--reason", "looked at it", "--yes").returncode == 0
    assert planloom(demo, "run").returncode == 0
    return demo


@pytest.fixture
def copy(project, tmp_path):
    shutil.copytree(project, tmp_path / "demo")
    return tmp_path / "demo"


def test_the_honest_history_verifies(project):
    done = planloom(project, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "publish used the dist/demo-1.0.0.tar.gz that build made and that you approved" in done.stdout


def test_a_flipped_bit_in_any_file_is_found_and_its_file_named(project):
    history = read_history(project)
    random = Random(1)
    for path in (p for p in history.files if p.startswith(("artifacts/", "specs/trust/"))):
        content = history.files[path]
        if not is_record_path(path) and "/exports/" not in path and not path.startswith("specs/") and "_item" not in path:
            continue  # the pages that explain the folders
        for _ in range(12):
            at = random.randrange(len(content))
            changed = content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]
            found = verify(type(history)(dict(history.files) | {path: changed}), Request())
            same_policy = path.startswith("specs/trust/policy.json")
            assert any(
                f.path == path or (same_policy and f.path.startswith("specs/trust/policy.json")) for f in found.findings
            ), path


def test_the_command_says_which_record_was_edited_and_what_follows(copy):
    path = next((copy / "artifacts/handoff/release-1/build").glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"payload":"eyJ', b'"payload":"eyK'))
    done = planloom(copy, "verify")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == path.relative_to(copy).as_posix()
    assert lines[1] == "  E_SIGNATURE  the signature does not match the content (step build, attempt 1)"
    assert lines[2] == "  also: publish's claim depends on it; the checkpoint has another record in this place"
    assert lines[3].startswith("1 of ")
    assert "Traceback" not in done.stderr


def test_the_command_misses_a_deleted_record(copy):
    path = next((copy / "artifacts/gates/release-1/_gate-publish").glob("*.json"))
    path.unlink()
    done = planloom(copy, "verify")
    assert (done.returncode, path.relative_to(copy).as_posix() in done.stdout, "E_TRUNCATED" in done.stdout) == (1, True, True)


def test_an_edited_output_is_found(copy):
    archive = copy / "dist" / "demo-1.0.0.tar.gz"
    assert planloom(copy, "verify", "--outputs", ".").returncode == 0
    archive.write_bytes(archive.read_bytes() + b"\0")
    done = planloom(copy, "verify", "--outputs", ".")
    assert (done.returncode, "E_ARTIFACT" in done.stdout) == (1, True)


def test_an_edited_policy_stops_every_command_that_would_trust_it(copy):
    policy = copy / "specs/trust/policy.json"
    policy.write_text(policy.read_text().replace('"allow-self-approval": false', '"allow-self-approval": true'))
    assert planloom(copy, "verify").returncode == 1
    for words in (("run",), ("status",), ("keys", "list")):
        done = planloom(copy, *words)
        assert (done.returncode, "Traceback" in done.stderr) == (4, False), words


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_can_not_be_read_is_a_message(copy):
    (copy / "artifacts" / "handoff").chmod(0)
    done = planloom(copy, "verify")
    (copy / "artifacts" / "handoff").chmod(0o755)
    assert (done.returncode, "Traceback" in done.stderr) == (5, False)


def fifo(path):
    os.mkfifo(path)


def link(target):
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("name", "put"),
    [
        ("artifacts/handoff/release-1/build/000009.json", fifo),
        ("artifacts/handoff/release-1/build", link("nowhere")),
        ("artifacts/claims/etc", link("/etc")),
        ("artifacts/claims/release-1/lint/000001.json", link("/etc/passwd")),
        ("artifacts/exports/checkpoint", link("/dev/zero")),
        ("artifacts", link("/etc")),
        ("artifacts/.ledger", link("/etc")),
        ("artifacts/.ledger/collecting", link("/etc/passwd")),
        ("artifacts/.ledger/collecting", fifo),
        ("artifacts/.ledger/journal", link("/etc/passwd")),
        ("artifacts/.ledger/journal", fifo),
        ("specs/trust/history", fifo),
        ("specs/trust/other.json", link("/dev/zero")),
        ("specs/more.yaml", link("/etc")),
        ("specs/more.yaml", fifo),
        ("specs/round.yaml", link("round.yaml")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_plain_file_is_a_finding_and_keeps_back_no_other(copy, name, put):
    """Nothing is read through it, and the rest is checked: an edited policy is told, too, in every format."""
    place = copy / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    put(place)
    done = planloom(copy, "verify", "--format", "json")
    assert done.returncode == 1, done.stderr
    told = {(f["code"], f["path"]) for f in json.loads(done.stdout)["findings"]}
    assert ("E_FOREIGN", name) in told
    assert ("E_TRUNCATED", name) not in told
    policy = copy / "specs/trust/policy.json"
    policy.write_text(policy.read_text().replace('"allow-self-approval": false', '"allow-self-approval": true'))
    for style in ("text", "json", "markdown", "sarif"):
        done = planloom(copy, "verify", "--format", style)
        assert done.returncode == 1, done.stderr
        for word in ("FOREIGN", "policy.json"):
            assert word in done.stdout


def test_a_link_inside_the_project_to_a_plan_is_followed(copy):
    (copy / "plans").mkdir()
    (plan,) = copy.glob("specs/release.yaml")
    plan.rename(copy / "plans/release.yaml")
    plan.symlink_to("../plans/release.yaml")
    assert planloom(copy, "verify").returncode == 0
