"""What runners install for this repository's own plans."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def locked():
    text = (ROOT / "specs/requirements.lock").read_text()
    assert "://" not in text
    names = {normal(m[1]) for m in re.finditer(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE)}
    hashed = re.findall(r"^\S+==\S+.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert names
    assert len(hashed) == len(names)
    return names


def test_the_lock_has_all_that_planloom_and_its_build_need():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*settings["project"]["dependencies"], *settings["build-system"]["requires"]]
    assert {normal(re.match(r"[\w.-]+", line)[0]) for line in wanted} <= locked()


def test_the_lock_has_what_only_older_pythons_need():
    # The runner's own Python carries out steps, whatever Python pinned.
    assert "typing-extensions" in locked()
