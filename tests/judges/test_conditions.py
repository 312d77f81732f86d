"""Every `if:` of every generated workflow, evaluated for every combination of what came before."""

from __future__ import annotations

import itertools

import pytest

from golden.compiling import CASES as GOLDEN
from golden.compiling import case_names, compile_folder
from judges.expressions import STATUS_FUNCTIONS, evaluate, job_runs, names_status_function, play
from judges.reading import compiled_cases, read_workflow, role_of

CASES = [pytest.param(execution, workflows, id=name) for name, execution, workflows in compiled_cases()]
VALIDATE = ".github/workflows/planloom-validate.yml"
RESULTS = ("success", "failure", "cancelled", "skipped")


def workflow(workflows, role):
    return next((w for path, w in workflows.items() if role_of(path) == role), None)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_execute_runs_exactly_when_something_was_handed_out(execution, workflows):
    jobs = workflow(workflows, "orchestrator")["jobs"]
    if "execute" not in jobs:
        return  # a plan of manual steps alone hands nothing out
    for result, ready, cancelled in itertools.product(RESULTS, ("true", "false", ""), (False, True)):
        runs = job_runs(jobs["execute"], {"delegate": result}, {"delegate": {"ready": ready}}, cancelled=cancelled, inputs={})
        assert runs == (result == "success" and ready == "true" and not cancelled)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_what_comes_after_execute_runs_whatever_execute_came_to(execution, workflows):
    jobs = workflow(workflows, "orchestrator")["jobs"]
    last = jobs.get("complete") or jobs.get("next")
    if last is None:
        return  # nothing is dispatched: loop manual, collect never
    for delegate, execute, cancelled in itertools.product(RESULTS, RESULTS, (False, True)):
        results = {"delegate": delegate, "execute": execute}
        runs = job_runs(last, results, {}, cancelled=cancelled, inputs={})
        assert runs == (delegate == "success" and not cancelled)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_a_matrix_job_is_skipped_without_an_entry(execution, workflows):
    execute = workflow(workflows, "execute")
    for name, job in (execute or {"jobs": {}})["jobs"].items():
        for matrices, expected in (
            ("{}", False),
            (f'{{"{name}":[]}}', False),
            (f'{{"{name}":[{{"a":1}}]}}', True),
            ('{"x":[1]}', False),
        ):
            assert job_runs(job, {}, {}, cancelled=False, inputs={"matrices": matrices}) == expected
            entries = evaluate(job["strategy"]["matrix"]["include"], {"inputs": {"matrices": matrices}}, {})
            assert bool(entries) == expected


def every_way(steps, ready="true"):
    """Yield each way the steps can go: every outcome of every step that runs."""
    contexts = {
        "needs": {"delegate": {"outputs": {"ready": ready}}},
        "github": {"ref": "refs/heads/main"},
        "runner": {"temp": "/t"},
    }
    pending = [()]
    seen = set()
    while pending:
        choices = pending.pop()
        asked = []

        def choose(index, choices=choices, asked=asked):
            asked.append(index)
            return choices[len(asked) - 1] if len(asked) <= len(choices) else "success"

        played = play(steps, contexts, choose)
        key = tuple(choices[: len(asked)])
        if key in seen:
            continue
        seen.add(key)
        yield played, dict(zip(asked, [*choices, *["success"] * len(asked)], strict=False))
        for place in range(len(choices), len(asked)):
            prefix = (*choices, *["success"] * (place - len(choices)))
            pending.extend([(*prefix, "failure"), (*prefix, "cancelled")])


def find(steps, name):
    return next(index for index, step in enumerate(steps) if step.get("name") == name)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_whatever_the_steps_of_a_job_come_to_its_result_is_kept(execution, workflows):
    execute = workflow(workflows, "execute")
    for job in (execute or {"jobs": {}})["jobs"].values():
        steps = job["steps"]
        ways = 0
        for played, outcomes in every_way(steps):
            ways += 1
            kept = find(steps, "Upload the result" if execution == "isolated" else "Complete")
            if execution == "isolated":
                assert kept in played.ran
            else:
                assert (kept in played.ran) == (outcomes.get(find(steps, "Claim")) == "success")
        assert ways > len(steps)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_nothing_of_the_users_runs_before_the_attempt_may_begin(execution, workflows):
    execute = workflow(workflows, "execute")
    for job in (execute or {"jobs": {}})["jobs"].values():
        steps = job["steps"]
        if not any(step.get("id") == "planloom-begin" for step in steps):
            continue
        begin, end = find(steps, "Begin"), find(steps, "End")
        for played, outcomes in every_way(steps):
            native_ran = [index for index in played.ran if begin < index < end]
            began = outcomes.get(begin) == "success"
            assert began or not native_ran
            assert (end in played.ran) == began


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_outputs_are_handed_on_only_after_success(execution, workflows):
    execute = workflow(workflows, "execute")
    for job in (execute or {"jobs": {}})["jobs"].values():
        steps = job["steps"]
        upload = find(steps, "Upload the outputs")
        for played, outcomes in every_way(steps):
            before = [outcome for index, outcome in outcomes.items() if index < upload]
            assert (upload in played.ran) == all(outcome == "success" for outcome in before)


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_a_handoff_is_uploaded_whenever_its_attempt_was_claimed(execution, workflows):
    execute = workflow(workflows, "execute")
    for job in (execute or {"jobs": {}})["jobs"].values() if execution == "direct" else ():
        steps = job["steps"]
        upload = find(steps, "Upload the handoff")
        for played, outcomes in every_way(steps):
            assert (upload in played.ran) == (outcomes.get(find(steps, "Claim")) == "success")


@pytest.mark.parametrize("ready", ["true", "false", ""])
@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_results_are_downloaded_when_something_was_handed_out_and_the_wave_is_completed_anyway(execution, workflows, ready):
    job = workflow(workflows, "orchestrator")["jobs"].get("complete")
    if job is None:
        return  # each job of a direct plan completes its own
    steps = job["steps"]
    download, complete = find(steps, "Download the results"), find(steps, "Complete the wave")
    following = {index for index, step in enumerate(steps) if index > complete and step.get("name") == "Go on"}
    for played, outcomes in every_way(steps, ready):
        well = {index for index, outcome in outcomes.items() if outcome == "success"}
        assert (download in played.ran) == (ready == "true" and set(range(download)) <= well)
        before = set(range(complete)) - ({download} if ready != "true" else set())
        assert (complete in played.ran) == (before <= well)
        # What was not signed is not gone on from.
        assert complete in well or not following & set(played.ran)


@pytest.mark.parametrize("case", case_names())
def test_what_a_pull_request_changes_is_said_even_when_its_files_are_stale(case):
    steps = read_workflow(compile_folder(GOLDEN / case)[VALIDATE])["jobs"]["validate"]["steps"]
    said = find(steps, "Say what changes")
    for played, outcomes in every_way(steps):
        assert (said in played.ran) == ("cancelled" not in [outcomes[i] for i in outcomes if i < said])


LOOKED_AT = {
    ("orchestrator", "execute", ""),
    ("orchestrator", "complete", ""),
    ("orchestrator", "next", ""),
    ("orchestrator", "complete", "Download the results"),
    ("execute", "*", ""),
    ("execute", "*", "Upload the result"),
    ("execute", "*", "Complete"),
    ("execute", "*", "Upload the handoff"),
    ("execute", "*", "End"),
    ("execute", "*", "native"),
    ("validate", "validate", "Say what changes"),
}
"""Every condition that is emitted: (workflow, job, step); each has a test above that evaluates it for every combination."""


def conditions(role, content):
    """Yield (workflow, job, step) for each condition; the user's own steps, with one of ours in front, are all `native`."""
    for name, job in content["jobs"].items():
        shown = "*" if role == "execute" else name
        if "if" in job:
            yield role, shown, ""
        for step in job.get("steps", ()):
            if "if" in step:
                own = step["if"].startswith("steps.planloom-begin.outcome == 'success' && (")
                yield role, shown, "native" if own else step["name"]


def test_no_condition_is_emitted_that_is_not_evaluated_here():
    found = set()
    for case in case_names():
        for path, content in compile_folder(GOLDEN / case).items():
            if path.startswith(".github/workflows/"):
                found |= set(conditions(role_of(path), read_workflow(content)))
    assert found == LOOKED_AT


@pytest.mark.parametrize(("execution", "workflows"), CASES)
def test_no_job_waits_for_success_by_accident(execution, workflows):
    for content in workflows.values():
        for name, job in content["jobs"].items():
            condition = job.get("if")
            if job.get("needs") and not names_status_function(condition):
                # success() is meant here: execute only follows a delegate that handed something out.
                assert name == "execute"


def test_the_evaluator_knows_githubs_rules():
    functions = {name: (lambda: True) for name in STATUS_FUNCTIONS}
    contexts = {"a": {"b": "X", "l": [1]}, "n": {}}
    for text, expected in {
        "a.b == 'x'": True,
        "a['b'] != 'x'": False,
        "n.gone[0]": None,
        "!n.gone && 'yes' || 'no'": "yes",
        "a.l[0] == 1 && (false || true)": True,
        "fromJSON('{\"k\":[{}]}')['k'][0]": {},
        "'it''s'": "it's",
        "always()": True,
    }.items():
        assert evaluate(text, contexts, functions) == expected
    with pytest.raises(ValueError, match="unknown context"):
        evaluate("secret.x", contexts, functions)
