"""What records and names of files say is shown, and steers no terminal: no escape and no line that somebody else began."""

from __future__ import annotations

import pytest

from shops import Shop

PAINT = """mkdir -p out; : > "out/$(printf 'n\\nAB\\033[2Jq')\""""

SAID = "\x1b[2Jgone\nOpened by nobody\x9b3J"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project in whose records everything that a person may say holds escapes and line ends."""
    made = Shop(
        tmp_path_factory.mktemp("terminal") / "shop",
        {"key": "build", "run": "true", "needs": []},
        {"key": "ship", "run": "true", "needs": ["build"], "gate": {"role": "approver", "approvals": 1}},
        {"key": "paint", "run": PAINT, "needs": [], "outputs": ["out/*"]},
    )
    made.check("open", "demo-1", "--reason", SAID)
    made.check("claim", "demo-1", "build")
    made.check("complete", "demo-1", "build", "--outcome", SAID, "--next-action", SAID)
    made.check("approve", "demo-1", "ship", "--reject", "--reason", SAID, "--yes")
    return made


def steering(text):
    return [c for c in text if c != "\n" and (c < " " or "\x7f" <= c <= "\x9f")]


def test_a_run_shows_the_name_of_a_strange_output_in_one_line(shop):
    done = shop.run("run", "demo-1")
    assert "AB" in done.stdout
    assert steering(done.stdout + done.stderr) == []
    assert not any(line.startswith("AB") for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize(
    "words", [("report", "demo-1"), ("status",), ("why", "demo-1"), ("verify",), ("status", "demo-1", "build")]
)
def test_what_people_said_is_shown_without_what_steers(shop, words):
    done = shop.run(*words)
    assert done.stdout
    assert steering(done.stdout + done.stderr) == []
    assert not any(line.startswith("Opened by nobody") for line in done.stdout.splitlines()), done.stdout
