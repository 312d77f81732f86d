"""What commands name as the next one works where they did: in the same ledger and the same project."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from planloom.cli import given
from planloom.cli.main import COMMANDS, planloom
from planloom.cli.pasting import choose_command, is_command
from planloom.core.surroundings import next_after_compiling
from shops import Shop

STEPS = (
    {"key": "build", "run": "true", "needs": []},
    {"key": "notes", "needs": ["build"]},
    {"key": "ship", "run": "true", "needs": ["notes"], "gate": {"role": "approver"}},
)


def leaves(command, *path):
    """Yield every command that does something: its words, and what click knows of it."""
    names = getattr(command, "commands", None)
    if names is None and path:
        yield " ".join(path), command
    for name in names or (COMMANDS if not path else ()):
        yield from leaves(command.get_command(None, name), *path, name)


SOURCES = Path(given.__file__).parents[1]
MAKERS = {
    ("report", "next_command"),
    ("report", "_next_for"),
    ("report", "_next_for_waiting"),
    ("emit", "repair"),
    ("cli", "dispatch_command"),
    ("cli", "_first_run"),
    ("care", "_carry_on"),
    ("care", "_collect"),
}
"""Functions that return a next command: (folder, name)."""

PASSED_ON = {
    "laid.next_command",  # of each example, below
    "next_after_compiling(root)",
    "api.next_command(session, view, schedule)",
    "api.next_command(session, one.view, one.schedule)",
    "next_command(view, schedule, asking=api.find_asking(session))",
    "next((command for command in (*commands, *others) if command), waiting)",
    "_in_scratch(command, scratch)",
    "migration",  # `find_migration`, in tests/cli/test_what_moves_it_on.py
    "_next_for_waiting(item, row)",
    "next((f'planloom status {holder}' for holder in holders if holder != item), '')",
    "dispatch_command(one.workflow, one.inputs)",
    "' && '.join(dict.fromkeys((repair(drift) for drift in drifts)))",
    "_first_run(setting, ground)",
    "choose_command((one.repair for one in found))",
    "choose_command((one.repair for one in bad), otherwise='planloom init --github')",
}
"""Next commands that are made elsewhere: by a function that is looked at too, or chosen by whether they are command lines."""


def texts(node, known):
    """Yield every text that an expression may be, with "x" for a value; the expression of one that is made elsewhere."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.JoinedStr(values=parts):
            for chosen in itertools.product(*([*texts(part, known)] for part in parts)):
                yield "".join(one if isinstance(one, str) else "x" for one in chosen)
        case ast.FormattedValue(value=value):
            yield from texts(value, known)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*texts(body, known), *texts(orelse, known))
        case ast.Name(id=name) if name in known:
            yield from texts(known[name], known)
        case _:
            yield node


def functions():
    """Yield (path, function, what its names are bound to) of all sources."""
    for path in sorted(SOURCES.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                known = {
                    n.targets[0].id: n.value
                    for n in ast.walk(function)
                    if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
                }
                yield path, function, known


def next_texts():
    """Yield (place, text or expression) of every next command that the sources name."""
    for path, function, known in functions():
        said = [n.args[0] for n in ast.walk(function) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "suggest"]
        if (path.parent.name, function.name) in MAKERS:
            said += [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        for node in said:
            for text in texts(node, known):
                yield f"{path.name}:{node.lineno}", text


def hint_texts():
    """Yield (place, text) of every hint of a refusal that begins with a command."""
    for path, function, known in functions():
        for node in (n.value for n in ast.walk(function) if isinstance(n, ast.keyword) and n.arg == "hint"):
            for text in texts(node, known):
                if isinstance(text, str) and re.match(r"(planloom|git|gh|chmod) ", text):
                    yield f"{path.name}:{node.lineno}", text


def assert_can_be_pasted(text, place=""):
    """Fail unless a shell takes the text, and planloom each command, option and word of it."""
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False, text=True)
    assert done.returncode == 0, (place, text, done.stderr)
    for line in re.split(r"  # or here: ", text):
        for part in line.split(" && "):
            if part == "x":
                continue  # a command that is looked at where it is made
            assert shlex.split(part)[0] in {"planloom", "git", "gh", "cd", "in-toto-verify", "chmod"}, (place, text)
            assert shlex.split(part)[0] in {"cd", "in-toto-verify"} or is_command(part), (place, text)


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path):
    """A project whose origin is a bare repository beside it."""
    shop = Shop(tmp_path / "shop", *STEPS)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
    git(shop.folder, "init", "-q")
    git(shop.folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    return shop


def next_of(done):
    """Return the command after `Next:`."""
    return done.stderr.partition("Next: ")[2].strip()


def paste(shop, done, **options):
    """Run the command after `Next:` as it stands there, with more words where a person is asked."""
    words = shlex.split(next_of(done))
    assert words[0] == "planloom", words
    return shop.run(*words[1:], *options.pop("more", ()), **options)


def test_the_options_that_are_repeated_are_those_that_the_commands_take():
    def takers(option):
        return {name for name, command in leaves(planloom) if any(option in one.opts for one in command.params)}

    assert takers("--root") == given.WITH_ROOT
    assert takers("--ledger") == given.WITH_LEDGER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("planloom run", "planloom run --root 'a b' --ledger git"),
        ("planloom validate && planloom run x-1", "planloom validate --root 'a b' && planloom run --root 'a b' --ledger git x-1"),
        ("planloom keys list shows who is root", "planloom keys list --root 'a b' shows who is root"),
        ("planloom run x-1 --ledger files", "planloom run --root 'a b' x-1 --ledger files"),
        ("planloom verify x.bundle", "planloom verify --root 'a b' x.bundle"),
        ("planloom verify --item x-1", "planloom verify --root 'a b' --ledger git --item x-1"),
        ("planloom explain PL407", "planloom explain PL407"),
        ("ask whoever runs planloom here", "ask whoever runs planloom here"),
    ],
)
def test_a_command_is_repeated_with_what_was_given(text, shown):
    given.remember("root", "a b")
    given.remember("ledger", "git")
    try:
        assert given.repeat(text) == shown
    finally:
        given.forget()
    assert given.repeat(text) == text


def test_a_work_item_goes_its_whole_way_on_a_git_ledger_by_pasting_what_comes_next(shop, tmp_path):
    """From another folder, too: no command of the way loses the ledger or the project."""
    where = ("--ledger", "git", "--root", "shop")
    done = shop.run("open", "demo-1", *where, cwd=tmp_path)
    ways = []
    for more in ((), (), ("--outcome", "written"), ("--reason", "seen", "--yes")):
        ways.append(shlex.split(next_of(done))[1])
        done = paste(shop, done, more=more, cwd=tmp_path)
        assert done.returncode == 0, (ways, done.stdout, done.stderr)
        assert "--ledger git" in next_of(done), (ways, done.stderr)
        assert "--root shop" in next_of(done), (ways, done.stderr)
    assert ways == ["run", "claim", "complete", "approve"]
    assert next_of(done).startswith("gh workflow run demo-orchestrator.yml -f work-item=demo-1")
    assert "or here: planloom run --root shop --ledger git demo-1" in next_of(done)
    done = shop.run("run", "--root", "shop", "--ledger", "git", "demo-1", cwd=tmp_path)
    assert next_of(done) == "planloom verify --root shop --ledger git"
    assert "9 records" in paste(shop, done, cwd=tmp_path).stdout
    assert not list((shop.folder / "artifacts").glob("work-items/*"))


def test_commands_in_tables_texts_and_json_name_ledger_and_root_too(shop, tmp_path):
    where = ("--ledger", "git", "--root", "shop")
    added = " --root shop --ledger git "
    shop.check("open", "demo-1", *where, cwd=tmp_path)
    shop.check("claim", "demo-1", "build", *where, cwd=tmp_path)
    assert f"planloom abandon{added}demo-1 build --reason" in shop.check("why", "demo-1", "build", *where, cwd=tmp_path).stdout
    shop.check("complete", "demo-1", "build", "--outcome", "x", "--next-action", "y", *where, cwd=tmp_path)
    assert f"can go on: planloom claim{added}demo-1 notes" in shop.check("why", "demo-1", *where, cwd=tmp_path).stdout
    for words in (["status", "demo-1"], ["why", "demo-1"], ["report", "demo-1"]):
        shown = json.loads(shop.check(*words, *where, "--format", "json", cwd=tmp_path).stdout)
        assert shown.get("workItems", [shown])[0]["next"] == f"planloom claim{added}demo-1 notes", words
    summary = tmp_path / "summary.md"
    words = ("delegate", "--structured-work-item", "demo-1", *where)
    shop.check(*words, cwd=tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    text = summary.read_text()
    assert f"`planloom claim{added}demo-1 notes`" in text
    assert text.endswith(f"Next: `planloom claim{added}demo-1 notes`\n\n")


def test_a_refusal_names_the_ledger_too(shop):
    shop.check("open", "demo-1", "--ledger", "git")
    done = shop.run("open", "demo-1", "--ledger", "git")
    assert done.returncode == 3
    assert "planloom status --ledger git demo-1" in done.stderr


def test_the_doctors_repairs_name_the_ledger(shop):
    shop.check("open", "demo-1", "--ledger", "git")
    shop.check("claim", "demo-1", "build", "--ledger", "git")
    done = shop.run("doctor", "--ledger", "git")
    repairs = [line for line in done.stdout.splitlines() if "repair: planloom" in line]
    assert repairs, done.stdout
    assert all("planloom compile" in line or "--ledger git" in line for line in repairs), repairs


def test_every_next_command_of_the_sources_can_be_pasted():
    found = list(next_texts())
    assert len(found) > 50
    assert {ast.unparse(text) for _, text in found if isinstance(text, ast.AST)} == PASSED_ON
    for place, text in found:
        if text and isinstance(text, str):
            assert_can_be_pasted(text, place)


def test_a_hint_that_begins_with_a_command_is_one_with_what_is_to_be_said_behind_a_hash():
    found = list(hint_texts())
    assert len(found) > 100
    for place, text in found:
        assert_can_be_pasted(text, place)


@pytest.mark.parametrize(
    "text",
    [
        "planloom run k-1, which gives it up and goes on",
        "planloom explain CODE tells more about a finding",
        "planloom init lays one down",
        "planloom keys new NAME makes one",
        "planloom keys list --sorted",
        "planloom dance",
        "planloom",
        "move it away",
        "that's theirs",
        "git add specs && see",
    ],
)
def test_a_sentence_is_no_command_line(text):
    assert not is_command(text)
    assert choose_command([text, "planloom doctor --fix"]) == "planloom doctor --fix"
    assert choose_command([text]) == "planloom verify"


@pytest.mark.parametrize("example", ["release", "structured", "none"])
def test_what_comes_after_init_can_be_pasted(tmp_path, example):
    done = Shop(tmp_path / "shop").run("init", "--example", example, "new one")
    assert_can_be_pasted(next_of(done))


def test_what_the_doctor_says_can_be_pasted_when_a_stranger_lies_among_the_records(tmp_path):
    shop = Shop(tmp_path / "shop", STEPS[0])
    shop.check("run")
    (shop.folder / "artifacts/claims/demo-1/build/notes.txt").write_text("hello")
    done = shop.run("doctor")
    assert "repair: move it away" in done.stdout
    assert_can_be_pasted(next_of(done))


def test_a_key_that_others_can_read_is_closed_by_what_the_refusal_says(tmp_path):
    """From whatever folder it was asked."""
    shop = Shop(tmp_path / "shop", STEPS[0])
    (shop.folder / ".planloom/ci.pem").chmod(0o644)
    (shop.folder / "below").mkdir()
    done = shop.run("run", cwd=shop.folder / "below")
    hint = next(line.strip() for line in done.stderr.splitlines() if line.strip().startswith("chmod"))
    subprocess.run(shlex.split(hint), check=True, cwd=shop.folder / "below")
    assert shop.run("run", cwd=shop.folder / "below").returncode == 0


def test_what_comes_after_compiling_can_be_pasted(tmp_path):
    assert_can_be_pasted(next_after_compiling(tmp_path))
    (tmp_path / "specs" / "trust").mkdir(parents=True)
    (tmp_path / "specs" / "trust" / "policy.json").touch()
    assert_can_be_pasted(next_after_compiling(tmp_path))


def test_outside_of_a_git_repository_nothing_of_git_is_proposed(tmp_path):
    def said(shop):
        source = shop.folder / "specs/demo.yaml"
        source.write_text(source.read_text().replace('"Demo"', '"Demo 2"'))
        yield shop.check("compile")
        yield shop.check("keys", "new", "ann")
        yield shop.check("keys", "trust", "ann", "--role", "root", "--yes")
        yield shop.check("run", "demo-1")
        yield shop.run("doctor")
        yield shop.check("keys", "rules", "--threshold", "root=2", "--yes")
        yield shop.check("keys", "sign", "--yes", PLANLOOM_SIGNING_KEY_FILE=str(shop.folder / ".planloom/ann.pem"))

    without = list(said(Shop(tmp_path / "without", *STEPS)))
    assert not [done.stderr for done in without if re.search(r"\bgit (add|commit|push)\b|Commit it", done.stderr)]
    inside = Shop(tmp_path / "inside", *STEPS)
    git(inside.folder, "init", "-q")
    commands = [next_of(done) for done in said(inside)]
    assert commands[0] == "git add specs generated .github && git commit && planloom run"
    assert commands[2] == commands[5] == commands[6] == "git add specs/trust && git commit"


def test_an_export_of_a_git_ledger_follows_collecting_and_leads_to_the_push(shop):
    shop.check("run", "demo-1", "--ledger", "git")
    refused = shop.run("export", "--ledger", "git")
    assert refused.returncode == 3
    assert "planloom collect --ledger git && planloom export --ledger git" in refused.stderr
    assert not (shop.folder / "artifacts/exports/checkpoint").exists()
    shop.check("collect", "--ledger", "git")
    exported = shop.check("export", "--ledger", "git")
    assert "Next: planloom collect --ledger git --push" in exported.stderr
    shop.check("collect", "--ledger", "git", "--push")


def test_status_in_a_clone_names_the_git_ledger_whose_branch_came_with_it(shop):
    assert "planloom run   # opens one" in shop.run("status").stderr
    shop.check("run", "demo-1", "--ledger", "git")
    for words in (("collect",), ("export",), ("collect", "--push")):
        shop.check(*words, "--ledger", "git")
    git(shop.folder, "fetch", "-q", "origin")
    shutil.rmtree(shop.folder / "artifacts")
    told = shop.run("status")
    assert (told.returncode, "planloom status --ledger git" in told.stderr) == (2, True), told
    shop.check("status", "--ledger", "git")
