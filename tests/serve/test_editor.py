"""A real editor's conversation with the language server, over its standard streams."""

from __future__ import annotations

import subprocess
import sys

import pytest

from serve.editor import Editor

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Demo
version: 1.0.0
defaults: {runs-on: ubuntu-24.04}
steps:
  - key: lint
    name: "Grüße 👋"
    run: make lint
  - key: test
    needs: [lint]
    foreach: {python: ["3.12", "3.13"]}
    run: make test
  - key: build
    needs:
      - lint
      - test-3-12
    gate: {role: approver}
    run: |
      make build
      # key: not-a-step
"""


@pytest.fixture(scope="module")
def editor():
    running = Editor()
    yield running
    running.close()


@pytest.fixture
def plan(editor, tmp_path):
    """A plan in a project, open in the editor and known to be sound; its address."""
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "demo.yaml").write_text(PLAN)
    return (folder / "demo.yaml").as_uri()


def opened(editor, uri, text=PLAN):
    editor.open(uri, text)
    return editor.diagnostics(uri)


def place(text, word, nth=1):
    """Return line and column of the nth occurrence of a word."""
    offset = -1
    for _ in range(nth):
        offset = text.index(word, offset + 1)
    before = text[:offset]
    return before.count("\n"), offset - before.rfind("\n") - 1


def errors(found):
    return [(one["code"], one["range"]["start"]["line"], one["message"].split("\n")[0]) for one in found if one["severity"] == 1]


def test_the_server_says_what_it_can_do(editor):
    able = editor.agreed["capabilities"]
    for name in ("hover", "completion", "definition", "references", "rename", "codeAction", "documentSymbol"):
        assert able[f"{name}Provider"]
    assert editor.agreed["serverInfo"]["name"] == "planloom"


def test_mistakes_appear_while_typing_and_go_away_when_they_are_repaired(editor, plan):
    assert errors(opened(editor, plan)) == []
    editor.change(plan, 2, PLAN.replace("needs: [lint]", "needs: [lnt]"))
    found = editor.diagnostics(plan)
    assert [line for _, line, _ in errors(found)] == [10]
    assert found[-1]["source"] == "planloom"
    editor.change(plan, 3, PLAN)
    assert errors(editor.diagnostics(plan)) == []


def test_what_is_typed_counts_and_not_what_is_on_disk(editor, plan, tmp_path):
    (tmp_path / "specs/demo.yaml").write_text("garbage: [")
    assert errors(opened(editor, plan)) == []
    editor.tell("textDocument/didClose", {"textDocument": {"uri": plan}})
    assert errors(editor.diagnostics(plan)) != []


def test_mistakes_in_other_files_of_the_project_are_shown_at_theirs(editor, plan, tmp_path):
    other = tmp_path / "specs/other.yaml"
    other.write_text(PLAN)
    opened(editor, plan)
    found = [*editor.published, {"uri": other.as_uri(), "diagnostics": editor.diagnostics(other.as_uri())}]
    assert any(errors(one["diagnostics"]) for one in found)


def test_what_is_no_plan_in_the_place_of_one_is_shown_at_its_place(editor, plan, tmp_path):
    other = tmp_path / "specs/other.yaml"
    other.mkdir()
    opened(editor, plan)
    assert errors(editor.diagnostics(other.as_uri())) == [("PL122", 0, "this is a folder, a pipe or a device, no file")]


def test_a_field_is_explained_where_it_stands(editor, plan):
    opened(editor, plan)
    text = editor.at("hover", plan, *place(PLAN, "foreach"))["contents"]["value"]
    assert "**foreach**" in text
    assert "One step for each value" in text
    nested = editor.at("hover", plan, *place(PLAN, "role"))["contents"]["value"]
    assert "The role that approves" in nested
    assert "Default: `approver`" in nested


def test_a_step_is_summed_up_where_it_is_needed(editor, plan):
    opened(editor, plan)
    text = editor.at("hover", plan, *place(PLAN, "lint]"))["contents"]["value"]
    assert "**lint**: Grüße 👋" in text
    assert "Needed by: test, build" in text
    assert "make lint" in text
    made = editor.at("hover", plan, *place(PLAN, "test-3-12"))["contents"]["value"]
    assert "Makes 2 steps: test-3-12, test-3-13" in made


def test_nothing_is_said_inside_of_a_command(editor, plan):
    opened(editor, plan)
    assert editor.at("hover", plan, *place(PLAN, "key: not-a-step")) is None


def test_steps_are_offered_in_needs_even_while_the_file_can_not_be_read(editor, plan):
    opened(editor, plan)
    broken = PLAN.replace("needs: [lint]", "needs: [li")
    editor.change(plan, 2, broken)
    line, column = place(broken, "[li\n")
    found = editor.at("completion", plan, line, column + 3)
    assert [one["label"] for one in found] == ["lint", "test", "build", "test-3-12", "test-3-13"]
    assert found[0]["textEdit"] == {
        "range": {"start": {"line": line, "character": column + 1}, "end": {"line": line, "character": column + 3}},
        "newText": "lint",
    }


def test_steps_are_offered_in_a_list_of_lines_too(editor, plan):
    opened(editor, plan)
    text = PLAN.replace("      - test-3-12\n", "      - \n")
    editor.change(plan, 2, text)
    line, _ = place(text, "      - \n")
    assert "lint" in [one["label"] for one in editor.at("completion", plan, line, 8)]


def test_fields_that_a_step_does_not_have_yet_are_offered(editor, plan):
    opened(editor, plan)
    text = PLAN.replace("    run: make lint\n", "    run: make lint\n    \n")
    editor.change(plan, 2, text)
    line, _ = place(text, "    \n")
    labels = [one["label"] for one in editor.at("completion", plan, line, 4)]
    assert "timeout-minutes" in labels
    assert "gate" in labels
    assert not {"key", "name", "run"} & set(labels)


def test_values_that_can_be_counted_are_offered(editor, plan):
    opened(editor, plan)
    text = PLAN.replace("    run: make lint\n", "    run: make lint\n    shell: \n    baseline: \n")
    editor.change(plan, 2, text)
    line, column = place(text, "shell: ")
    assert [one["label"] for one in editor.at("completion", plan, line, column + 7)] == ["bash", "sh", "python", "pwsh"]
    line, column = place(text, "baseline: ")
    assert [one["label"] for one in editor.at("completion", plan, line, column + 10)] == ["true", "false"]


def test_a_need_leads_to_its_step(editor, plan):
    opened(editor, plan)
    line, column = place(PLAN, "- key: lint")
    expected = {"start": {"line": line, "character": column + 7}, "end": {"line": line, "character": column + 11}}
    assert editor.at("definition", plan, *place(PLAN, "lint]")) == {"uri": plan, "range": expected}
    line, _ = place(PLAN, "- key: test")
    assert editor.at("definition", plan, *place(PLAN, "test-3-12"))["range"]["start"]["line"] == line


def test_every_use_of_a_step_is_found(editor, plan):
    opened(editor, plan)
    found = editor.at("references", plan, *place(PLAN, "lint"), context={"includeDeclaration": True})
    assert [one["range"]["start"]["line"] for one in found] == [6, 10, 15]


def apply(text, edits):
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]), reverse=True):
        start, end = edit["range"]["start"], edit["range"]["end"]
        line = lines[start["line"]]
        lines[start["line"]] = line[: start["character"]] + edit["newText"] + line[end["character"] :]
    return "\n".join(lines)


def test_a_step_is_renamed_everywhere_with_what_its_foreach_makes(editor, plan):
    opened(editor, plan)
    edits = editor.at("rename", plan, *place(PLAN, "- key: test", 1)[:1], 9, newName="unit")["changes"][plan]
    renamed = apply(PLAN, edits)
    assert renamed == PLAN.replace("key: test", "key: unit").replace("- test-3-12", "- unit-3-12")
    editor.change(plan, 2, renamed)
    assert errors(editor.diagnostics(plan)) == []


def test_a_key_that_yaml_would_read_as_something_else_is_put_in_quotes(editor, plan):
    opened(editor, plan)
    edits = editor.at("rename", plan, *place(PLAN, "lint]"), newName="1e5")["changes"][plan]
    assert {edit["newText"] for edit in edits} == {'"1e5"'}


@pytest.mark.parametrize(("name", "reason"), [("build", "already"), ("No Key", "lower-case letters")])
def test_a_name_that_a_step_can_not_have_is_refused(editor, plan, name, reason):
    opened(editor, plan)
    with pytest.raises(RuntimeError, match=reason):
        editor.at("rename", plan, *place(PLAN, "lint]"), newName=name)


def test_only_a_steps_own_key_can_be_renamed(editor, plan):
    opened(editor, plan)
    assert editor.at("prepareRename", plan, *place(PLAN, "lint]")) is not None
    assert editor.at("prepareRename", plan, *place(PLAN, "test-3-12")) is None
    assert editor.at("prepareRename", plan, *place(PLAN, "version")) is None


def test_a_safe_repair_is_offered_at_its_mistake(editor, plan):
    opened(editor, plan)
    text = PLAN.replace("needs: [lint]", "needs: [lnt]")
    editor.change(plan, 2, text)
    (found,) = [one for one in editor.diagnostics(plan) if one["severity"] == 1]
    actions = editor.ask(
        "textDocument/codeAction", {"textDocument": {"uri": plan}, "range": found["range"], "context": {"diagnostics": []}}
    )
    assert apply(text, actions[0]["edit"]["changes"][plan]) == PLAN


def test_the_outline_lists_the_steps(editor, plan):
    opened(editor, plan)
    found = editor.ask("textDocument/documentSymbol", {"textDocument": {"uri": plan}})
    assert [one["name"] for one in found] == ["lint", "test", "build"]


def test_settings_of_the_project_have_help_too(editor, plan, tmp_path):
    uri = (tmp_path / "specs/planloom.yaml").as_uri()
    opened(editor, plan)
    editor.open(uri, "schema: planloom/project/v1\nledger-branch: main\n")
    assert "collector commits" in editor.at("hover", uri, 1, 3)["contents"]["value"]


def test_other_files_are_none_of_its_business(editor, tmp_path):
    uri = (tmp_path / "notes.yaml").as_uri()
    editor.open(uri, "key: value\n")
    assert editor.at("hover", uri, 0, 1) is None
    assert editor.at("completion", uri, 0, 1) == []


def test_columns_are_counted_as_the_editor_counts(tmp_path):
    text = PLAN.replace("needs: [lint]", 'needs: [lint, "👋"]')
    (tmp_path / "specs").mkdir()
    uri = (tmp_path / "specs/demo.yaml").as_uri()
    other = Editor("utf-8")
    try:
        (found,) = [one for one in opened(other, uri, text) if one["range"]["start"]["line"] == 10]
        start = text.split("\n")[10].index('"')
        assert (found["range"]["start"]["character"], found["range"]["end"]["character"]) == (start, start + len('"👋"'.encode()))
    finally:
        other.close()


def test_without_its_package_the_command_says_what_to_install():
    code = "import sys; sys.modules['lsprotocol'] = None; sys.argv = ['planloom', 'serve', 'lsp']; from planloom.cli.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert 'pip install "planloom[lsp]"' in done.stderr
