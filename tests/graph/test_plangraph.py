"""Order, barriers, levels and cycles, with networkx as the oracle."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from planloom.graph.plangraph import Cycles, PlanGraph, build_graph
from planloom.graph.reach import Reach
from planloom.model.builder import build_plan
from planloom.syntax.reader import read

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n"


def graph_of(steps):
    text = HEAD + "".join(
        f"  - {{key: {key}, needs: [{', '.join(needs)}], parallelizable: {str(parallel).lower()}, order: {order}}}\n"
        for key, needs, parallel, order in steps
    )
    node, found = read("x", text.encode())
    assert found == ()
    plan, found = build_plan("x", text.encode(), node)
    assert found == ()
    return build_graph(plan)


KEYS = [f"k{n}" for n in range(9)]
STEPS = st.lists(
    st.tuples(st.sets(st.integers(0, 8), max_size=3), st.booleans(), st.integers(0, 3)), min_size=1, max_size=9
).flatmap(lambda rows: st.permutations(range(len(rows))).map(lambda order: (rows, order)))


def acyclic(case):
    """Make steps that need only steps which come before them in a hidden order."""
    rows, hidden = case
    place = {step: index for index, step in enumerate(hidden)}
    return [
        (KEYS[n], sorted(KEYS[m] for m in needs if m < len(rows) and place[m] < place[n]), parallel, order)
        for n, (needs, parallel, order) in enumerate(rows)
    ]


def cyclic(case):
    rows, _ = case
    return [
        (KEYS[n], sorted(KEYS[m] for m in needs if m < len(rows)), parallel, order)
        for n, (needs, parallel, order) in enumerate(rows)
    ]


@given(STEPS)
def test_the_linear_extension_is_networkx_lexicographical_sort(case):
    steps = acyclic(case)
    graph = graph_of(steps)
    oracle = nx.DiGraph()
    oracle.add_nodes_from(key for key, *_ in steps)
    oracle.add_edges_from((need, key) for key, needs, *_ in steps for need in needs)
    order = {key: order for key, _, _, order in steps}
    assert list(graph.order) == list(nx.lexicographical_topological_sort(oracle, key=lambda key: (order[key], key)))


@given(STEPS)
def test_a_step_that_runs_alone_waits_for_everything_before_it_and_is_waited_for(case):
    steps = acyclic(case)
    graph = graph_of(steps)
    alone = {key for key, _, parallel, _ in steps if not parallel}
    whole = graph.to_networkx()
    for key in graph.order:
        before = set(graph.order[: graph.position[key] - 1])
        ancestors = nx.ancestors(whole, key)
        if key in alone:
            assert ancestors == before
        assert {other for other in alone if graph.position[other] < graph.position[key]} <= ancestors


@given(STEPS)
def test_only_needs_and_barriers_make_steps_wait(case):
    steps = acyclic(case)
    graph = graph_of(steps)
    alone = {key for key, _, parallel, _ in steps if not parallel}
    for key in graph.order:
        assert not set(graph.after[key]) & set(graph.needs[key])
        assert list(graph.after[key]) == sorted(graph.after[key], key=graph.position.__getitem__)
        if key not in alone:
            assert set(graph.after[key]) <= alone


@given(STEPS)
def test_needs_and_barriers_stay_linear_in_the_plan(case):
    steps = acyclic(case)
    graph = graph_of(steps)
    edges = sum(map(len, graph.after.values()))
    assert edges <= 2 * len(steps)


@given(STEPS)
def test_levels_waves_and_the_critical_path_are_those_of_networkx(case):
    graph = graph_of(acyclic(case))
    whole = graph.to_networkx()
    generations = [set(generation) for generation in nx.topological_generations(whole)]
    assert [set(wave) for wave in graph.waves] == generations
    assert len(graph.critical_path) == nx.dag_longest_path_length(whole) + 1
    assert all(after in whole[before] for before, after in zip(graph.critical_path, graph.critical_path[1:], strict=False))


@given(STEPS)
def test_cycles_are_found_where_networkx_finds_knots(case):
    steps = cyclic(case)
    graph = graph_of(steps)
    oracle = nx.DiGraph()
    oracle.add_nodes_from(key for key, *_ in steps)
    oracle.add_edges_from((key, need) for key, needs, *_ in steps for need in needs)
    knots = [
        knot for knot in nx.strongly_connected_components(oracle) if len(knot) > 1 or any(oracle.has_edge(k, k) for k in knot)
    ]
    if not knots:
        assert isinstance(graph, PlanGraph)
        return
    assert isinstance(graph, Cycles)
    place = {key: index for index, (key, *_) in enumerate(steps)}
    firsts = sorted((min(knot, key=place.__getitem__) for knot in knots), key=place.__getitem__)
    assert [path[0] for path in graph.paths] == firsts
    for path in graph.paths:
        assert len(set(path)) == len(path)
        assert all(oracle.has_edge(one, other) for one, other in zip(path, (*path[1:], path[0]), strict=True))


@given(STEPS)
def test_waiting_is_reachability(case):
    graph = graph_of(acyclic(case))
    whole = graph.to_networkx()
    for second in graph.order:
        ancestors = nx.ancestors(whole, second)
        for first in graph.order:
            if first != second:
                assert Reach(graph).is_before(first, second) is (first in ancestors)


@given(STEPS)
def test_implied_needs_are_those_that_the_transitive_reduction_drops(case):
    graph = graph_of(acyclic(case))
    oracle = nx.DiGraph()
    oracle.add_nodes_from(graph.order)
    oracle.add_edges_from((need, key) for key, needs in graph.needs.items() for need in needs)
    reduced = nx.transitive_reduction(oracle)
    for key, needs in graph.needs.items():
        if needs:
            dropped = {need for need in needs if not reduced.has_edge(need, key)}
            assert set(Reach(graph).find_implied(key)) == dropped


def test_in_order_unless_parallelizable():
    steps = [("c", [], False, 3), ("a", [], True, 1), ("b", [], True, 1), ("d", ["a"], True, 4)]
    graph = graph_of(steps)
    assert graph.order == ("a", "b", "c", "d")
    assert graph.after == {"a": (), "b": (), "c": ("a", "b"), "d": ("c",)}
    assert graph.waves == (("a", "b"), ("c",), ("d",))


def test_a_long_chain_needs_no_deep_stack():
    count = 3_000
    chain = [(f"s{n}", [f"s{n - 1}"] if n else [f"s{count - 1}"], True, 0) for n in range(count)]
    graph = graph_of(chain)
    assert isinstance(graph, Cycles)
    assert len(graph.paths[0]) == count
