"""The README does what it says: its first transcript is typed on a terminal and compared, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import transcript
from planloom.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CHANGELOG.md", "artifacts/README.md", ".github/CONTRIBUTING.md")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.slow
def test_the_first_hour_of_the_readme_prints_what_it_shows(tmp_path):
    shown = transcript.read((ROOT / "README.md").read_text(encoding="utf-8"))
    assert sum(transcript.is_typed(one.command) for one in shown) >= 7
    for expected, found in zip(shown, transcript.perform(shown, tmp_path), strict=True):
        assert transcript.normal(found.lines) == transcript.normal(expected.lines), expected.command


@pytest.mark.slow
def test_the_commands_for_a_team_succeed(tmp_path):
    terminal = transcript.Terminal(tmp_path)
    for command in ["planloom init demo && cd demo", *transcript.read_commands((ROOT / "README.md").read_text(encoding="utf-8"))]:
        # A comment ends a line: what follows it must stand on the next one.
        printed = terminal.type(f"{command}\necho exit $?")
        assert printed[-1] == "exit 0", (command, printed)


@pytest.mark.slow
def test_the_tour_goes_from_a_plan_of_ones_own_to_the_approval_that_it_waits_for(tmp_path):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "release.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    terminal = transcript.Terminal(tmp_path)
    for command in transcript.read_commands(page, "tour"):
        printed = terminal.type(f"{command}\necho exit $?")
        assert printed[-1] == "exit 0", (command, printed)
    assert any("4 of 5 steps done" in line for line in printed), printed


def test_every_command_that_a_page_names_exists():
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|\$ )planloom ([a-z]+)", text))
        assert named - set(COMMANDS) == set(), page


def test_a_transcript_that_is_written_and_read_stays_the_same():
    page = "# x\n<!-- transcript: y -->\n```console\n$ a\n1\n  2\n\n$ b\n```\nend\n"
    exchanges = transcript.read(page)
    assert [(one.command, one.lines) for one in exchanges] == [("a", ["1", "  2"]), ("b", [])]
    assert transcript.write(page, exchanges) == page


def test_a_terminal_keeps_the_folder_and_answers_questions(tmp_path):
    terminal = transcript.Terminal(tmp_path)
    assert terminal.type("mkdir inner && cd inner") == []
    assert terminal.type('basename "$PWD"; test -t 0 && test -t 1 && echo terminal') == ["inner", "terminal"]
    assert terminal.type('read -r -p "Sure? [y/N] " answer; echo "said $answer"') == ["Sure? [y/N] y", "said y"]


def test_what_differs_from_run_to_run_is_not_compared():
    first = ["  ok  build   0.3 s", "plan sha256:4f0c5be1… (key 3f9a21c4)"]
    second = ["  ok  build  12.1 s", "plan sha256:00aa…  (key 00000000)"]
    assert transcript.normal(first) == transcript.normal(second)
    assert transcript.normal(["  failed  build   0.3 s"]) != transcript.normal(first[:1])


def test_steps_that_run_at_once_may_end_in_any_order_but_not_before_the_header():
    shown = ["release-1: 2 steps", "  ok  lint  attempt 1  0.1 s", "  ok  test  attempt 1  0.2 s", "Next: x"]
    assert transcript.normal([shown[0], shown[2], shown[1], shown[3]]) == transcript.normal(shown)
    assert transcript.normal([shown[1], shown[0], shown[2], shown[3]]) != transcript.normal(shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page):
    path = ROOT / page
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readme_names_the_two_commands_that_do_all_set_up():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("run", "test"):
        assert f"$ make {target} " in text
        assert f"\n{target}: " in targets
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_row_of_the_threat_model_points_at_tests():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("\n## Threat model\n") : text.index("\n## Licence\n")]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| Who", "| ---"))]
    assert len(rows) >= 12
    for row in rows:
        links = LINK.findall(row[-1])
        assert links, row[0]
        assert all(link.startswith("tests/") and (ROOT / link).is_file() for link in links), row[0]
