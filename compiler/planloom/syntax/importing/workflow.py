"""A GitHub workflow → plan: jobs become steps, with their GitHub steps as they are.

Actions that a pin is known for are pinned. What a plan says differently is translated (a plain matrix to `foreach`, jobs' needs, cron
lines); what it can't say is reported with its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from planloom.core.names import each_variable
from planloom.syntax.importing.imported import Imported, Note, make_key
from planloom.syntax.nodes import ListNode, MapNode, to_plain
from planloom.syntax.plan_schema import PERMISSIONS, SHELLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.diagnostics import Span
    from planloom.syntax.nodes import Node

NATIVE_KEYS: Final = (
    "id",
    "name",
    "uses",
    "with",
    "run",
    "env",
    "if",
    "shell",
    "working-directory",
    "continue-on-error",
    "timeout-minutes",
)
JOB_KEYS: Final = frozenset(
    {"name", "needs", "runs-on", "steps", "env", "permissions", "timeout-minutes", "environment", "container", "strategy"}
)
_MATRIX: Final = re.compile(r"\$\{\{\s{0,9}matrix\.([A-Za-z_][A-Za-z0-9_-]{0,60})\s{0,9}\}\}")
_EXPRESSION: Final = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_LOST: Final = re.compile(r"\b((?:matrix|needs|inputs|strategy)\.[A-Za-z_][A-Za-z0-9_-]{0,60})")
_SECRET: Final = re.compile(r"\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def import_workflow(node: MapNode, plan_id: str, pins: Mapping[str, tuple[str, str]]) -> Imported:
    """Return the plan of a workflow; `pins` maps the name of an action to its version and commit."""
    importer = _Importer(pins)
    tree: dict[str, Any] = {
        "schema": "planloom/plan/v1",
        "id": plan_id,
        "name": str(node.get("name") or plan_id)[:200],
        "version": "0.1.0",
    }
    schedule = importer.schedule(node)
    if schedule:
        tree["workflow"] = {"on": {"schedule": schedule}}
    defaults = importer.defaults(node)
    if defaults:
        tree["defaults"] = defaults
    jobs = node.map_at("jobs")
    keys = {name: make_key(name, "job") for name in jobs}
    tree["steps"] = [importer.step(name, job, keys, jobs) for name, job in jobs.items() if isinstance(job, MapNode)]
    for name, job in jobs.items():
        if not isinstance(job, MapNode):
            importer.note(jobs.key_span(name), f"job '{name}' is no mapping and left out")
    for key in node:
        if key not in ("name", "on", "env", "permissions", "jobs", "run-name"):
            importer.note(node.key_span(key), f"'{key}' of the workflow is left out")
    return Imported(tree, tuple(sorted(dict.fromkeys(importer.notes), key=lambda note: note.span)), importer.versions)


class _Importer:
    def __init__(self, pins: Mapping[str, tuple[str, str]]) -> None:
        self.pins = pins
        self.notes: list[Note] = []
        self.versions: dict[str, str] = {}

    def note(self, span: Span, message: str) -> None:
        self.notes.append(Note(span, message))

    def schedule(self, node: MapNode) -> list[str]:
        """Return the cron lines; every other trigger is reported: the orchestrator is dispatched."""
        triggers = node.get("on")
        names = [triggers] if isinstance(triggers, str) else triggers if isinstance(triggers, list) else list(node.map_at("on"))
        for name in names:
            if name not in ("schedule", "workflow_dispatch"):
                self.note(
                    node.key_span("on"), f"trigger '{name}' is left out: a plan is started by hand, by schedule or by dispatch"
                )
        for trigger in ("workflow_dispatch", "workflow_call"):
            inputs = node.map_at("on").map_at(trigger).map_at("inputs")
            for name in inputs:
                self.note(inputs.key_span(name), f"input '{name}' is left out: params are given when a work item is opened")
        crons = [item.get("cron") for item in node.map_at("on").list_at("schedule") if isinstance(item, MapNode)]
        return [cron for cron in crons if isinstance(cron, str)]

    def defaults(self, node: MapNode) -> dict[str, Any]:
        defaults: dict[str, Any] = {}
        if env := self.plain_env(node):
            defaults["env"] = env
        if "permissions" in node and (permissions := self.permissions(node)):
            defaults["permissions"] = permissions
        return defaults

    def step(self, name: str, job: MapNode, keys: Mapping[str, str], jobs: MapNode) -> dict[str, Any]:
        """Return the step that a job becomes."""
        step: dict[str, Any] = {"key": keys[name], "name": str(job.get("name") or name)[:200]}
        needs = job.get("needs")
        names = [needs] if isinstance(needs, str) else list(needs) if isinstance(needs, ListNode) else []
        if names:
            step["needs"] = [keys.get(str(need), str(need)) for need in names]
        elif needs is not None and not isinstance(needs, str | ListNode):
            self.note(job.value_span("needs"), f"what job '{name}' needs is no name and no list of names, and left out")
        for key in job:
            if key not in JOB_KEYS:
                self.note(job.key_span(key), f"'{key}' of job '{name}' is left out")
        if "uses" in job:
            self.note(jobs.key_span(name), f"job '{name}' calls another workflow: its step is to be done by hand")
        axes = self.axes(name, job)
        if axes:
            step["foreach"] = axes
        self.place(name, job, step)
        if env := self.plain_env(job):
            step["env"] = env
        if "permissions" in job:
            step["permissions"] = self.permissions(job)
        natives = [self.native(item, axes, job) for item in self.steps(name, job)]
        if natives:
            step["steps"] = natives
            names_of_secrets = {found.upper() for found in _SECRET.findall(str(natives))} - {"GITHUB_TOKEN"}
            if names_of_secrets:
                step["secrets"] = sorted(names_of_secrets)
        return step

    def steps(self, name: str, job: MapNode) -> list[MapNode]:
        """Return the steps of a job that are steps; anything else in their place is reported."""
        steps = job.list_at("steps")
        if "steps" in job and not isinstance(job["steps"], ListNode):
            self.note(job.key_span("steps"), f"the steps of job '{name}' are no list and left out")
        for index, item in enumerate(steps):
            if not isinstance(item, MapNode):
                self.note(steps.item_span(index), f"a step of job '{name}' is no mapping and left out")
        return [item for item in steps if isinstance(item, MapNode)]

    def place(self, name: str, job: MapNode, step: dict[str, Any]) -> None:
        """Add where the job runs: runner, timeout, environment, container."""
        runner = to_plain(job.get("runs-on"))
        if "${{" in str(runner):
            self.note(job.value_span("runs-on"), f"the runner of job '{name}' is an expression and left out")
        elif runner:
            step["runs-on"] = runner
        minutes = job.get("timeout-minutes")
        if isinstance(minutes, int) and not isinstance(minutes, bool):
            step["timeout-minutes"] = minutes
        elif minutes is not None:
            self.note(job.value_span("timeout-minutes"), f"the timeout of job '{name}' is an expression and left out")
        for key, inner in (("environment", "name"), ("container", "image")):
            value = job.get(key)
            text = value if isinstance(value, str) else job.map_at(key).get(inner)
            if isinstance(text, str) and "${{" not in text:
                step[key] = text
                if isinstance(value, MapNode) and len(value) > 1:
                    self.note(job.key_span(key), f"of the {key} of job '{name}' only the {inner} is kept")
            elif value is not None:
                self.note(job.key_span(key), f"the {key} of job '{name}' is an expression and left out")
        if "container" in step and "steps" in job:
            self.note(job.key_span("container"), f"the container of job '{name}' is left out: GitHub steps run on the runner")
            del step["container"]

    def axes(self, name: str, job: MapNode) -> dict[str, list[str]]:
        """Return a plain matrix as foreach axes; anything else in `strategy` is reported."""
        strategy = job.map_at("strategy")
        for key in strategy:
            if key not in ("matrix", "fail-fast"):
                self.note(strategy.key_span(key), f"'{key}' of job '{name}' is left out")
        axes: dict[str, list[str]] = {}
        for axis, values in strategy.map_at("matrix").items():
            place = strategy.map_at("matrix").key_span(axis)
            if axis in ("include", "exclude"):
                self.note(place, f"'{axis}' of the matrix of job '{name}' is left out")
            elif isinstance(values, ListNode) and values and all(isinstance(value, str | int | bool) for value in values):
                axes[make_key(axis, "axis")] = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
            else:
                self.note(place, f"axis '{axis}' of job '{name}' is no list of plain values and left out (versions need quotes)")
        if "matrix" in strategy and not isinstance(strategy.get("matrix"), MapNode):
            self.note(strategy.key_span("matrix"), f"the matrix of job '{name}' is an expression and left out")
        return axes

    def permissions(self, node: MapNode) -> dict[str, str]:
        value = node.get("permissions")
        if isinstance(value, str):
            self.note(node.value_span("permissions"), f"'{value}' is left out: name the permissions that are needed")
            return {}
        kept = {}
        for name, access in node.map_at("permissions").items():
            if name in PERMISSIONS and access in ("read", "write", "none"):
                kept[name] = str(access)
            else:
                self.note(node.map_at("permissions").key_span(name), f"permission '{name}' is left out")
        return kept

    def plain_env(self, node: MapNode) -> dict[str, Any]:
        """Return variables without expressions; those with one are added to each GitHub step of the job instead."""
        env = self.mapping(node, "env")
        kept: dict[str, Any] = {}
        for name, value in env.items():
            if "${{" in str(value) and "jobs" in node:
                self.note(env.key_span(name), f"variable '{name}' of the workflow is an expression and left out")
            elif "${{" not in str(value):
                kept[name] = value if isinstance(value, bool | int) else "" if value is None else str(value)
        return kept

    def mapping(self, node: MapNode, key: str) -> MapNode:
        """Return the mapping under a key; what is no mapping (an expression that makes one) is reported."""
        if key in node and node[key] is not None and not isinstance(node[key], MapNode):
            self.note(node.key_span(key), f"'{key}' is no plain mapping and left out")
        return node.map_at(key)

    def native(self, item: MapNode, axes: Mapping[str, list[str]], job: MapNode) -> dict[str, Any]:
        """Return a GitHub step, pinned, with the matrix read from variables."""
        step = self.kept(item)
        if "uses" in step:
            step["uses"] = self.pin(str(step["uses"]), item)
        if step.get("shell") is not None and str(step["shell"]) not in SHELLS:
            self.note(item.value_span("shell"), f"shell '{step['shell']}' is kept as it is")
        late = {name: value for name, value in job.map_at("env").items() if "${{" in str(value)}
        if late:
            step["env"] = late | dict(step.get("env") or {})
        for key in ("run", "name", "if"):
            if isinstance(step.get(key), str):
                step[key] = _read_matrix(step[key], axes, in_command=key == "run")
        for key in ("with", "env"):
            if key in step:
                values = cast("dict[str, Any]", step[key])
                step[key] = {name: self.value(value, axes) for name, value in values.items()}
        self.report_lost(step, item)
        return step

    def kept(self, item: MapNode) -> dict[str, Any]:
        """Return what a plan takes of a GitHub step, as it is; the rest is reported."""
        kept: dict[str, Any] = {}
        for key in NATIVE_KEYS:
            if key in ("with", "env"):
                if inner := self.mapping(item, key):
                    kept[key] = to_plain(inner)
            elif isinstance(item.get(key), MapNode | ListNode):
                self.note(item.key_span(key), f"'{key}' of a GitHub step is no plain value and left out")
            elif key in item:
                kept[key] = to_plain(item[key])
        for key in item:
            if key not in NATIVE_KEYS:
                self.note(item.key_span(key), f"'{key}' of a GitHub step is left out")
        return kept

    def report_lost(self, step: Mapping[str, Any], item: MapNode) -> None:
        """Report expressions that read what a plan does not have."""
        for key, value in step.items():
            for name, text in value.items() if isinstance(value, dict) else ((key, value),):
                node = item.map_at(key) if isinstance(value, dict) and name in item.map_at(key) else item
                span = node.value_span(name) if name in node else item.span
                for lost in dict.fromkeys(_LOST.findall(" ".join(_EXPRESSION.findall(text)) if isinstance(text, str) else "")):
                    self.note(span, f"'{lost}' has no value in a plan: the expression is kept and to be replaced")

    def value(self, value: object, axes: Mapping[str, list[str]]) -> object:
        """Return a value of `with` or `env`: numbers with a point as text, the matrix from variables."""
        if value is None:
            return ""
        return (
            _read_matrix(value, axes, in_command=False)
            if isinstance(value, str)
            else str(value)
            if isinstance(value, float)
            else value
        )

    def pin(self, action: str, item: MapNode) -> str:
        """Return an action with the commit that is known for it; one without is reported, and one that becomes another version."""
        name, _, ref = action.partition("@")
        if action.startswith(("./", "docker://")) or _COMMIT.fullmatch(ref):
            return action
        if name in self.pins:
            version, commit = self.pins[name]
            pinned = f"{name}@{commit}"
            self.versions[pinned] = version
            if version != ref and not version.startswith(f"{ref}."):
                message = f"'{action}' becomes {version}, the version whose commit is known: look whether it does the same"
                self.note(item.value_span("uses"), message)
            return pinned
        self.note(item.value_span("uses"), f"'{action}' is to be pinned: write the 40 digits of its commit behind the @")
        return action


def _read_matrix(text: str, axes: Mapping[str, list[str]], *, in_command: bool) -> str:
    """Return a text in which `${{ matrix.x }}` reads the variable of its axis."""

    def variable(match: re.Match[str]) -> str:
        axis = make_key(match[1], "axis")
        if axis not in axes:
            return match[0]
        name = each_variable(axis)
        return f"${{{name}}}" if in_command else f"${{{{ env.{name} }}}}"

    return _MATRIX.sub(variable, text)


def is_workflow(node: Node) -> bool:
    """Return whether a document looks like a GitHub workflow."""
    return isinstance(node, MapNode) and "jobs" in node
