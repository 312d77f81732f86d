"""Reference pages are what the program and the schemas say, and `--check` sees every difference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from planloom.report import docs

ROOT = Path(__file__).parents[2]
HELP = """\
Usage: planloom keys [OPTIONS] COMMAND [ARGS]...

  Make, list and trust keys.

Options:
  --root DIR  Where the project is.
  -h, --help  Show this message and exit.

Commands:
  new   make a key
  list  list the keys
"""
SCHEMA = {
    "title": "Plan",
    "description": "What to do.",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "description": "its name"},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
    },
    "$defs": {"step": {"properties": {"key": {"type": "string"}}}},
}


@pytest.mark.slow
def test_the_pages_in_the_repository_are_current():
    done = subprocess.run(
        [sys.executable, "-m", "planloom.report.docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_sub_commands_are_found_in_a_help_page_and_options_are_not():
    assert docs.command_sections(HELP) == [("Commands", [("new", "make a key"), ("list", "list the keys")])]


def test_a_command_page_holds_its_help_and_that_of_its_sub_commands():
    page = docs.command_page(("keys",), HELP, {"new": "Usage: planloom keys new\n"})
    assert HELP.rstrip() in page
    assert "## planloom keys new" in page


def test_a_field_table_says_type_default_and_whether_a_field_must_be_there():
    table = docs.field_table(SCHEMA).splitlines()
    assert table[2:] == [
        "| `id` | string | required |  | its name |",
        '| `kind` | `"a"` \\| `"b"` |  | `"a"` |  |',
        "| `steps` | list of step |  |  |  |",
    ]


def test_a_schema_page_lists_the_fields_of_each_definition():
    assert "## step" in docs.schema_page("plan", SCHEMA)


def test_written_pages_compare_equal_and_every_change_is_named(tmp_path):
    pages = {"README.md": b"index\n", "commands/claim.md": b"claim\n", "schemas/plan.md": b"plan\n"}
    docs.write(tmp_path, pages)
    assert docs.compare(tmp_path, pages) == []
    folder = tmp_path / docs.FOLDER
    (folder / "commands" / "gone.md").write_text("old\n")
    (folder / "commands" / "claim.md").write_text("edited\n")
    (folder / "schemas" / "plan.md").unlink()
    assert docs.compare(tmp_path, pages) == [
        "generated/docs/commands/claim.md: out of date",
        "generated/docs/commands/gone.md: no command or schema has this page",
        "generated/docs/schemas/plan.md: missing",
    ]
    docs.write(tmp_path, pages)
    assert docs.compare(tmp_path, pages) == []


def test_pages_of_diagnostics_are_left_alone(tmp_path):
    page = tmp_path / docs.FOLDER / "diagnostics" / "PL101.md"
    page.parent.mkdir(parents=True)
    page.write_text("written by another generator\n")
    docs.write(tmp_path, {"README.md": b"index\n"})
    assert page.exists()
    assert docs.compare(tmp_path, {"README.md": b"index\n"}) == []
