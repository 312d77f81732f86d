"""What all commands have in common: help with an example, JSON that parses, and the next command."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from planloom.cli.main import COMMANDS, planloom
from shops import Shop

WORD = "work-item-001-create-a-structured"
SMOKE = (
    f"delegate --non-interactive --quiet --prompt PROMPT --structured-work-item {WORD}",
    f"claim --work-item {WORD} --step phase-tests",
    f"complete --work-item {WORD} --step phase-tests --attempt phase-tests-local --outcome OUT --next-action NEXT",
    "export --stdout",
)
TEXTS = {"PROMPT": "Generate schedule", "OUT": "Tests authored", "NEXT": "Run services"}


def leaves(command, *path):
    """Yield every command that does something: its words, and what click knows of it."""
    names = getattr(command, "commands", None)
    if names is None and path:
        yield path, command
    for name in names or (COMMANDS if not path else ()):
        yield from leaves(command.get_command(None, name), *path, name)


def example_lines(text):
    """Return (comment, command) of the examples on a help page, as they stand there."""
    lines = [line.strip() for line in text.partition("\n  Examples:\n")[2].splitlines()]
    return list(zip(lines[::2], lines[1::2], strict=True))


def command_of(words):
    """Return the command that the words call, its name, and the words that are left for it; fails for one that is not there."""
    command, name = planloom, "planloom"
    while hasattr(command, "list_commands"):
        name, *words = words
        command = command.get_command(None, name)
        assert command is not None, name
    return command, name, words


@pytest.mark.parametrize("path", [path for path, _ in leaves(planloom)], ids=" ".join)
@pytest.mark.parametrize("columns", [80, 40])
def test_every_example_is_a_line_that_a_shell_and_the_command_take(path, columns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(planloom, [*path, "--help"], terminal_width=columns).output
    found = example_lines(text)
    assert found
    assert any(line.startswith(" ".join(("planloom", *path))) for _, line in found)
    for comment, line in found:
        assert comment.startswith("# "), comment
        # The whole line is one thing to do: a second planloom behind a pipe would be the next example.
        assert not re.search(r"\|\s*planloom", line), line
        assert subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False).returncode == 0, line
        for part in re.split(r"\s(?:&&|\||>)\s", line):
            words = shlex.split(part)
            if words[0] != "planloom":
                continue
            for word in words:
                if "." in word and "/" in word and "=" not in word:  # a file that must be there
                    Path(word).parent.mkdir(parents=True, exist_ok=True)
                    Path(word).touch()
            command, name, rest = command_of(words[1:])
            # Parses as the command itself would: unknown options, missing arguments and wrong choices are errors.
            command.make_context(name, rest)


def test_an_example_with_an_unknown_option_or_command_would_be_seen():
    command, name, rest = command_of(["graph", "--colour"])
    with pytest.raises(click.UsageError, match="--colour"):
        command.make_context(name, rest)
    with pytest.raises(AssertionError):
        command_of(["grpah"])


def test_every_command_speaks_json_but_for_those_that_speak_a_protocol():
    silent = [" ".join(path) for path, command in leaves(planloom) if not speaks_json(command)]
    assert silent == ["serve lsp"]


def speaks_json(command):
    return any("--format" in option.opts and "json" in option.type.choices for option in command.params)


def test_the_help_page_names_every_command_in_its_group():
    output = CliRunner().invoke(planloom, ["--help"]).output
    groups = [line for line in output.splitlines() if line and not line.startswith(" ") and line.endswith(":")]
    assert groups[-7:] == ["Start here:", "Plans:", "Work:", "Evidence:", "In workflows:", "Care:", "Begin with:"]
    assert output.endswith("\nBegin with:\n  planloom init demo && cd demo && planloom run\n")
    assert all(f"\n  {name} " in output for name in COMMANDS)


STEPS = (
    {"key": "build", "run": "echo made > out.txt", "needs": [], "outputs": ["out.txt"]},
    {"key": "merge", "run": "true", "needs": ["build"], "baseline": True},
    {"key": "notes", "needs": ["merge"]},
    {"key": "publish", "run": "true", "needs": ["notes"], "gate": {"role": "approver", "approvals": 1}},
)


def test_a_work_item_from_nothing_to_closed_in_json(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)

    def ask(*arguments):
        done = shop.check(*arguments, "--format", "json")
        assert "Next: " in done.stderr, (arguments, done.stderr)
        lines = done.stdout.splitlines()
        assert len(lines) == 1, done.stdout
        return json.loads(lines[0])

    assert ask("open", "demo-1")["workItemId"] == "demo-1"
    claimed = ask("claim", "demo-1", "build")
    assert (claimed["attempt"], claimed["number"]) == ("build-local", 1)
    shop.check("exec", "--work-item", "demo-1", "--step", "build", "--attempt", "build-local", "--result", "r", "--outputs", "o")
    done = ask("complete", "demo-1", "build", "--attempt", "build-local", "--from-result", "r")
    assert done["event"] == "completed"
    assert {s["key"]: s["state"] for s in ask("run", "demo-1")["steps"]} == {
        "build": "ok",
        "merge": "ok",
        "notes": "manual",
        "publish": "waits",
    }
    ask("claim", "demo-1", "notes")
    ask("complete", "demo-1", "notes", "--outcome", "written", "--next-action", "publish")
    assert ask("approve", "demo-1", "publish", "--yes")["event"] == "approved"
    assert ask("delegate", "--structured-work-item", "demo-1")["schedules"][0]["readySteps"][0]["key"] == "publish"
    merged = next(s for s in ask("export")["workItems"][0]["steps"] if s["key"] == "merge")["handoff"]
    assert ask("revert", "demo-1", "merge", "--handoff", merged, "--reason", "bad", "--yes")["invalidated"] == [
        "merge",
        "notes",
        "publish",
    ]
    ask("claim", "demo-1", "merge")
    ask("abandon", "demo-1", "merge", "--override", "--reason", "lost")
    ask("why", "demo-1", "publish")
    ask("collect")
    assert ask("close", "demo-1", "--reason", "enough")["workItemId"] == "demo-1"
    for command in (["report", "demo-1"], ["status"], ["verify"]):
        json.loads(shop.run(*command, "--format", "json").stdout)


def test_init_and_exec_say_json_when_asked(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    made = shop.json("init", str(tmp_path / "new one"))
    assert made["next"] == f"cd '{tmp_path}/new one' && planloom run"
    assert {a["path"] for a in made["added"]} >= {f"{tmp_path}/new one/specs/release.yaml"}
    shop.check("open", "demo-1")
    shop.check("claim", "demo-1", "build")
    place = ("--work-item", "demo-1", "--step", "build", "--attempt", "build-local", "--result", "r", "--outputs", "o")
    assert shop.json("exec", *place)["result"] == "success"


def smoke(shop):
    return [shop.check(*(TEXTS.get(word, word) for word in command.split())) for command in SMOKE]


@pytest.fixture
def structured(tmp_path):
    shop = Shop(tmp_path / "unused")
    shop.check("init", "--example", "structured", str(tmp_path / "work"))
    shop.folder = tmp_path / "work"
    return shop


def test_the_smoke_test_leaves_schedule_claims_handoff_and_exports_updated(structured):
    outputs = smoke(structured)
    assert outputs[0].stdout == ""
    portfolio = json.loads(outputs[3].stdout)
    assert portfolio["workItems"][0]["done"] == 2
    artifacts = structured.folder / "artifacts"
    schedule = json.loads((artifacts / f"schedule/{WORD}.json").read_text())
    assert schedule["audit"]["reason"] == "Generate schedule"
    assert [(s["key"], s["order"], s["parallelizable"]) for s in schedule["readySteps"]] == [("phase-tests", 2, False)]
    for folder in ("claims", "handoff"):
        assert (artifacts / folder / WORD / "phase-tests").is_dir()
    assert structured.run("verify").returncode == 0


def test_a_change_of_any_record_after_the_smoke_test_is_found_and_the_record_named(structured):
    smoke(structured)
    from planloom.trust.gather import read_history
    from planloom.trust.verify import Request, verify

    for path, content in structured.records().items():
        for place in range(0, len(content), 37):  # a sample: the whole is the trust tests' business
            changed = bytearray(content)
            changed[place] ^= 1 << (place % 8)
            (structured.folder / path).write_bytes(changed)
            result = verify(read_history(structured.folder), Request())
            assert any(f.path == path for f in result.findings), (path, place)
        (structured.folder / path).write_bytes(content)
    path = max(structured.records())
    content = (structured.folder / path).read_bytes()
    (structured.folder / path).write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    done = structured.run("verify")
    assert done.returncode == 1
    assert path in done.stdout + done.stderr


def test_the_next_command_names_the_work_item_where_another_could_be_meant(tmp_path):
    shop = Shop(tmp_path / "shop", STEPS[0])
    assert "Next: planloom run demo-1\n" in shop.check("open", "demo-1").stderr
    assert "Next: planloom run\n" in shop.check("status", "demo-1").stderr
    shop.check("open", "demo-2")
    assert "Next: planloom run demo-1\n" in shop.check("status", "demo-1").stderr
    shop.check("run")  # the newest one
    assert shop.states("demo-2") == {"build": "ok"}
    assert shop.states("demo-1") == {"build": "ready"}
    shop.plan(STEPS[0], plan="other")
    assert "Next: planloom run demo-1\n" in shop.check("why", "demo-1").stderr
