"""The obvious way to build this, as a program: ruamel's round trip, jsonschema, networkx, ruamel's dump.

    python naive.py PLAN SCHEMA WORKFLOW

It checks and writes less than planloom: no rules, no compiled plan, no matrices, no digests. `compile_speed` compares with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(plan_path, schema_path, workflow_path):
    # Tools of development bring a checker of formats along that jsonschema imports for seconds: users have none of it.
    sys.modules["rfc3987_syntax"] = None
    import networkx as nx
    from jsonschema import Draft202012Validator
    from ruamel.yaml import YAML

    yaml = YAML()
    with Path(plan_path).open("rb") as file:
        plan = yaml.load(file)
    with Path(schema_path).open("rb") as file:
        problems = list(Draft202012Validator(json.load(file)).iter_errors(plan))
    if problems:
        sys.exit(problems[0].message)
    steps = {step["key"]: step for step in plan["steps"]}
    graph = nx.DiGraph()
    graph.add_nodes_from(steps)
    graph.add_edges_from((need, key) for key, step in steps.items() for need in step.get("needs", ()))
    jobs = {}
    for key in nx.lexicographical_topological_sort(graph):
        step = steps[key]
        jobs[key] = {
            "name": step["name"],
            "needs": list(step.get("needs", ())),
            "runs-on": "ubuntu-24.04",
            "timeout-minutes": step["timeout-minutes"],
            "steps": [{"run": step["run"], "env": dict(step["env"])}],
        }
    with Path(workflow_path).open("w") as file:
        yaml.dump({"name": plan["name"], "on": {"workflow_dispatch": None}, "jobs": jobs}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
