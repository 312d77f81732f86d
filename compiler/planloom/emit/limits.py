"""The limit prover: what of GitHub's limits a compiled plan uses, and where it would break one.

Linters do not see these: a workflow that is too big never starts, an output that is too big is lost. Each limit names its
source; each use names the place in the plan that causes it. What no plan can break is not measured: the alphabets of
`core.names` bound names of artifacts, and a job uploads two of them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.core.diagnostics import Diagnostic, Severity, Span
from planloom.records.matrix import JOB_MARGIN_MINUTES, WAVE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planloom.core.canonical import Json
    from planloom.emit.project import Emitted
    from planloom.model.plan import Plan, Step
    from planloom.records.compiled import CompiledStep

_EXPRESSION: Final = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_ENTRY_FRAME: Final = 520
"""Keys and punctuation of a matrix entry, the longest attempt id (127), work item id (63) and commit (64), and a runner label."""


class Limit(NamedTuple):
    """One limit of the platform. `code` and `rule` name the diagnostic of breaking it; most are found by rules before."""

    code: str
    rule: str
    what: str
    most: int
    unit: str
    repair: str


FILE: Final = Limit(
    "PL791",
    "big-workflow",
    "size of a workflow file",
    512_000,
    "bytes",
    "split the plan, or let steps share permissions, secrets and native steps",
)
"""Source: https://docs.github.com/actions/reference/limits, "Workflow file size"."""
EXPRESSION: Final = Limit(
    "PL705",
    "long-expression",
    "length of an expression",
    21_000,
    "characters",
    "move the text into env, or the command into a script; a command that holds an expression counts as a whole",
)
"""Source: the runner's ExpressionConstants.MaxLength."""
OUTPUT: Final = Limit(
    "PL793", "big-matrix", "matrix handed to the execute workflow", 1_048_576, "bytes", "shorten the steps' matrix metadata"
)
"""Source: https://docs.github.com/actions/reference/limits, job outputs; measured in UTF-16."""
INPUTS: Final = Limit(
    "PL702",
    "too-many-params",
    "inputs of the orchestrator",
    25,
    "inputs",
    "join parameters: a work item and 24 parameters are the most",
)
"""Source: GitHub docs, events that trigger workflows, workflow_dispatch."""
VARIABLE: Final = Limit("PL703", "long-command", "one command or variable", 131_071, "bytes", "put the value into a file")
"""Source: Linux, MAX_ARG_STRLEN (execve(2)): name, `=`, value and the final zero."""
WAVE: Final = Limit("PL793", "big-matrix", "jobs of a wave", WAVE_LIMIT, "jobs", "more ready steps become several waves")
"""Source: https://docs.github.com/actions/reference/limits, jobs of a matrix."""
AREA: Final = Limit("PL704", "long-environment", "variables of a step", 1_048_576, "characters", "put them in a file")
"""Source: execve(2), limits on size of arguments and environment."""
FORM: Final = Limit("PL709", "long-form", "parameters on the form", 65_535, "characters", "shorten descriptions and choices")
"""Source: GitHub docs, events that trigger workflows, workflow_dispatch payload."""
SECRETS: Final = Limit("PL706", "many-secrets", "secrets of a plan", 100, "secrets", "put several values in one secret")
"""Source: GitHub docs, secrets reference, limits for secrets."""
HOSTED: Final = Limit("PL701", "timeout-too-long", "a job on GitHub's runners", 360, "minutes", "split the step")
OWN: Final = Limit("PL701", "timeout-too-long", "a job on your runners", 7_200, "minutes", "split the step")
"""Source: https://docs.github.com/actions/reference/limits, job execution time."""
ENTRIES: Final = Limit("PL710", "crowded-folder", "folders of a work item's records", 3_000, "entries", "split the plan")
"""Source: GitHub docs, repository limits, directory width; a recommendation."""
LIMITS: Final = (FILE, EXPRESSION, OUTPUT, INPUTS, VARIABLE, WAVE, AREA, FORM, SECRETS, HOSTED, OWN, ENTRIES)


class Use(NamedTuple):
    """How much of a limit something uses: `where` in words, `span` the place in the plan that causes it."""

    limit: Limit
    used: int
    where: str
    span: Span

    @property
    def percent(self) -> int:
        """The share of the limit that is used, rounded up."""
        return -(-self.used * 100 // self.limit.most)


def measure(emitted: Emitted) -> tuple[Use, ...]:
    """Return the highest use of every limit, in the order of the limits; limits that nothing touches are left out."""
    highest: dict[Limit, Use] = {}
    for use in (*_uses(emitted), *_proven_uses(emitted.plan)):
        has = highest.get(use.limit)
        if has is None or use.used > has.used:
            highest[use.limit] = use
    return tuple(highest[limit] for limit in LIMITS if limit in highest)


def check_limits(emitted: Iterable[Emitted]) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for every use above its limit."""
    return tuple(
        Diagnostic(
            code=use.limit.code,
            rule=use.limit.rule,
            severity=Severity.ERROR,
            message=f"{use.where}: {use.used:,} {use.limit.unit}, GitHub takes {use.limit.most:,}",
            span=use.span,
            help=use.limit.repair,
        )
        for one in emitted
        for use in _uses(one)
        if use.used > use.limit.most
    )


def _uses(emitted: Emitted) -> Iterator[Use]:
    plan = emitted.plan
    top = plan.node.span
    nodes = {step.key: step.node for step in plan.steps}
    for path, content in emitted.files.items():
        if path.endswith(".yml"):
            yield Use(FILE, len(content), path, top)
    yield Use(INPUTS, 1 + len(plan.params), "params", plan.params[-1].node.span if plan.params else top)
    yield from _variable_uses(plan)
    for step in plan.steps:
        if step.native:
            yield from _expression_uses(step)
    for number, wave in enumerate(emitted.waves, start=1):
        yield Use(WAVE, len(wave.steps), f"wave {number}", top)
        entries = [_entry_size(step) for step in wave.steps]
        if entries:
            # The same entries are handed out twice: by job, and as one list. UTF-16 takes two bytes a character here.
            biggest = wave.steps[entries.index(max(entries))]
            yield Use(OUTPUT, 4 * sum(entries), f"wave {number}", nodes[biggest.key].span)


def _proven_uses(plan: Plan) -> Iterator[Use]:
    """Yield what rules hold below its limit before anything is compiled: of interest only for how much is left."""
    top = plan.node.span
    yield Use(ENTRIES, len(plan.steps), "artifacts/claims/ITEM/", top)
    if plan.params:
        yield Use(FORM, sum(len(param.name) + len(str(param.schema)) for param in plan.params), "params", top)
    names = {name.upper() for step in plan.steps for name in step.secrets}
    if names:
        yield Use(SECRETS, len(names), "secrets", top)
    for step in plan.steps:
        if step.env:
            size = sum(len(name) + len(value) for name, value in step.env.items())
            yield Use(AREA, size, f"step {step.key}", step.node.span)
        if step.run:
            yield Use(VARIABLE, len(step.run.encode()) + 1, f"command of step {step.key}", step.node.span)
        if not step.is_manual:
            limit = OWN if step.runs_on.group or "self-hosted" in step.runs_on.labels else HOSTED
            yield Use(limit, step.timeout_minutes + JOB_MARGIN_MINUTES, f"step {step.key}", step.node.span)


def _entry_size(step: CompiledStep) -> int:
    """Return how many characters an entry takes at most; bounded without encoding it, since big plans have many."""
    definition = step.definition
    size = _ENTRY_FRAME + len(step.key) + len(definition.get("environment", ""))
    if "matrix" in definition or definition["runsOn"].__class__ is not str:
        size += len(json.dumps([definition["runsOn"], definition.get("matrix")]))
    return size


def _variable_uses(plan: Plan) -> Iterator[Use]:
    """Yield every variable above the limit, and the biggest."""
    most, biggest = 0, None
    for step in plan.steps:
        for name, value in step.env.items():
            # A character is at least a byte and at most four: only long values are worth encoding.
            size = len(name) + len(value) + 2
            if size > most or size * 4 > VARIABLE.most:
                size += len(value.encode()) - len(value)
                use = Use(VARIABLE, size, f"env {name} of step {step.key}", step.node.span)
                if size > VARIABLE.most:
                    yield use
                elif size > most:
                    most, biggest = size, use
    if biggest is not None:
        yield biggest


def _expression_uses(step: Step) -> Iterator[Use]:
    span = step.node.span
    for tree in step.native:
        for text in _texts(dict(tree)):
            if "${{" in text:
                yield Use(EXPRESSION, max(map(len, _EXPRESSION.findall(text)), default=0), f"step {step.key}", span)
        run = tree.get("run")
        if isinstance(run, str) and "${{" in run:
            yield Use(EXPRESSION, len(run), f"a command of step {step.key}", span)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
