"""From a plan to the compiled plan, its waves and profiles."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from emit.making import NATIVE, Graph, graph_of, make_plan, make_rich_plan, make_step
from planloom.emit.compiled import compile_plan, define_step
from planloom.emit.profiles import build_profiles
from planloom.emit.waves import build_waves, encode_waves
from planloom.model.plan import Resource, RunsOn
from planloom.records.compiled import CompiledPlan, decode_steps, encode_steps, find_step, step_digest
from planloom.records.merkle import leaf_hash, node_hash, tree_hash


def test_what_a_runner_reads_is_what_was_compiled():
    plan = make_rich_plan()
    header, steps = compile_plan(plan, graph_of(plan))
    assert CompiledPlan.from_bytes(header.to_bytes()) == header
    content = encode_steps(steps)
    assert decode_steps(content) == {step.key: step for step in steps}
    assert all(find_step(content, step.key) == step for step in steps)


def test_the_fast_paths_write_what_the_encoder_would():
    from planloom.core import canonical
    from planloom.emit.waves import _encode_entry
    from planloom.records.matrix import plan_entry

    plan = make_rich_plan()
    graph = graph_of(plan)
    graph.after["publish"] = ("lint", "test-a")
    _, steps = compile_plan(plan, graph)
    for step in steps:
        value = {
            name: getattr(step, name)
            for name in ("key", "digest", "order", "position", "parallelizable", "profile", "definition")
        }
        assert step.to_line() == canonical.encode(value | {"after": list(step.after)}) + b"\n"
        assert _encode_entry(step) == canonical.encode(plan_entry(step)).decode()


def test_a_steps_digest_covers_what_it_is_and_not_where_it_stands():
    before = make_step("a", 1)
    assert step_digest(define_step(before)) == step_digest(define_step(before._replace(order=7, parallelizable=False)))
    for changes in (
        {"run": "echo b\n"},
        {"env": {"A": "1"}},
        {"outputs": ("x",)},
        {"secrets": ("S",)},
        {"permissions": {"id-token": "write"}},
        {"timeout_minutes": 31},
        {"baseline": True},
        {"runs_on": RunsOn(("x",))},
        {"needs": ("z",)},
    ):
        assert step_digest(define_step(before._replace(**changes))) != step_digest(define_step(before))


def test_the_root_covers_the_digest_of_every_step():
    plan = make_rich_plan()
    header, steps = compile_plan(plan, graph_of(plan))
    assert header.steps_root == tree_hash([bytes.fromhex(step.digest) for step in sorted(steps, key=lambda s: s.key)]).hex()


def test_merkle_tree_splits_at_the_largest_power_of_two():
    leaves = [leaf_hash(bytes([i])) for i in range(5)]
    left = node_hash(node_hash(leaves[0], leaves[1]), node_hash(leaves[2], leaves[3]))
    assert tree_hash(bytes([i]) for i in range(5)) == node_hash(left, leaves[4])


def test_the_compiler_version_is_outside_the_digest():
    plan = make_rich_plan()
    header, _ = compile_plan(plan, graph_of(plan))
    assert header._replace(compiler="9.9.9").digest == header.digest


def test_barrier_edges_that_needs_already_say_are_dropped_and_the_rest_sorted_by_position():
    plan = make_plan(make_step("a"), make_step("b"), make_step("c", needs=("a",)))
    graph = Graph(("b", "a", "c"), {"c": ("a", "b")})
    _, steps = compile_plan(plan, graph)
    assert {step.key: step.after for step in steps}["c"] == ("b",)


def test_commands_share_a_job_until_rights_secrets_or_environments_differ():
    plan = make_plan(
        make_step("a"),
        make_step("b", env={"X": "1"}, working_directory="sub"),
        make_step("c", secrets=("S", "T")),
        make_step("d", secrets=("T", "S")),
        make_step("e", environment="production"),
        make_step("f", permissions={"id-token": "write"}),
        make_step("g", run="", native=NATIVE),
        make_step("h", run="", native=NATIVE),
        make_step("i", run=""),
    )
    found = {profile.name: profile.steps for profile in build_profiles(plan.steps)}
    assert found == {"work": ("a", "b"), "work-c": ("c", "d"), "work-e": ("e",), "work-f": ("f",), "work-g": ("g", "h")}


def test_waves_follow_needs_and_keep_people_apart():
    plan = make_rich_plan()
    waves = build_waves(*compile_plan(plan, graph_of(plan)))
    assert [[s.key for s in w.steps] for w in waves] == [["lint"], ["test-a", "test-b"], ["sign"], ["publish", "grouped"]]
    assert [[s.key for s in w.manual] for w in waves] == [[], [], ["review"], []]


def test_more_than_256_ready_steps_become_several_waves():
    plan = make_plan(*(make_step(f"s{i}") for i in range(600)))
    waves = build_waves(*compile_plan(plan, graph_of(plan)))
    assert [len(wave.steps) for wave in waves] == [256, 256, 88]


def test_a_shared_resource_spreads_steps_over_waves():
    plan = make_plan(
        *(make_step(f"s{i}", resources={"staging": 1} if i % 2 == 0 else {}) for i in range(6)),
        resources=(Resource("staging", 2, None),),
    )
    waves = build_waves(*compile_plan(plan, graph_of(plan)))
    assert [[s.key for s in w.steps] for w in waves] == [["s0", "s1", "s2", "s3", "s5"], ["s4"]]


@st.composite
def plans(draw):
    count = draw(st.integers(1, 24))
    steps = []
    for index in range(count):
        needs = draw(st.sets(st.sampled_from([f"s{i}" for i in range(index)]), max_size=3)) if index else set()
        steps.append(
            make_step(
                f"s{index}",
                index,
                needs=tuple(sorted(needs)),
                run=draw(st.sampled_from(["true\n", ""])),
                resources=draw(st.sampled_from([{}, {"a": 1}, {"a": 2, "b": 1}, {"b": 3}])),
            )
        )
    return make_plan(*steps, resources=(Resource("a", 2, None), Resource("b", 3, None)))


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(1, 4))
def test_every_step_is_in_one_wave_after_its_needs_within_the_resources(plan, limit):
    header, steps = compile_plan(plan, graph_of(plan))
    waves = build_waves(header, steps, limit=limit)
    wave_of = {step.key: number for number, wave in enumerate(waves) for step in (*wave.steps, *wave.manual)}
    assert sum(len(wave.steps) + len(wave.manual) for wave in waves) == len(plan.steps) == len(wave_of)
    assert all(wave_of[need] < wave_of[step.key] for step in plan.steps for need in step.needs)
    for wave in waves:
        assert len(wave.steps) <= limit
        for name, capacity in {"a": 2, "b": 3}.items():
            assert sum(step.resources.get(name, 0) for step in wave.steps) <= capacity
        assert [s.position for s in wave.steps] == sorted(s.position for s in wave.steps)


def test_the_matrix_file_is_json_with_one_line_an_entry():
    plan = make_rich_plan()
    header, steps = compile_plan(plan, graph_of(plan))
    content = encode_waves(header, build_waves(header, steps))
    value = json.loads(content)
    assert value["plan"] == {"name": "demo", "version": "1.0.0", "digest": header.digest}
    assert value["waves"][1]["matrices"]["work"][1] == {
        "stepKey": "test-b",
        "order": 3,
        "parallelizable": True,
        "runsOn": ["self-hosted", "linux"],
        "environment": "",
        "timeoutMinutes": 30,
        "jobTimeoutMinutes": 40,
        "queue": "heavy",
    }
    assert content.count(b'\n{"environment"') == 6
