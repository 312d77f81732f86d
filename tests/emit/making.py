"""Plans built by hand, so that emission is tested without the front of the compiler."""

from __future__ import annotations

from dataclasses import dataclass

from planloom.model.plan import Gate, Param, Plan, Project, Resource, RunsOn, Step, WorkflowSettings
from planloom.syntax.nodes import MapNode

NODE = MapNode.empty("specs/demo.yaml")
PROJECT = Project(install="path")


@dataclass(frozen=True)
class Graph:
    """A graph with a given order."""

    order: tuple[str, ...]
    after: dict[str, tuple[str, ...]]


def make_step(key: str, order: int = 1, **changes) -> Step:
    values = {
        "key": key,
        "name": key,
        "group": "",
        "each": {},
        "order": order,
        "needs": (),
        "parallelizable": True,
        "run": f"echo {key}\n",
        "native": (),
        "shell": "bash",
        "outputs": (),
        "env": {},
        "secrets": (),
        "runs_on": RunsOn(("ubuntu-24.04",)),
        "matrix": {},
        "environment": "",
        "container": "",
        "permissions": {},
        "timeout_minutes": 30,
        "attempts": 2,
        "resources": {},
        "gate": None,
        "baseline": False,
        "working_directory": "",
        "entry_criteria": (),
        "exit_criteria": (),
        "role": "",
        "tasks": (),
        "node": NODE,
    }
    return Step(**(values | changes))


def make_plan(*steps: Step, **changes) -> Plan:
    workflow = {
        "prefix": "demo-",
        "execution": "isolated",
        "loop": "auto",
        "collect": "end",
        "schedule": (),
        "privileges_acknowledged": "",
    }
    workflow |= {name: changes.pop(name) for name in list(changes) if name in workflow}
    values = {
        "id": "demo",
        "name": "A demo",
        "version": "1.0.0",
        "description": "",
        "path": "specs/demo.yaml",
        "source_digest": "0" * 64,
        "params": (),
        "resources": (),
        "workflow": WorkflowSettings(**workflow),
        "steps": steps,
        "groups": {},
        "node": NODE,
    }
    return Plan(**(values | changes))


def graph_of(plan: Plan) -> Graph:
    """The order of the file; every test plan is written in a possible order."""
    return Graph(tuple(step.key for step in plan.steps), {})


NATIVE = (
    {"name": "Cache", "uses": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae", "with": {"path": "~/.cache", "key": "x"}},
    {"name": "Publish", "run": "make publish\n", "env": {"TOKEN": "${{ secrets.INDEX_TOKEN }}"}},
    {"name": "Tidy", "if": "always()", "run": "make tidy\n"},
)


def make_rich_plan(**changes) -> Plan:
    """One step of each kind."""
    steps = (
        make_step("lint", 1, baseline=True),
        make_step("test-a", 2, needs=("lint",), each={"python": "3.12"}, group="test", resources={"staging": 1}),
        make_step(
            "test-b", 3, needs=("lint",), runs_on=RunsOn(("self-hosted", "linux"), is_text=False), matrix={"queue": "heavy"}
        ),
        make_step("review", 4, run="", needs=("test-a",), role="reviewer"),
        make_step(
            "sign",
            5,
            permissions={"id-token": "write"},
            secrets=("INDEX_TOKEN",),
            needs=("test-a", "test-b"),
            outputs=("dist/*",),
        ),
        make_step(
            "publish",
            6,
            run="",
            native=NATIVE,
            secrets=("INDEX_TOKEN",),
            environment="production",
            needs=("sign",),
            gate=Gate("approver", 1),
        ),
        make_step("grouped", 7, runs_on=RunsOn(("linux",), "big", is_text=False), working_directory="app", needs=("sign",)),
    )
    values = {
        "params": (Param("tag", {"type": "string", "pattern": "^v[0-9]+$"}, NODE),),
        "resources": (Resource("staging", 1, NODE),),
        "schedule": ("*/30 * * * *",),
    }
    return make_plan(*steps, **(values | changes))
