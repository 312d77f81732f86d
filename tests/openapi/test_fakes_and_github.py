"""The fakes of GitHub's API answer as its OpenAPI description says; what is asked of them in other tests is held against it there."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from act.actlog import Job
from act.restapi import ROUTES as RUNNING
from act.restapi import Facts, RestApi
from github.fakehub import ROUTES as SETTING_UP
from openapi.described import Exchange, description, find_faults, find_operation
from openapi.extract import USED, find_references, make_extract, write_lines

REPOSITORY = "/repos/acme/demo"
EXAMPLES = {r"([^/]+)": "go.yml", r"(\d+)": "7"}


def example_path(pattern):
    """Return an address that a route of a fake takes."""
    for group, text in EXAMPLES.items():
        pattern = pattern.replace(group, text)
    return pattern.removeprefix("@") if pattern.startswith("@") else f"{REPOSITORY}{pattern}"


@pytest.mark.parametrize(("method", "pattern"), [(m, p) for m, p, *_ in (*SETTING_UP, *RUNNING)], ids=str)
def test_every_route_of_a_fake_is_one_of_githubs(method, pattern):
    found = find_operation(method, example_path(pattern))
    assert found is not None
    assert (method.lower(), found[0]) in USED


def test_nothing_is_kept_of_the_description_that_no_fake_serves():
    served = {(m.lower(), find_operation(m, example_path(p))[0]) for m, p, *_ in (*SETTING_UP, *RUNNING)}
    # The archive's address is only redirected from; its format stands in it.
    assert served == set(USED)


class Run:
    """A run as the fake API knows it."""

    id, attempt, workflow, event, status, conclusion = 7, 7, "go.yml", "workflow_dispatch", "completed", "success"
    jobs = (Job("make", "make", "execute", {}, started="2026-11-22T20:05:52Z", conclusion="success", steps=[("Run", "success")]),)


def test_every_route_of_the_fake_for_workflows_answers_as_github_does(tmp_path):
    (tmp_path / "7" / "outputs").mkdir(parents=True)
    facts = Facts("acme/demo", "token", tmp_path, lambda: "0" * 40, runs={7: Run()}, workflows=lambda: ["go.yml"])
    api = RestApi(facts)
    try:
        for method, pattern, _ in RUNNING:
            body = json.dumps({"ref": "main", "inputs": {"work-item": "demo-1"}}).encode() if method == "POST" else None
            asked = Request(f"{api.base}{example_path(pattern)}", body, {"Authorization": "Bearer token"}, method=method)
            with suppress(HTTPError), urlopen(asked) as answer:
                answer.read()
    finally:
        api.close()
    asked = {find_operation(one.method, one.url)[0] for one in facts.seen}
    assert len(asked) == len(RUNNING)
    assert [one.url for one in facts.seen if one.status >= 400] == [
        f"{REPOSITORY}/actions/artifacts/7/zip"
    ]  # no artifact of this number
    assert [fault for one in facts.seen for fault in find_faults(one)] == []


GOOD = Exchange(
    "POST",
    f"{REPOSITORY}/environments/planloom/deployment-branch-policies",
    {"name": "main", "type": "branch"},
    200,
    {"id": 7, "name": "main", "type": "branch"},
)
WRONG = {
    "an address": replace(GOOD, url=f"{REPOSITORY}/environments/planloom/policies"),
    "a method": replace(GOOD, method="PATCH"),
    "a query": replace(GOOD, url=f"{GOOD.url}?force=1"),
    "no body": replace(GOOD, sent=None),
    "a field that must be sent": replace(GOOD, sent={"type": "branch"}),
    "a field that is not known": replace(GOOD, sent={"name": "main", "kind": "branch"}),
    "a value that is not known": replace(GOOD, sent={"name": "main", "type": "commit"}),
    "a status": replace(GOOD, status=201),
    "an answer's field": replace(GOOD, got={"id": 7, "pattern": "main"}),
    "an answer's type": replace(GOOD, got={"id": "7", "name": "main"}),
    "an answer where there is none": replace(GOOD, method="DELETE", url=f"{GOOD.url}/7", sent=None, status=204),
    "a number in an address": replace(GOOD, method="DELETE", url=f"{GOOD.url}/main", sent=None, status=204, got=None),
    "a refusal without a word": replace(GOOD, status=403, got=None),
}


def test_what_github_would_take_has_no_fault():
    assert find_faults(GOOD) == []


@pytest.mark.parametrize("exchange", WRONG.values(), ids=WRONG)
def test_what_github_would_not_take_or_say_is_found(exchange):
    assert len(find_faults(exchange)) >= 1


def test_the_extract_is_whole_and_says_where_it_comes_from():
    kept = description()
    assert {(m, p) for p, methods in kept["paths"].items() for m in methods} == set(USED)
    assert set(find_references([kept["paths"], *(v for k, v in kept["components"].items() if "/examples/" not in k)])) == set(
        kept["components"]
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", kept["info"]["version"])
    assert kept["info"]["licence"].startswith("MIT License Copyright (c) 2020")


def test_an_extract_keeps_what_is_used_and_names_that_look_like_prose():
    operation = {
        "summary": "Read it",
        "responses": {"200": {"$ref": "#/components/responses/good"}},
    }
    described = {
        "info": {"version": "1.0.0"},
        "paths": {path: {m: operation for m, p in USED if p == path} for _, path in USED} | {"/other": {"get": operation}},
        "components": {
            "responses": {"good": {"description": "Good", "content": {"$ref": "#/components/schemas/it"}}, "bad": {}},
            "schemas": {"it": {"title": "It", "properties": {"title": {"type": "string", "description": "Its title"}}}},
        },
    }
    made = json.loads(write_lines(make_extract(described, "MIT")))
    assert "/other" not in made["paths"]
    assert made["components"] == {
        "#/components/responses/good": {"content": {"$ref": "#/components/schemas/it"}},
        "#/components/schemas/it": {"properties": {"title": {"type": "string"}}},
    }
