"""In a job of GitHub nothing that others wrote is taken for a workflow command, and our own annotations still are."""

from __future__ import annotations

import json
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.cli import screen

REGISTERED = {"add-mask", "add-matcher", "debug", "echo", "endgroup", "error", "group", "notice", "stop-commands", "warning"}
ATTACKS = [
    "::add-mask::e",
    "  ::stop-commands::x",
    "\u00a0\u2003::error::x",
    "\u00ad::warning::x",
    ":\u200d:notice::x",
    "x\r::error file=a::b",
    "##[add-mask]e",
    "in the middle ##[error]x",
    "#\u00ad#[group]x",
    "###[debug]x",
]


def commands(text):
    """Return the commands that the runner would carry out: what `TryParseV2` and `TryParse` of actions/runner do.

    They compare by the rules of a language, which overlook characters that nobody sees.
    """
    found = []
    for line in re.split(r"[\r\n]", text):
        seen = "".join(c for c in line if unicodedata.category(c) not in {"Cf", "Cs", "Cn"} and (c.isspace() or c.isprintable()))
        start = seen.lstrip()
        if start.startswith("::") and (end := start.find("::", 2)) >= 0:
            name = start[2:end].partition(" ")[0]
        elif (place := seen.find("##[")) >= 0 and (end := seen.find("]", place)) >= 0:
            name = seen[place + 3 : end].partition(" ")[0]
        else:
            continue
        if name.lower() in REGISTERED:
            found.append(seen)
    return found


@pytest.fixture
def github(monkeypatch, planloom, tmp_path):
    """Return a function that runs `planloom WORDS` as in a job of GitHub."""

    def run(*words):
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
        return planloom(*words)

    return run


@pytest.fixture
def logged(monkeypatch, capsys):
    """Return a function that writes a text as a command's product into a job's log, and returns what arrives."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    def write(text):
        screen.product(text)
        return capsys.readouterr().out

    return write


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_runner_would_take_each_of_these_for_a_command(attack):
    assert commands(attack)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_product_brings_no_command(logged, attack):
    shown = logged(f"before\n{attack}\nafter")
    assert commands(shown) == []
    assert shown.startswith("before\n")
    assert shown.endswith("\nafter\n")


@pytest.mark.parametrize(
    "text", ["a::b::c", "tests/x.py::test_y", "# [a link]", "## [a link]", "a: b\n  : :c", "+::x::y", "#[x]"]
)
def test_what_is_no_command_stays_as_it_is(logged, text):
    assert logged(text) == f"{text}\n"


@given(st.text(st.sampled_from(list(":#[]er \t\r\n\x0b\u00ad\u200b\u2028\ufeff\u00a0x")), max_size=40))
def test_no_text_brings_a_command(text):
    full = text.replace("e", "::error::").replace("r", "##[error]")
    assert commands(screen._without_commands(full)) == []


@given(st.recursive(st.text() | st.sampled_from(ATTACKS), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_value(value):
    for layout in ({}, {"indent": 1}, {"ensure_ascii": False}):
        shown = screen._without_commands(json.dumps(value, **layout))
        assert json.loads(shown) == value
        assert commands(shown) == []


def test_equal_texts_are_shown_equally_and_a_shown_text_stays(logged):
    once = logged("\n".join(ATTACKS))
    assert logged("\n".join(ATTACKS)) == once
    assert logged(once) == once


def test_outside_of_github_a_product_stays_as_it_is(capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    screen.product("\n".join(ATTACKS))
    assert capsys.readouterr().out == "\n".join(ATTACKS) + "\n"


def test_what_goes_into_a_file_stays_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with (tmp_path / "summary.md").open("w", newline="") as file:
        monkeypatch.setattr(sys, "stdout", file)
        screen.product("\n".join(ATTACKS))
    assert (tmp_path / "summary.md").read_bytes() == ("\n".join(ATTACKS) + "\n").encode()


def test_the_diff_of_a_compiled_file_brings_no_command_and_the_annotations_are_ours(planloom, github, write, tmp_path):
    write("specs/requirements.lock", "")
    write("specs/demo.yaml", "steps: [{key: a, run: make}]\n")
    assert planloom("compile").status == 0
    page = tmp_path / "generated/demo/README.md"
    page.write_text("\n".join(ATTACKS) + "\n" + page.read_text())
    (tmp_path / "generated/demo/extra.json").write_text("\n".join(ATTACKS))
    for style in ("github", "text", "json"):
        done = github("compile", "--check", "--format", style)
        assert done.status == 1
        ours = [f"::error file=generated/demo/{name},title=planloom::" for name in ("README.md", "extra.json")]
        found = commands(done.out) + commands(done.err)
        assert [line.partition("::error ")[0] for line in found] == [""] * len(found)
        assert len(found) == (2 if style == "github" else 0)
        assert all(line.startswith(start) for line, start in zip(sorted(found), sorted(ours), strict=False))


def test_a_plans_text_in_findings_brings_no_command_and_each_finding_is_annotated_once(github, write):
    write("specs/demo.yaml", 'steps:\n  - key: a\n    needs: ["##[error]x", "y\\n::error::z"]\n    run: |\n      ::error::x\n')
    for words in (("validate",), ("validate", "--format", "github"), ("validate", "--format", "json"), ("compile",)):
        done = github(*words)
        assert done.status == 1
        shown = commands(done.out) + commands(done.err)
        assert [line.partition(" ")[0] for line in shown] == ["::error"] * len(shown)
        assert all(",title=PL" in line for line in shown)
        if words[-1] in {"validate", "github"}:
            assert len([line for line in shown if "title=PL205" in line]) == 2


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_the_comparison_of_two_plans_brings_no_command_but_its_verdict(github, write, tmp_path, style):
    lines = "".join(f"      {line}\n" for line in ("::error::x", "##[error]x", "make"))
    write("old/specs/demo.yaml", f"steps:\n  - key: a\n    run: |\n{lines}")
    write("specs/demo.yaml", f"steps:\n  - key: a\n    run: |\n{lines}      make more\n")
    done = github("diff", "old", "--format", style)
    assert done.status == 0
    assert commands(done.out) == []
    assert commands(done.err) == ["::notice title=planloom diff::1 step changed, no new privileges."]


def test_a_refusal_quotes_nothing_that_is_a_command(github, write):
    write("specs/demo.yaml", "steps: [{key: a}]\n")
    for words in (("graph", "a\n::error::x"), ("graph", "--format", "a\n::error::x"), ("explain", "##[error]x")):
        done = github(*words)
        assert done.status == 2
        ours = [line for line in commands(done.err) if line.startswith("::error title=planloom::")]
        assert commands(done.out) + commands(done.err) == ours
