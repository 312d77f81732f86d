"""Parameters that take few values are chosen in the form of the orchestrator; nothing chosen means nothing given."""

from __future__ import annotations

import json

import pytest

from golden.compiling import compile_text
from judges.expressions import evaluate
from judges.reading import read_workflow
from judges.tools import actionlint, schema, stage, zizmor
from planloom.core.errors import InputError
from planloom.records.compiled import CompiledPlan
from planloom.runtime.opening import check_params

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
ORCHESTRATOR = ".github/workflows/demo-orchestrator.yml"


def compiled(**params):
    """Return the compiled files of a plan with these parameters, as JSON Schemas."""
    uses = " ".join(f"$PARAM_{name.upper()}" for name in params)
    step = {"key": "a", "run": f"echo {uses}"}
    return compile_text(demo=f"{HEAD}params: {json.dumps(params)}\nsteps: [{json.dumps(step)}]\n")


def form(files):
    return read_workflow(files[ORCHESTRATOR])["on"]["workflow_dispatch"]["inputs"]


def opened(files, inputs):
    """Return the parameters of a work item that the orchestrator opens when its form sends these inputs."""
    steps = read_workflow(files[ORCHESTRATOR])["jobs"]["delegate"]["steps"]
    (environment,) = (step["env"] for step in steps if step.get("name") == "Delegate")
    header = CompiledPlan.from_bytes(files["generated/demo/plan.json"])
    names = header.settings["params"]
    given = {name: evaluate(environment[f"PARAM_{name.upper()}"], {"inputs": inputs}, {}) for name in names}
    return check_params(header, {name: value for name, value in given.items() if value})


CHOSEN = [
    ({"enum": ["staging", "production"]}, ["not given", "staging", "production"], "not given"),
    ({"enum": ["staging", "production"], "default": "production"}, ["staging", "production"], "production"),
    ({"enum": ["true", "1", "null", "-"]}, ["not given", "true", "1", "null", "-"], "not given"),
    ({"enum": ["a", "b", "a"]}, ["not given", "a", "b"], "not given"),
    ({"type": "boolean"}, ["not given", "true", "false"], "not given"),
    ({"type": "boolean", "default": False}, ["true", "false"], "false"),
    ({"type": "boolean", "enum": [True]}, ["not given", "true"], "not given"),
]
TYPED = [
    {"type": "string"},
    {"type": "string", "default": "x"},
    {"type": "integer"},
    {"type": "integer", "enum": [1, 2]},
    {"enum": ["", "a"]},
    {"enum": ["a\nb"]},
    {"enum": [" a"]},
    {"enum": ["${{ github.token }}"]},
    {"enum": ["Not Given", "given"]},
    {"enum": ["a", "A"]},
]


@pytest.mark.parametrize(("param", "options", "default"), CHOSEN)
def test_what_takes_few_values_is_chosen(param, options, default):
    field = form(compiled(target=param))["target"]
    assert (field["type"], field["options"], field["default"], field["required"]) == ("choice", options, default, False)


@pytest.mark.parametrize("param", TYPED)
def test_what_is_free_a_number_or_nothing_that_a_form_shows_is_typed(param):
    field = form(compiled(target=param))["target"]
    assert field["type"] == "string"
    assert "options" not in field


def test_the_judges_find_nothing_in_any_form(tmp_path):
    params = {f"p{number}": param for number, param in enumerate([*(param for param, _, _ in CHOSEN), *TYPED])}
    files = compiled(**params)
    folder = stage(tmp_path, {path: content for path, content in files.items() if path.startswith(".github/")})
    assert (actionlint(folder), zizmor(folder), schema(folder)) == ("", [], "")


@pytest.mark.parametrize("sent", ["not given", "", None])
def test_nothing_chosen_means_the_default_or_is_said_to_be_missing(sent):
    files = compiled(target={"enum": ["x", "y"], "default": "y"}, dry={"type": "boolean", "default": True})
    assert opened(files, {"target": "" if sent == "not given" else sent, "dry": ""}) == {"target": "y", "dry": True}
    files = compiled(target={"enum": ["x", "y"]}, dry={"type": "boolean"})
    with pytest.raises(InputError, match="parameter 'dry' is missing; parameter 'target' is missing"):
        opened(files, {"target": sent, "dry": sent})


def test_what_is_chosen_is_given_with_its_type():
    files = compiled(target={"enum": ["x", "false"]}, dry={"type": "boolean"}, again={"type": "boolean", "default": True})
    for target in ("x", "false"):
        assert opened(files, {"target": target, "dry": "false", "again": "false"}) == {
            "target": target,
            "dry": False,
            "again": False,
        }


def test_what_the_form_sends_untouched_opens_with_the_defaults():
    files = compiled(target={"enum": ["x", "y"], "default": "y"}, dry={"type": "boolean", "default": False})
    untouched = {name: field.get("default", "") for name, field in form(files).items()}
    assert opened(files, untouched) == {"target": "y", "dry": False}
