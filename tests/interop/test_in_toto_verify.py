"""`in-toto-verify` accepts an exported work item, and refuses it when a material was swapped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planloom.core import canonical
from planloom.core.errors import InputError
from planloom.records import envelope
from planloom.runtime.reading import read_view
from planloom.trust.intoto import export_in_toto
from trust.histories import CI, YOU, World, finished

EXPIRES = "2099-01-01T00:00:00Z"


def exported(world, folder):
    view = read_view(world.session(), "release-1").view
    steps = [view.steps[key] for key in view.header.order]
    handoffs = {key: state.handoff for key, state in view.states.items() if state.handoff is not None}
    files = export_in_toto("release-1", steps, handoffs, EXPIRES, YOU, CI)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "you.pub").write_bytes(YOU.key.to_pem())
    return folder


def verify(folder):
    script = Path(sys.executable).parent / "in-toto-verify"
    command = [script, "--layout", "root.layout", "--verification-keys", "you.pub", "--link-dir", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_in_toto_verifies_an_exported_work_item(tmp_path):
    done = verify(exported(finished(tmp_path / "world"), tmp_path / "out"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", ["materials", "products"])
def test_in_toto_refuses_a_swapped_file_even_when_it_is_signed(tmp_path, part):
    folder = exported(finished(tmp_path / "world"), tmp_path / "out")
    link = folder / f"build.{CI.key_id[:8]}.link"
    value = json.loads(envelope.decode(link.read_bytes()).payload)
    name = next(iter(value[part]))
    value[part][name] = {"sha256": "a" * 64}
    link.write_bytes(CI.seal(canonical.encode(value)))
    done = verify(folder)
    assert done.returncode == 1
    assert "RuleVerificationError" in done.stderr or "disallow" in done.stderr.lower()


def test_in_toto_refuses_a_link_of_a_stranger(tmp_path):
    folder = exported(finished(tmp_path / "world"), tmp_path / "out")
    link = folder / f"build.{CI.key_id[:8]}.link"
    link.write_bytes(YOU.seal(envelope.decode(link.read_bytes()).payload))
    assert verify(folder).returncode == 1


def test_unfinished_work_is_not_exported(tmp_path):
    world = World(tmp_path / "world")
    world.open()
    world.do("lint")
    with pytest.raises(InputError, match="no valid result yet"):
        exported(world, tmp_path / "out")
