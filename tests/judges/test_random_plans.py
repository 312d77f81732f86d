"""Random plans: whatever a plan says, its workflows read back as they were meant and match GitHub's schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import check_jsonschema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from emit.making import NODE, PROJECT, graph_of, make_plan, make_step
from judges.expressions import evaluate
from judges.reading import read_workflow
from planloom.emit.project import emit_project
from planloom.emit.tree import HEADER
from planloom.model.plan import Gate, Param, RunsOn
from planloom.records.compiled import CompiledPlan, decode_steps


@cache
def githubs_schema():
    file = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/github-workflows.json"
    return Draft7Validator(json.loads(file.read_text()))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
SECRETS = st.lists(st.sampled_from(["A_TOKEN", "B_TOKEN", "C_TOKEN"]), unique=True, max_size=2).map(tuple)
RIGHTS = st.dictionaries(st.sampled_from(["contents", "id-token", "packages"]), st.just("write"), max_size=2)
RUNNERS = st.one_of(
    st.just(RunsOn(("ubuntu-24.04",))),
    st.lists(st.sampled_from(["self-hosted", "linux", "gpu"]), min_size=1, unique=True).map(
        lambda ls: RunsOn(tuple(ls), is_text=False)
    ),
    st.just(RunsOn(("linux",), "big", is_text=False)),
)
NATIVE = st.lists(
    st.fixed_dictionaries(
        {"run": TEXT.map(lambda t: t + "\n")},
        optional={"name": TEXT, "if": st.just("always()"), "env": st.dictionaries(st.just("A"), TEXT)},
    ),
    max_size=3,
).map(tuple)


@st.composite
def plans(draw):
    steps = []
    for index in range(draw(st.integers(1, 6))):
        native = draw(st.one_of(st.just(()), NATIVE))
        steps.append(
            make_step(
                f"s{index}",
                index + 1,
                name=draw(TEXT),
                run="" if native else draw(st.one_of(st.just(""), TEXT)),
                native=native,
                needs=tuple(draw(st.lists(st.sampled_from([f"s{i}" for i in range(index)]), unique=True, max_size=2)))
                if index
                else (),
                secrets=draw(SECRETS),
                permissions=draw(RIGHTS),
                runs_on=draw(RUNNERS),
                env=draw(st.dictionaries(st.sampled_from(["X", "Y"]), TEXT, max_size=2)),
                environment=draw(st.sampled_from(["", "production", "two words"])),
                matrix=draw(st.dictionaries(st.sampled_from(["queue", "n"]), st.one_of(TEXT, st.integers(0, 9), st.booleans()))),
                gate=draw(st.sampled_from([None, Gate("approver", 2)])),
                role=draw(TEXT),
            )
        )
    return make_plan(
        *steps,
        name=draw(TEXT),
        description=draw(TEXT),
        params=tuple(Param(f"p{i}", {"type": "string", "description": draw(TEXT)}, NODE) for i in range(draw(st.integers(0, 2)))),
        execution=draw(st.sampled_from(["isolated", "direct"])),
        loop=draw(st.sampled_from(["auto", "manual"])),
        collect=draw(st.sampled_from(["end", "never"])),
    )


# No shrinking: plans are big, and the first failing one is telling enough.
@settings(
    max_examples=15,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(plans())
def test_any_plan_becomes_workflows_that_github_would_take(plan):
    files = emit_project([plan], {plan.id: graph_of(plan)}, PROJECT)
    for path, content in files.items():
        if path.startswith(".github/"):
            assert content.startswith(HEADER)
            workflow = read_workflow(content)
            assert [error.message for error in githubs_schema().iter_errors(workflow)] == []
    steps = decode_steps(files["generated/demo/steps.jsonl"])
    header = CompiledPlan.from_bytes(files["generated/demo/plan.json"])
    assert sorted(header.order) == sorted(steps)
    profiles = {step.profile for step in steps.values() if step.profile}
    execute = read_workflow(files[".github/workflows/demo-execute.yml"])["jobs"] if profiles else {}
    assert set(execute) == profiles == set(header.settings["profiles"])
    for name, job in execute.items():
        matrices = json.dumps({name: [{"stepKey": "x"}]})
        assert evaluate(job["if"], {"inputs": {"matrices": matrices}}, {}) == {"stepKey": "x"}
        native = next(step for step in plan.steps if steps[step.key].profile == name).native
        written = [step["run"] for step in job["steps"] if "run" in step and "planloom" not in step["run"]]
        assert [tree["run"] for tree in native if "planloom" not in tree["run"]] == written
