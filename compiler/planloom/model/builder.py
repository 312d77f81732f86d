"""Nodes of the right shape → Plan: defaults applied, `foreach` expanded, groups in needs resolved.

Shape is checked before (`syntax.shape`); steps that failed there are named in `refused` and left out, so that the others can still
be checked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from planloom.core.diagnostics import Label
from planloom.core.names import each_variable
from planloom.model.expansion import Variant, expand, fill, text_of
from planloom.model.params import build_params
from planloom.model.plan import Gate, Plan, Project, Resource, RunsOn, Step, WorkflowSettings
from planloom.syntax.findings import error
from planloom.syntax.nodes import ListNode, MapNode, Node, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from planloom.core.diagnostics import Diagnostic

MAX_MADE: Final = 50_000
"""Steps that all foreach of a plan make together."""

MAX_EDGES: Final = 2_000_000
"""Needs of a plan once groups are written out."""


def build_plan(
    path: str,
    content: bytes,
    node: Node,
    refused: AbstractSet[int] = frozenset(),
) -> tuple[Plan | None, tuple[Diagnostic, ...]]:
    """Return the plan of a document that has the shape of one, and what is wrong with its values.

    Shape: `refused` are indexes of steps to leave out. The plan is None when the document is no mapping with steps.
    """
    if not isinstance(node, MapNode):
        return None, ()
    found: list[Diagnostic] = []
    steps, groups = _build_steps(node, refused, found)
    plan_id = str(node.get("id", ""))
    plan = Plan(
        id=plan_id,
        name=str(node.get("name", plan_id)),
        version=str(node.get("version", "")),
        description=str(node.get("description", "")),
        path=path,
        source_digest=hashlib.sha256(content).hexdigest(),
        params=build_params(node.map_at("params"), found),
        resources=tuple(
            Resource(name, int(cast("int", entry.get("capacity", 1))), entry)
            for name, entry in node.map_at("resources").items()
            if isinstance(entry, MapNode)
        ),
        workflow=_build_workflow(plan_id, node.map_at("workflow")),
        steps=steps,
        groups=groups,
        node=node,
    )
    return plan, tuple(found)


def build_project(path: str, content: bytes, node: Node) -> tuple[Project, tuple[Diagnostic, ...]]:
    """Return the project settings of a document that has their shape; `path` and `content` are not needed yet."""
    del path, content
    if not isinstance(node, MapNode):
        return Project(), ()
    default = Project()
    pins = {
        name: (str(entry.get("version", "")), str(entry.get("commit", "")))
        for name, entry in node.map_at("pins").items()
        if isinstance(entry, MapNode)
    }
    project = Project(
        python=str(node.get("python", default.python)),
        ledger=str(node.get("ledger", default.ledger)),
        ledger_branch=str(node.get("ledger-branch", default.ledger_branch)),
        environment=str(node.get("environment", default.environment)),
        signing_key_secret=str(node.get("signing-key-secret", default.signing_key_secret)),
        install=str(node.get("install", default.install)),
        pins=pins or None,
    )
    return project, ()


class Written(NamedTuple):
    """The names that a plan declares as it is written, also those of parts with a wrong shape, which are not built.

    Who refers to one of them did not make a second mistake.
    """

    steps: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()


def names_as_written(node: Node) -> Written:
    """Return the names that a plan declares, whatever else is wrong with it."""
    if not isinstance(node, MapNode):
        return Written()
    keys = (step.get("key") for step in node.list_at("steps") if isinstance(step, MapNode))
    steps = frozenset(key for key in keys if isinstance(key, str))
    return Written(steps, frozenset(node.map_at("params")), frozenset(node.map_at("resources")))


def _build_steps(
    node: MapNode, refused: AbstractSet[int], found: list[Diagnostic]
) -> tuple[tuple[Step, ...], Mapping[str, tuple[str, ...]]]:
    written = node.list_at("steps")
    seen: dict[str, MapNode] = {}
    total = 0
    kept: list[tuple[int, MapNode, tuple[Variant, ...]]] = []
    groups: dict[str, tuple[str, ...]] = {}
    for index, step in enumerate(written):
        if index in refused or not isinstance(step, MapNode):
            continue
        key = str(step["key"])
        variants, wrong = expand(key, step)
        found.extend(wrong)
        total += len(variants) if "foreach" in step else 0
        if total > MAX_MADE:
            message = f"foreach makes more than {MAX_MADE} steps of this plan"
            found.append(error("foreach-too-big", message, step.key_span("foreach"), help="split the plan"))
            break
        fresh = _without_duplicates(key, step, variants, seen, found)
        if not fresh:
            continue
        if "foreach" in step:
            groups[key] = tuple(variant.key for variant in fresh)
        kept.append((index + 1, step, fresh))
    parallel = any("needs" in step for _, step, _ in kept)
    maker = _StepMaker(node.map_at("defaults"), groups, parallelizable=parallel)
    steps = [maker.make(position, step, variant) for position, step, variants in kept for variant in variants]
    found.extend(maker.found)
    return tuple(steps), groups


def _without_duplicates(
    key: str, step: MapNode, variants: tuple[Variant, ...], seen: dict[str, MapNode], found: list[Diagnostic]
) -> tuple[Variant, ...]:
    """Return the variants with new keys; report the others. A group's name counts as a key too."""
    if key not in seen and len(variants) == 1 and variants[0].key == key:
        seen[key] = step
        return variants
    names = [variant.key for variant in variants]
    for name in dict.fromkeys((key, *names)):
        if name in seen:
            label = Label(seen[name].value_span("key"), "first defined here")
            rule = "duplicate-step" if name == key else "foreach-collision"
            message = (
                f"step '{name}' is here a second time"
                if name == key
                else f"foreach of '{key}' makes '{name}', which there is already"
            )
            found.append(error(rule, message, step.value_span("key"), labels=[label], help="rename one of them"))
    fresh = tuple(variant for variant in variants if variant.key not in seen and key not in seen)
    for name in (key, *names):
        seen.setdefault(name, step)
    return fresh


class _StepMaker:
    """Makes steps with the plan's defaults. Values that many steps share are made once."""

    def __init__(self, defaults: MapNode, groups: Mapping[str, tuple[str, ...]], *, parallelizable: bool) -> None:
        self.groups = groups
        self.env = {name: text_of(value) for name, value in defaults.map_at("env").items()}
        self.found: list[Diagnostic] = []
        self.edges = 0
        self.usual = _UNSTATED | {"parallelizable": parallelizable, "env": self.env}
        for field, value in defaults.items():
            if field in _READERS:
                name, read = _READERS[field]
                self.usual[name] = read(value)

    def make(self, position: int, step: MapNode, variant: Variant) -> Step:
        """Return the step that this variant of a written step is."""
        key = str(step["key"])
        values = self.usual.copy()
        values["key"] = variant.key
        values["name"] = key
        values["order"] = position
        values["node"] = step
        # Of thirty fields a step states eight: the others cost nothing.
        for field, value in step.items():
            if field in _READERS:
                name, read = _READERS[field]
                values[name] = read(value)
        if "needs" in step:
            values["needs"] = self._needs(step)
        if "steps" in step:
            values["native"] = self._native(step)
        if "env" in step or variant.each:
            values["env"] = self._env(step, variant)
        if variant.each:
            values["each"], values["group"] = variant.each, key
            values["name"] = f"{values['name']} ({', '.join(variant.each.values())})"
            values["outputs"] = tuple(fill(pattern, variant.each) for pattern in values["outputs"])
        return Step._make(values.values())

    def _native(self, step: MapNode) -> tuple[Mapping[str, Any], ...]:
        if "run" in step:
            label = Label(step.key_span("run"), "and here run")
            message = f"step '{step['key']}' has run and steps"
            span = step.key_span("steps")
            self.found.append(
                error("run-and-steps", message, span, labels=[label], help="keep one; a run can be one of the steps")
            )
        return tuple(cast("dict[str, Any]", to_plain(item)) for item in step.list_at("steps"))

    def _needs(self, step: MapNode) -> tuple[str, ...]:
        """Return the needed steps, each once, groups written out."""
        names = cast("list[str]", step["needs"])
        if not self.groups:
            return tuple(dict.fromkeys(names))
        before, self.edges = self.edges, self.edges + sum(len(self.groups.get(name, (name,))) for name in names)
        if self.edges > MAX_EDGES:
            if before <= MAX_EDGES:
                message = f"needs on foreach groups make more than {MAX_EDGES} needs"
                help_text = "put a step between the groups that needs all of one"
                self.found.append(error("foreach-too-big", message, step.key_span("needs"), help=help_text))
            return ()
        return tuple(dict.fromkeys(key for name in names for key in self.groups.get(name, (name,))))

    def _env(self, step: MapNode, variant: Variant) -> Mapping[str, str]:
        own = {name: text_of(value) for name, value in step.map_at("env").items()}
        return self.env | own | {each_variable(axis): value for axis, value in variant.each.items()}


def _texts(value: Node) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, ListNode) else ()


def _build_runs_on(node: Node) -> RunsOn:
    if isinstance(node, MapNode):
        return RunsOn(tuple(map(str, node.list_at("labels"))), str(node.get("group", "")), is_text=False)
    if isinstance(node, ListNode):
        return RunsOn(tuple(map(str, node)), is_text=False)
    return RunsOn((str(node),))


def _build_demand(node: Node) -> Mapping[str, int]:
    if isinstance(node, MapNode):
        return {name: int(cast("int", units)) for name, units in node.items()}
    if isinstance(node, ListNode):
        return {str(name): 1 for name in node}
    return {}


def _build_gate(node: Node) -> Gate | None:
    if not isinstance(node, MapNode):
        return None
    return Gate(str(node.get("role", "approver")), int(cast("int", node.get("approvals", 1))))


def _build_permissions(node: Node) -> Mapping[str, str]:
    return {key: str(value) for key, value in node.items()} if isinstance(node, MapNode) else {}


def _build_matrix(node: Node) -> Mapping[str, Any]:
    return dict(node) if isinstance(node, MapNode) else {}


_READERS: Final[Mapping[str, tuple[str, Callable[[Any], object]]]] = {
    "name": ("name", str),
    "order": ("order", int),
    "parallelizable": ("parallelizable", bool),
    "run": ("run", str),
    "shell": ("shell", str),
    "outputs": ("outputs", _texts),
    "secrets": ("secrets", _texts),
    "runs-on": ("runs_on", _build_runs_on),
    "matrix": ("matrix", _build_matrix),
    "environment": ("environment", str),
    "container": ("container", str),
    "permissions": ("permissions", _build_permissions),
    "timeout-minutes": ("timeout_minutes", int),
    "attempts": ("attempts", int),
    "resources": ("resources", _build_demand),
    "gate": ("gate", _build_gate),
    "baseline": ("baseline", bool),
    "working-directory": ("working_directory", str),
    "entry-criteria": ("entry_criteria", _texts),
    "exit-criteria": ("exit_criteria", _texts),
    "role": ("role", str),
    "tasks": ("tasks", _texts),
}
"""Where each field of a step goes and how it is read, if it says all about itself; key, needs, steps, env and foreach are looked at together."""

_UNSTATED: Final[dict[str, Any]] = {
    "key": "",
    "name": "",
    "group": "",
    "each": {},
    "order": 0,
    "needs": (),
    "parallelizable": True,
    "run": "",
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
}
"""The fields of a step of which neither it nor the plan's defaults say anything."""


def _build_workflow(plan_id: str, node: MapNode) -> WorkflowSettings:
    return WorkflowSettings(
        prefix=str(node.get("prefix", f"{plan_id}-")),
        execution="direct" if node.get("execution") == "direct" else "isolated",
        loop="manual" if node.get("loop") == "manual" else "auto",
        collect=cast("Any", node.get("collect", "end")),
        schedule=tuple(map(str, node.map_at("on").list_at("schedule"))),
        privileges_acknowledged=str(node.get("privileges-acknowledged", "")),
    )
