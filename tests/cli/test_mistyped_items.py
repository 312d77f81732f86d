"""A mistyped work item is not begun: the one that is meant is named, and how to begin one all the same."""

from __future__ import annotations

import shlex

import pytest

from planloom.runtime.mistyped import is_slip
from shops import Shop


@pytest.fixture
def shop(tmp_path):
    """A project whose work item demo-1 is open: one of its steps is by hand."""
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true"}, {"key": "notes"})
    shop.check("run")
    return shop


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dmo-1", "demo-1"),
        ("demo1", "demo-1"),
        ("deom-1", "demo-1"),
        ("demmo-1", "demo-1"),
        ("demo-1a", "demo-1"),
        ("demmo", "demo"),
    ],
)
def test_a_slip_is_refused_with_the_command_that_was_meant_and_the_one_that_begins_it(shop, typed, meant):
    before = shop.records()
    done = shop.run("run", typed)
    assert done.returncode == 2
    assert f"there is no work item '{typed}'" in done.stderr
    assert f"planloom run {meant}   # or, if it is to begin now: planloom open {typed} --plan demo\n" in done.stderr
    assert shop.records() == before


def test_a_name_that_speaks_of_no_plan_is_begun_by_the_command_that_the_refusal_names(shop):
    done = shop.run("run", "nope")
    assert done.returncode == 2
    hint = done.stderr.splitlines()[-1].strip()
    assert hint == "planloom open nope --plan demo"
    shop.check(*shlex.split(hint)[1:])
    assert shop.states("nope") == {"build": "ready", "notes": "waits"}
    shop.check("run", "nope")


def test_a_scratch_run_is_begun_by_run_which_alone_knows_its_folder(shop, tmp_path):
    done = shop.run("run", "nope", "--scratch", str(tmp_path / "a scratch"))
    hint = done.stderr.splitlines()[-1].strip()
    assert hint.startswith("planloom run nope --plan demo --scratch")
    shop.check(*shlex.split(hint)[1:])
    assert not [path for path in shop.records() if "/nope/" in path]


@pytest.mark.parametrize(
    "words", [["demo-2"], ["demo-12"], ["work-item-demo"], ["demo-v2.0"], ["other", "--plan", "demo"], ["demo"]]
)
def test_names_that_a_plan_gives_and_those_that_are_said_to_be_meant_are_begun(shop, words):
    shop.check("run", *words)


def test_what_is_closed_is_no_reason_to_ask(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true"})
    shop.check("run", "demo-alpha")
    shop.check("run", "demo-alphb")


@pytest.mark.parametrize(
    ("typed", "known", "slip"),
    [
        ("release-1", "release-1", False),
        ("release-2", "release-1", False),
        ("release-12", "release-1", False),
        ("release-21", "release-12", False),
        ("release-b", "release-a", False),
        ("b", "a", False),
        ("release-l", "release-1", False),
        ("releese-1", "release-1", True),
        ("releaase-1", "release-1", True),
        ("relese-1", "release-1", True),
        ("relaese-1", "release-1", True),
        ("release.1", "release-1", True),
        ("relaise-1x", "release-1", False),
    ],
)
def test_a_slip_is_one_letter_and_no_other_number(typed, known, slip):
    assert is_slip(typed, known) is slip
    assert is_slip(known, typed) is slip
