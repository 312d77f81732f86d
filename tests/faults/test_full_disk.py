"""A disk on which nothing more can be written: keys and projects are there whole or not at all, and the next try succeeds."""

from __future__ import annotations

import resource
import shlex
import subprocess

import pytest

from planloom.trust.keyfiles import read_private_key
from planloom.trust.policyfiles import load_policy
from shops import PLANLOOM, Shop


def on_a_full_disk(shop, *words, room=0):
    """Run a command whose files can't grow beyond `room` bytes: the kernel refuses the write, as it does on a full disk."""
    return subprocess.run(
        [PLANLOOM, *words],
        cwd=shop.folder,
        env=shop.environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop")


def files_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_key_that_can_not_be_written_is_not_there_and_the_next_try_makes_it(shop):
    before = files_in(shop.folder)
    done = on_a_full_disk(shop, "keys", "new", "ann")
    assert (done.returncode, done.stdout) == (5, "")
    assert ".planloom/ann.pem: the key can't be written: File too large; nothing was" in done.stderr
    assert files_in(shop.folder) == before
    shop.check("keys", "new", "ann")
    assert read_private_key(shop.folder / ".planloom/ann.pem")


@pytest.mark.parametrize("room", [0, 100, 130])
def test_a_project_that_could_not_be_begun_is_begun_by_the_next_try(shop, room):
    begun = shop.folder / "another"
    begun.mkdir()
    done = on_a_full_disk(shop, "init", "another", room=room)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert all((begun / path).stat().st_size for path in files_in(begun) if not path.endswith("policy.lock"))
    shop.check("init", "another")
    assert load_policy(begun).named("you").key == read_private_key(begun / ".planloom/you.pem").key
    assert "a plan of 5 steps" not in shop.check("init", "another").stdout
    shop.check("validate", cwd=begun)


@pytest.mark.parametrize(("name", "command"), [("ann", "keys new ann"), ("ci", "keys rotate ci")])
def test_what_doctor_says_of_an_empty_key_can_be_pasted_and_repairs_it(shop, name, command):
    path = shop.folder / f".planloom/{name}.pem"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    done = shop.run("doctor")
    assert done.returncode == 1
    (repair,) = [line.partition("repair: ")[2] for line in done.stdout.splitlines() if "repair: " in line]
    assert command in repair
    pasted = repair.replace("planloom ", f"{shlex.quote(PLANLOOM)} ") + (" --yes" if "rotate" in repair else "")
    subprocess.run(["sh", "-c", pasted], cwd=shop.folder, env=shop.environment, check=True, capture_output=True)
    assert read_private_key(path)
    assert shop.run("doctor").returncode == 0
