"""What of GitHub's limits a plan uses, what breaks one."""

from __future__ import annotations

import pytest

from emit.making import NODE, PROJECT, graph_of, make_plan, make_rich_plan, make_step
from planloom.checks.rules.hidden_secret import VARIABLES
from planloom.core.names import artifact_name, is_attempt_id, is_work_item_id
from planloom.emit.budget import build_budget, describe_budget, render_budget
from planloom.emit.execute import WHO
from planloom.emit.limits import LIMITS, check_limits, measure
from planloom.emit.project import emit_plans
from planloom.model.plan import Param, RunsOn


def emitted(plan):
    return emit_plans([plan], {plan.id: graph_of(plan)}, PROJECT)


def broken(plan):
    return [diagnostic.rule for diagnostic in check_limits(emitted(plan))]


def test_an_ordinary_plan_breaks_no_limit_and_every_limit_is_measured():
    (one,) = emitted(make_rich_plan())
    assert check_limits([one]) == ()
    assert {use.limit for use in measure(one)} <= set(LIMITS)
    assert all(0 < use.percent <= 100 for use in measure(one))


def test_the_budget_shows_what_is_left_of_limits_that_rules_hold():
    (one,) = emitted(
        make_plan(
            make_step("a", run="x" * 99, env={"A": "b"}, timeout_minutes=350, secrets=("ONE", "TWO")),
            make_step("b", runs_on=RunsOn(("self-hosted",)), timeout_minutes=720, secrets=("TWO",)),
            make_step("person", run="", timeout_minutes=9_000),
            params=(Param("p", {"type": "string"}, NODE),),
        )
    )
    used = {use.limit.what: (use.used, use.where) for use in measure(one)}
    assert used["one command or variable"] == (100, "command of step a")
    assert used["variables of a step"] == (2, "step a")
    assert used["secrets of a plan"] == (2, "secrets")
    assert used["a job on GitHub's runners"] == (360, "step a")
    assert used["a job on your runners"] == (730, "step b")
    assert used["parameters on the form"] == (19, "params")


def test_a_workflow_file_with_too_many_jobs_is_refused():
    plan = make_plan(*(make_step(f"s{i}", secrets=(f"SECRET_{i}",)) for i in range(400)))
    assert set(broken(plan)) == {"big-workflow"}


@pytest.mark.parametrize(
    "native",
    [
        {"name": "${{ " + "a" * 21_000 + " }}", "run": "true"},
        {"run": "echo ${{ github.sha }}\n" + "# padding\n" * 2_200},
        {"uses": "a/b@" + "0" * 40, "with": {"deep": "x${{ " + "b" * 21_000 + " }}"}},
    ],
)
def test_expressions_above_21000_characters_are_refused(native):
    assert broken(make_plan(make_step("a", run="", native=(native,)))) == ["long-expression"]


def test_a_long_command_without_expressions_is_fine():
    assert broken(make_plan(make_step("a", run="", native=({"run": "# padding\n" * 5_000},)))) == []


def test_matrix_metadata_that_would_overflow_the_output_is_refused_at_the_biggest_step():
    plan = make_plan(*(make_step(f"s{i}", matrix={"note": "x" * 5_000}) for i in range(60)))
    assert broken(plan) == ["big-matrix"]


def test_a_real_wave_is_never_bigger_than_what_was_measured():
    import json

    from planloom.records.matrix import matrix_entry

    plan = make_plan(*(make_step("s" * 60 + str(i), matrix={"m": "é" * i, "n": i}, environment="e" * i) for i in range(20)))
    (one,) = emitted(plan)
    steps = one.waves[0].steps
    entries = [matrix_entry(step, work_item="w" * 63, attempt="a" * 127, source="0" * 64) for step in steps]
    handed_out = 2 * len(json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode("utf-16-le"))
    measured = next(use for use in measure(one) if use.limit.rule == "big-matrix")
    assert handed_out <= measured.used


def test_more_than_24_params_are_refused():
    params = tuple(Param(f"p{i}", {"type": "string"}, NODE) for i in range(25))
    assert broken(make_plan(make_step("a"), params=params)) == ["too-many-params"]
    assert broken(make_plan(make_step("a"), params=params[:24])) == []


def test_a_variable_that_linux_refuses_is_refused():
    assert broken(make_plan(make_step("a", env={"BIG": "x" * 131_072}))) == ["long-command"]
    assert broken(make_plan(make_step("a", env={"BIG": "x" * (131_071 - len("BIG=") - 1)}))) == []


def test_the_budget_names_pushes_calls_and_time():
    (isolated,), (direct,) = emitted(make_rich_plan()), emitted(make_rich_plan(execution="direct"))
    assert (build_budget(isolated).pushes, build_budget(isolated).calls) == (2, 2)
    assert (build_budget(direct).pushes, build_budget(direct).calls) == (4, 1)
    budget = build_budget(isolated)
    assert (budget.waves_minutes, budget.path_minutes) == (120, 120)
    text = render_budget(budget)
    assert "waves 4, the biggest with 2 jobs" in text
    assert describe_budget(budget)["limits"][0]["limit"] == "big-workflow"


def test_a_slow_step_makes_its_wave_dearer_than_the_longest_path():
    steps = (make_step("a", timeout_minutes=60), make_step("b"), make_step("c", needs=("b",), timeout_minutes=60))
    budget = build_budget(emitted(make_plan(*steps))[0])
    assert (budget.waves_minutes, budget.path_minutes) == (120, 90)


def test_the_rule_about_hidden_secrets_knows_the_variables_of_the_workflow():
    assert frozenset({*WHO, "JOB_STATUS"}) == VARIABLES


def test_the_longest_name_of_an_artifact_that_the_alphabets_allow_is_one_that_every_disk_takes():
    item, attempt = "w" * 63, "a" * 127
    assert is_work_item_id(item)
    assert is_attempt_id(attempt)
    assert not is_work_item_id(item + "w")
    assert not is_attempt_id(attempt + "a")
    names = [artifact_name(kind, item, attempt) for kind in ("outputs", "result", "handoff")]
    assert max(map(len, names)) == 199
    assert not set('":<>|*?\\/') & set("".join(names))
