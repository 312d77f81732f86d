"""validate, explain, fmt as a user meets them."""

import json
import os
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from planloom.core.surroundings import is_in_git

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
BROKEN = "steps:\n  - key: build\n    needs: [tset]\n  - key: test\n    ruun: make\n"


def test_validate_shows_place_text_caret_and_what_to_do(planloom, write):
    write("specs/demo.yaml", BROKEN)
    write("specs/requirements.lock", "")
    done = planloom("validate")
    assert done.status == 1
    assert done.out.startswith(
        "specs/demo.yaml:7:13: error: step 'build' needs 'tset', which no step defines [PL401 unknown-need]\n"
        "7 |     needs: [tset]\n"
        "  |             ^^^^\n"
        "  = help: did you mean 'test'?\n"
    )
    assert "specs/demo.yaml:9:5: error: unknown key 'ruun' [PL201 unknown-key]" in done.out
    assert done.out.endswith("2 errors\n")
    assert done.err == "Next: planloom validate --fix\n"


def test_validate_of_a_sound_plan_names_the_next_command(planloom, write):
    write("specs/demo.yaml", "steps: [{key: build, run: make}]\n")
    write("specs/requirements.lock", "")
    done = planloom("validate")
    assert (done.status, done.out, done.err) == (0, "1 plan, 1 step: no findings\n", "Next: planloom compile\n")


@pytest.fixture
def in_git(tmp_path):
    """The project lies in a git repository, so that runners may see it."""
    (tmp_path / ".git").mkdir()


@pytest.mark.usefixtures("in_git")
def test_warnings_do_not_fail(planloom, write):
    write("specs/demo.yaml", "steps: [{key: build, run: make}]\n")
    done = planloom("validate")
    assert done.status == 0
    assert "PL504 not-pinned" in done.out


def test_the_demo_as_it_was_laid_down_has_no_finding_until_it_lies_in_git(planloom, tmp_path):
    if is_in_git(tmp_path):
        pytest.skip("the folder of the tests lies in a repository itself")
    assert planloom("init", "demo").status == 0
    done = planloom("validate", "--root", "demo")
    assert (done.status, done.out) == (0, "1 plan, 5 steps: no findings\n")
    done = planloom("compile", "--root", "demo")
    assert "warning" not in done.err
    git(tmp_path / "demo", "init", "-q")
    for command in ("validate", "compile", "compile"):
        done = planloom(command, "--root", "demo")
        assert done.status == 0
        assert "specs/requirements.lock is missing [PL504 not-pinned]" in done.out + done.err
        assert "= help: planloom pin, before this runs on GitHub" in done.out + done.err
    (tmp_path / "demo/specs/requirements.lock").write_text("")
    assert planloom("validate", "--root", "demo").out == "1 plan, 5 steps: no findings\n"


@pytest.mark.parametrize("example", ["release", "structured"])
def test_the_first_line_of_an_example_leads_an_editor_to_the_published_schema(planloom, tmp_path, example):
    assert planloom("init", "demo", "--example", example).status == 0
    (plan,) = (tmp_path / "demo/specs").glob("*.yaml")
    line, _, text = plan.read_text().partition("\n")
    named = line.removeprefix("# yaml-language-server: $schema=")
    schema = json.loads((plan.parent / named).read_text())
    assert [error.message for error in Draft202012Validator(schema).iter_errors(YAML(typ="safe", pure=True).load(text))] == []
    assert schema["properties"]["steps"]["items"]["properties"]["needs"]["description"]
    assert planloom("fmt", "--check", "--root", "demo").status == 0


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.usefixtures("in_git")
def test_all_problems_of_all_files_come_in_one_run_sorted(planloom, write):
    write("specs/b.yaml", "steps: [{key: a, needs: [x]}]\n")
    write("specs/a.yaml", "steps: [{key: a, needs: [y, x]}]\n")
    write("specs/c.yaml", "steps: [\n")
    done = planloom("validate", "--format", "json")
    places = [(d["span"]["path"], d["code"]) for d in json.loads(done.out)["diagnostics"]]
    assert places == [
        ("specs/a.yaml", "PL504"),
        ("specs/a.yaml", "PL401"),
        ("specs/a.yaml", "PL401"),
        ("specs/b.yaml", "PL310"),
        ("specs/b.yaml", "PL318") if ("specs/b.yaml", "PL318") in places else ("specs/b.yaml", "PL401"),
        ("specs/c.yaml", "PL101"),
    ]


def test_a_folder_of_no_project_is_unusable_input(planloom, nowhere, monkeypatch):
    monkeypatch.chdir(nowhere)
    done = planloom("validate")
    assert done.status == 2
    assert "is not a planloom project" in done.err


def test_a_folder_without_plans_is_unusable_input(planloom, tmp_path):
    (tmp_path / "specs").mkdir()
    done = planloom("validate")
    assert done.status == 2
    assert "planloom import" in done.err


def lead_out(file, elsewhere):
    outside = elsewhere / "secret.yaml"
    outside.write_text(HEAD + "steps: [{key: never-read, needs: [secret]}]\n")
    file.symlink_to(outside)


def lead_nowhere(file, elsewhere):
    file.symlink_to(elsewhere / "nothing.yaml")


def lead_to_itself(file, elsewhere):
    file.symlink_to(file)


def lead_to_a_device(file, elsewhere):
    file.symlink_to("/dev/zero")


def make_pipe(file, elsewhere):
    os.mkfifo(file)


def make_folder(file, elsewhere):
    file.mkdir()


def make_unreadable(file, elsewhere):
    file.write_text(HEAD + "steps: [{key: a}]\n")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user reads everything")


STRANGERS = [
    (lead_out, "the file is a link that leads out of the project"),
    (lead_nowhere, "the file is a link that leads nowhere"),
    (lead_to_itself, "the file can't be read: "),
    (lead_to_a_device, "the file is a link that leads out of the project"),
    (make_pipe, "this is a folder, a pipe or a device, no file"),
    (make_folder, "this is a folder, a pipe or a device, no file"),
    (make_unreadable, "the file can't be read: Permission denied"),
]
strangers = pytest.mark.parametrize(("put", "message"), STRANGERS, ids=[put.__name__ for put, _ in STRANGERS])


@strangers
def test_what_is_no_plan_in_the_place_of_one_is_a_finding_beside_the_others(planloom, write, tmp_path_factory, put, message):
    file = write("specs/demo.yaml", "steps: [{key: a, needs: [x]}]\n")
    put(file.parent / "other.yaml", tmp_path_factory.mktemp("elsewhere"))
    done = planloom("validate", "--format", "json")
    assert done.status == 1
    assert "never-read" not in done.out
    missing, refused = json.loads(done.out)["diagnostics"]
    assert (missing["code"], missing["span"]["path"]) == ("PL401", "specs/demo.yaml")
    assert refused["code"] == "PL122"
    assert refused["span"] == {"path": "specs/other.yaml", "line": 1, "column": 1, "endLine": 1, "endColumn": 1}
    assert refused["message"].startswith(message)
    assert refused["help"]
    for command in (("validate",), ("compile",), ("compile", "--check", "--format", "github")):
        done = planloom(*command)
        assert done.status == 1
        assert f"specs/other.yaml:1:1: error: {message}" in done.out + done.err
    assert not (file.parent.parent / "generated").exists()


@strangers
def test_what_is_no_settings_file_in_its_place_is_a_finding_beside_the_others(planloom, write, tmp_path_factory, put, message):
    file = write("specs/demo.yaml", "steps: [{key: a, needs: [x]}]\n")
    put(file.parent / "planloom.yaml", tmp_path_factory.mktemp("elsewhere"))
    done = planloom("validate", "--format", "json")
    assert done.status == 1
    assert [(d["code"], d["span"]["path"]) for d in json.loads(done.out)["diagnostics"]] == [
        ("PL401", "specs/demo.yaml"),
        ("PL122", "specs/planloom.yaml"),
    ]


@strangers
def test_the_only_plan_that_is_none_is_a_finding_too(planloom, tmp_path, tmp_path_factory, put, message):
    (tmp_path / "specs").mkdir()
    put(tmp_path / "specs/other.yaml", tmp_path_factory.mktemp("elsewhere"))
    done = planloom("validate", "--format", "json")
    assert done.status == 1
    assert [d["code"] for d in json.loads(done.out)["diagnostics"]] == ["PL122"]


@strangers
def test_compiling_again_sees_what_took_the_place_of_a_plan_meanwhile(planloom, write, tmp_path_factory, put, message):
    file = write("specs/demo.yaml", "steps: [{key: a, run: make}]\n")
    (file.parent.parent / ".planloom").mkdir()
    assert planloom("compile").status == 0
    assert "unchanged" in planloom("compile").err
    put(file.parent / "other.yaml", tmp_path_factory.mktemp("elsewhere"))
    done = planloom("compile")
    assert done.status == 1
    assert f"specs/other.yaml:1:1: error: {message}" in done.err


def test_laying_out_changes_nothing_beside_what_is_no_plan(planloom, write):
    file = write("specs/demo.yaml", "steps: [{key: a,   run: make}]\n")
    before = file.read_bytes()
    os.mkfifo(file.parent / "other.yaml")
    done = planloom("fmt")
    assert done.status == 2
    assert "error [PL122]: specs/other.yaml: this is a folder, a pipe or a device, no file" in done.err
    assert file.read_bytes() == before


def test_fix_repairs_what_is_safe_and_keeps_every_other_byte(planloom, write):
    text = "# keep\nsteps:\n  - key: build   # keep too\n  - key: test\n    neds: [biuld]\n    foreach: {python: [3.9, 3.10]}\n"
    file = write("specs/demo.yaml", text)
    done = planloom("validate", "--fix")
    assert done.status == 0
    repaired = text.replace("neds", "needs").replace("biuld", "build").replace("3.9, 3.10", '"3.9", "3.10"')
    assert file.read_text() == HEAD + repaired
    assert "repaired specs/demo.yaml" in done.err


def test_fix_removes_redundant_and_repeated_needs(planloom, write):
    file = write("specs/demo.yaml", "steps:\n  - key: a\n  - key: b\n    needs: [a, a]\n  - key: c\n    needs: [a, b]\n")
    planloom("validate", "--fix")
    assert file.read_text() == HEAD + "steps:\n  - key: a\n  - key: b\n    needs: [a]\n  - key: c\n    needs: [b]\n"


def test_fix_takes_a_byte_order_mark_away(planloom, write, tmp_path):
    file = write("specs/demo.yaml", "steps: [{key: a}]\n")
    content = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + content)
    assert planloom("validate", "--fix").status == 0
    assert file.read_bytes() == content


def test_github_shows_ten_errors_and_the_summary_has_all(planloom, write, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write("specs/demo.yaml", "steps:\n  - key: a\n    needs: [" + ", ".join(f"x{n}" for n in range(15)) + "]\n")
    done = planloom("validate")
    assert done.err.count("::error file=specs/demo.yaml,line=7,") == 10
    assert (tmp_path / "summary.md").read_text().count("| PL401 |") == 15


def test_compile_in_a_workflow_shows_ten_of_each_and_the_summary_has_all(planloom, write, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write("specs/demo.yaml", "steps:\n  - key: a\n    needs: [" + ", ".join(f"x{n}" for n in range(15)) + "]\n")
    done = planloom("compile", "--check", "--format", "github")
    assert done.status == 1
    assert done.out.count("::error file=specs/demo.yaml,line=7,") == 10
    assert (tmp_path / "summary.md").read_text().count("| PL401 |") == 15


@pytest.mark.parametrize(
    "command", [("validate",), ("validate", "--format", "github"), ("compile", "--check", "--format", "github")]
)
def test_annotations_name_files_from_the_top_of_the_checkout(planloom, write, monkeypatch, tmp_path, command):
    write("apps/shop/specs/demo.yaml", "steps:\n  - key: a\n    needs: [x]\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    done = planloom(*command, "--root", "apps/shop")
    assert "::error file=apps/shop/specs/demo.yaml,line=7," in done.out + done.err
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "apps/shop"))
    done = planloom(*command, "--root", "apps/shop")
    assert "::error file=specs/demo.yaml,line=7," in done.out + done.err


def test_drift_in_a_project_below_the_checkout_is_named_from_its_top(planloom, write, monkeypatch, tmp_path):
    write("apps/shop/specs/demo.yaml", "steps: [{key: a, run: make}]\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    done = planloom("compile", "--check", "--format", "github", "--root", "apps/shop")
    assert "::error file=apps/shop/generated/demo/plan.json,title=planloom::missing" in done.out


def test_drift_of_many_files_shows_ten_annotations_and_the_summary_has_all(planloom, write, monkeypatch, tmp_path):
    write("specs/demo.yaml", "steps: [{key: a, run: make}]\n")
    write("specs/requirements.lock", "")
    assert planloom("compile").status == 0
    left = [write(f"generated/left/over{n}.json", "{}") for n in range(15)]
    write("generated/left/a\n::warning::forged.json", "{}")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = planloom("compile", "--check", "--format", "github")
    assert done.status == 1
    assert done.out.count("::error file=generated/left/") == 10
    assert "\n::warning" not in done.out
    summary = (tmp_path / "summary.md").read_text()
    assert summary.count("| generated/left/") == len(left) + 1
    assert "\n::warning" not in summary


def test_of_very_many_findings_fifty_are_shown_errors_first_and_a_line_says_where_the_others_are(planloom, write):
    write("specs/a.yaml", "steps:\n" + "".join(f"  - {{key: a{n}, run: make, runs-on: ubuntu-latest}}\n" for n in range(60)))
    many = ", ".join(f"x{n}" for n in range(1200))
    write("specs/b.yaml", f"steps:\n  - key: a\n    needs: [{many}]\n", head=HEAD.replace("demo", "other"))
    done = planloom("validate")
    assert done.status == 1
    assert done.out.count("[PL401 unknown-need]") == 50
    assert "warning" not in done.out.partition("more:")[0]
    rest, counts = done.out.splitlines()[-3], done.out.splitlines()[-1]
    found = json.loads(planloom("validate", "--format", "json").out)
    assert found["errors"] == 1200
    assert rest == (
        f"{found['warnings'] + 1150:,} more: specs/a.yaml {found['warnings']} warnings; specs/b.yaml 1,150 errors; "
        "planloom validate --all shows them, --format json too"
    )
    assert counts == f"{found['errors']:,} errors, {found['warnings']} warnings"
    everything = planloom("validate", "--all").out
    assert everything.count("[PL401 unknown-need]") == 1200
    assert "more:" not in everything
    assert planloom("compile").err.count("[PL401 unknown-need]") == 50


def test_annotations_cannot_be_forged_by_a_plan(planloom, write):
    write("specs/demo.yaml", 'steps:\n  - key: a\n    needs: ["x\\n::error::forged, %0A"]\n')
    done = planloom("validate", "--format", "github")
    assert all(line.startswith(("::error file=", "::warning file=")) for line in done.out.splitlines())


def test_terminal_escapes_of_a_plan_are_not_printed(planloom, write):
    write("specs/demo.yaml", 'steps:\n  - key: a\n    role: "\\e[31m"\n    needs: ["\\u202ex"]\n')
    done = planloom("validate")
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


@pytest.mark.usefixtures("in_git")
def test_sarif_has_rules_results_places_and_fixes(planloom, write):
    write("specs/demo.yaml", BROKEN)
    (run,) = json.loads(planloom("validate", "--format", "sarif").out)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["PL201", "PL401", "PL504"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "specs/demo.yaml", "uriBaseId": "SRCROOT"}
    need = next(result for result in run["results"] if result["ruleId"] == "PL401")
    assert need["fixes"][0]["artifactChanges"][0]["replacements"][0] == {
        "deletedRegion": {"startLine": 7, "startColumn": 13, "endLine": 7, "endColumn": 17},
        "insertedContent": {"text": "test"},
    }


def test_explain_takes_a_code_or_a_name(planloom):
    by_code, by_name = planloom("explain", "pl402"), planloom("explain", "cycle")
    assert by_code.out == by_name.out
    assert by_code.out.startswith("PL402 cycle (error): steps need each other in a circle\n")
    assert "Fails:\n  steps:\n    - key: build\n" in by_code.out


@pytest.mark.parametrize("word", ["pl797", "big-name"])
def test_explain_says_of_a_retired_code_what_it_was(planloom, word):
    done = planloom("explain", word)
    assert done.status == 2
    assert "PL797 big-name is retired: it was about names of artifacts above 255 characters" in done.err


def test_explain_lists_all_codes(planloom):
    assert planloom("explain").out.count("\nPL") >= 60


def test_explain_suggests_the_nearest(planloom):
    done = planloom("explain", "cicle")
    assert done.status == 2
    assert "did you mean 'cycle'?" in done.err


def test_fmt_lays_out_and_check_only_looks(planloom, write):
    file = write("specs/demo.yaml", "steps:\n- key:   a   # why\n")
    done = planloom("fmt", "--check")
    assert (done.status, done.out) == (1, "specs/demo.yaml is laid out differently\n")
    assert planloom("fmt").status == 0
    assert file.read_text() == HEAD + "steps:\n  - key: a  # why\n"
    assert planloom("fmt", "--check").status == 0


def test_fmt_refuses_what_is_not_yaml_with_its_place(planloom, write):
    write("specs/demo.yaml", "steps: [\n")
    done = planloom("fmt")
    assert done.status == 2
    assert "specs/demo.yaml:" in done.err


@pytest.mark.parametrize("command", ["validate", "explain", "fmt", "diff", "import"])
def test_every_command_has_examples(planloom, command):
    done = planloom(command, "--help")
    assert done.status == 0
    assert "Examples:" in done.out


def on_a_terminal(folder, **environment):
    """Return what validate prints to a real terminal."""
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "planloom", "validate"]
    with subprocess.Popen(
        command, cwd=folder, env={"PATH": os.environ["PATH"], "TERM": "xterm"} | environment, stdout=slave, stderr=slave
    ):
        os.close(slave)
        said = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux says so when the last writer is gone
                break
            if not piece:
                break
            said += piece
    os.close(master)
    return said.decode()


def test_colour_only_on_a_terminal_that_wants_it(planloom, write, tmp_path):
    write("specs/demo.yaml", BROKEN)
    assert "\x1b" not in planloom("validate").out
    assert "\x1b[31;1merror\x1b[0m" in on_a_terminal(tmp_path)
    for refusal in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = on_a_terminal(tmp_path, **refusal)
        assert "unknown-need" in plain
        assert "\x1b" not in plain


def test_a_comment_allows_a_warning(planloom, write):
    write("specs/requirements.lock", "")
    write(
        "specs/demo.yaml",
        "steps:\n  - key: a\n    run: make\n    runs-on: ubuntu-latest # planloom: allow[moving-runner] we test the newest\n",
    )
    assert planloom("validate").out == "1 plan, 1 step: no findings\n"


def test_a_comment_does_not_allow_an_error(planloom, write):
    write("specs/demo.yaml", "steps:\n  - key: a\n    # planloom: allow[unknown-need] no\n    needs: [x]\n")
    done = planloom("validate")
    assert done.status == 1
    assert "unused-allowance" in done.out


def test_the_report_is_the_same_for_every_hash_seed_locale_and_time_zone(write, tmp_path):
    steps = "".join(f"  - {{key: s{n}, needs: [s{(n + 1) % 7}, s{(n + 3) % 7}, x{n}], resources: [r{n}]}}\n" for n in range(7))
    write("specs/demo.yaml", "steps:\n" + steps)
    write("specs/other.yaml", "steps:\n" + steps)
    outputs = set()
    for seed, locale, zone in (("0", "C", "UTC"), ("1", "C.UTF-8", "Asia/Tokyo"), ("4711", "POSIX", "America/New_York")):
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone}
        command = [sys.executable, "-m", "planloom", "validate", "--format", "json"]
        outputs.add(subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).stdout)
    assert len(outputs) == 1
    assert b"needs go in a circle: s0" in outputs.pop()


@pytest.mark.parametrize("text", ["null\n", "~\n", "---\n...\n"])
def test_a_file_that_holds_nothing_is_an_error_and_nothing_is_compiled(planloom, write, tmp_path, text):
    write("specs/a.yaml", text, head="")
    done = planloom("validate")
    assert done.status == 1
    assert "PL117" in done.out + done.err
    assert planloom("compile").status == 1
    assert [path.name for path in tmp_path.iterdir()] == ["specs"]
