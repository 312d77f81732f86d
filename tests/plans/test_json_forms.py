"""What programs read: the JSON of the commands that write plans, keys and explanations, in a shape that stays."""

import json

import pytest

from planloom.checks.catalogue import RULES
from planloom.report.code_texts import CODE_TEXTS

KEY = {"name", "id", "public", "roles"}


def read(done):
    """Return the one document on stdout; the talk stays on stderr."""
    (line,) = done.out.splitlines()
    return json.loads(line)


def test_fmt_says_the_state_of_every_file(planloom, write):
    write("specs/demo.yaml", "steps:\n- key:   a\n")
    write("specs/other.yaml", "steps:\n  - key: a\n")
    looked = planloom("fmt", "--check", "--format", "json")
    assert looked.status == 1
    assert read(looked) == {
        "schema": "planloom/fmt/v1",
        "files": [{"path": "specs/demo.yaml", "state": "different"}, {"path": "specs/other.yaml", "state": "unchanged"}],
    }
    assert [file["state"] for file in read(planloom("fmt", "--format", "json"))["files"]] == ["laid-out", "unchanged"]
    assert [file["state"] for file in read(planloom("fmt", "--format", "json"))["files"]] == ["unchanged", "unchanged"]


def test_fmt_writes_nothing_when_one_file_can_not_be_laid_out(planloom, write):
    file = write("specs/a.yaml", "steps:\n- key:   a\n")
    before = file.read_bytes()
    write("specs/b.yaml", "steps: [\n")
    assert planloom("fmt").status == 2
    assert file.read_bytes() == before


def test_explain_gives_the_page_of_a_rule_and_of_a_code(planloom):
    (rule,) = read(planloom("explain", "cycle", "--format", "json"))["codes"]
    assert (rule["code"], rule["name"], rule["severity"]) == ("PL402", "cycle", "error")
    assert rule["fails"].startswith("steps:\n")
    (code,) = read(planloom("explain", "e_gate", "--format", "json"))["codes"]
    assert code["code"] == "E_GATE"
    assert all(code[part] for part in ("title", "what", "why", "repair"))


def test_explain_without_a_code_gives_all(planloom):
    codes = [one["code"] for one in read(planloom("explain", "--format", "json"))["codes"]]
    assert codes == [*(rule.code for rule in RULES), *CODE_TEXTS]


def test_import_gives_the_plan_and_what_it_can_not_say(planloom, tmp_path):
    (tmp_path / "ci.yml").write_text("name: CI\non: push\njobs:\n  a: {runs-on: x, steps: [{run: make}], strategy: {}}\n")
    printed = read(planloom("import", "ci.yml", "--stdout", "--format", "json"))
    assert (printed["schema"], printed["path"], printed["steps"], printed["written"]) == (
        "planloom/import/v1",
        "specs/ci.yaml",
        1,
        False,
    )
    assert printed["plan"].startswith(
        "# yaml-language-server: $schema=../generated/schema/plan.schema.json\nschema: planloom/plan/v1\n"
    )
    assert {"path", "line", "column", "message"} == set(printed["notes"][0])
    (tmp_path / "specs").mkdir()
    written = read(planloom("import", "ci.yml", "--format", "json"))
    assert written == printed | {"written": True}
    assert (tmp_path / "specs/ci.yaml").read_text() == printed["plan"]


@pytest.fixture
def team(planloom, tmp_path, monkeypatch):
    """A project with keys and a policy."""
    assert planloom("init", "team").status == 0
    monkeypatch.chdir(tmp_path / "team")
    return planloom


def test_a_new_key_is_named_with_its_public_part_only(team):
    made = read(team("keys", "new", "ann", "--format", "json"))
    assert set(made) == {"schema", "name", "id", "public", "path"}
    assert (made["schema"], made["name"], made["path"]) == ("planloom/key/v1", "ann", ".planloom/ann.pem")


def test_a_change_of_the_policy_gives_its_version_and_the_key_as_it_is_now(team):
    team("keys", "new", "ann")
    trusted = read(team("keys", "trust", "ann", "--role", "approver", "--builder", "https://x/*", "--yes", "--format", "json"))
    assert (trusted["schema"], trusted["version"]) == ("planloom/policy-change/v1", 2)
    assert trusted["path"] == "specs/trust/policy.json"
    assert set(trusted["key"]) == KEY | {"builders"}
    rotated = read(team("keys", "rotate", "ann", "--yes", "--format", "json"))
    assert (rotated["version"], set(rotated["key"])) == (3, KEY | {"builders", "validFrom"})
    assert rotated["key"]["id"] != trusted["key"]["id"]
    revoked = read(team("keys", "revoke", "ann", "--reason", "left", "--yes", "--format", "json"))
    assert revoked["key"] == rotated["key"] | {"revoked": {"atSize": 0, "reason": "left"}}
    listed = read(team("keys", "list", "--format", "json"))
    assert revoked["key"] in listed["keys"]
    shown = read(team("keys", "show", "ann", "--format", "json"))
    assert shown["schema"] == "planloom/key/v1"
    assert shown.items() >= revoked["key"].items()
