"""Drawings, the page of a plan, and the published schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from emit.making import PROJECT, graph_of, make_plan, make_rich_plan, make_step
from planloom.emit.compiled import compile_plan
from planloom.emit.drawing import draw_dot, draw_json, draw_mermaid
from planloom.emit.project import emit_project
from planloom.emit.published import read_schemas
from planloom.emit.schemas import build_schemas
from planloom.model.plan import Gate
from planloom.records.bodies import FIELDS
from planloom.records.record import Record
from planloom.records.references import PlanRef, Subject


def compiled(plan):
    return compile_plan(plan, graph_of(plan))


def test_mermaid_shows_needs_gates_and_people_and_survives_its_own_words_as_keys():
    plan = make_plan(
        make_step("end"), make_step("graph", needs=("end",), gate=Gate("approver", 1)), make_step("ask", run="", needs=("graph",))
    )
    assert draw_mermaid(*compiled(plan)) == (
        'flowchart LR\n  s1["end"]\n  s2{{"graph"}}\n  s3(["ask"])\n  s1 --> s2\n  s2 --> s3\n'
    )


def test_dot_and_json_tell_needs_from_barriers():
    plan = make_plan(make_step("a"), make_step("b"), make_step("c", needs=("a",)))
    graph = graph_of(plan)
    graph.after["c"] = ("b",)
    drawn = compile_plan(plan, graph)
    assert '"b" -> "c" [style=dotted];' in draw_dot(*drawn)
    edges = json.loads(draw_json(*drawn))["edges"]
    assert edges == [{"from": "a", "to": "c", "kind": "needs"}, {"from": "b", "to": "c", "kind": "barrier"}]


def page_of(plan):
    return emit_project([plan], {plan.id: graph_of(plan)}, PROJECT)["generated/demo/README.md"].decode()


def test_the_page_shows_steps_gates_and_parameters():
    page = page_of(make_rich_plan())
    assert "| `publish` | publish | 4 | `sign` |  | 2 |" in page
    assert "* `publish`: 1 approval by approver" in page
    assert "| `tag` | string |" in page
    assert "```mermaid" in page


def test_text_of_the_plan_stays_text_on_its_page():
    page = page_of(
        make_plan(make_step("a", name="<img src=x onerror=alert(1)> | [x](http://evil) `code`\nnext"), name="# *bold*")
    )
    assert "<img" not in page
    assert "\\[x\\]\\(http" in page
    assert "# \\# \\*bold\\*" in page
    assert len([line for line in page.splitlines() if line.startswith("| `a`")]) == 1


def test_a_plan_too_big_to_draw_says_how_to_draw_it():
    assert "planloom graph demo --format dot" in page_of(make_plan(*(make_step(f"s{i}") for i in range(151))))


def schema(name):
    value = json.loads(build_schemas()[f"{name}.schema.json"])
    Draft202012Validator.check_schema(value)
    return Draft202012Validator(value)


@pytest.mark.parametrize("name", ["plan", "project", "matrix", "schedule", "record"])
def test_every_published_schema_is_a_schema(name):
    assert schema(name)


def test_compiled_matrices_match_their_schema():
    plan = make_rich_plan()
    files = emit_project([plan], {plan.id: graph_of(plan)}, PROJECT)
    value = json.loads(files["generated/demo/matrix.json"])
    schema("matrix").validate(value)
    value["waves"][0]["matrices"]["work"][0]["timeoutMinutes"] = 0
    assert list(schema("matrix").iter_errors(value))


def test_a_record_matches_its_schema_and_a_wrong_one_does_not():
    from planloom.records.bodies import Closed
    from planloom.records.record import genesis
    from planloom.records.references import Builder

    record = Record(
        event="closed",
        chain="demo-1/_item",
        index=1,
        previous=genesis("demo-1/_item"),
        nonce="0" * 32,
        work_item="demo-1",
        plan=PlanRef("demo", "1.0.0", "0" * 64),
        step=None,
        attempt=None,
        actor="ci",
        builder=Builder(),
        at="2026-11-22T20:00:00.000Z",
        subjects=(Subject("demo/_item", "1" * 64),),
        body=Closed("completed", ""),
    )
    statement = json.loads(record.to_payload())
    schema("record").validate(statement)
    statement["predicate"]["body"].pop("result")
    assert list(schema("record").iter_errors(statement))

    statement["predicate"]["body"]["result"] = "completed"
    schema("record").validate(statement)
    statement["predicate"]["chain"]["index"] = 0
    assert list(schema("record").iter_errors(statement))


def test_the_record_schema_has_every_event_and_what_all_have():
    value = json.loads(build_schemas()["record.schema.json"])
    assert list(value["$defs"]) == ["frame", *FIELDS]


def test_the_schemas_that_ship_are_those_that_the_code_makes():
    assert read_schemas() == build_schemas()  # else: make docs


def test_this_repositorys_schemas_are_the_published_ones():
    folder = Path(__file__).parents[2] / "generated/schema"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == read_schemas()
