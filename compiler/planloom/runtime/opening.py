"""Opening a work item: which plan, which parameters, which source; and closing it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from planloom.core import names
from planloom.core.errors import Conflict, InputError
from planloom.core.plainfile import read_plain
from planloom.records.bodies import Closed, Opened
from planloom.records.compiled import HEADER_NAME, STEPS_NAME, CompiledPlan
from planloom.records.references import PlanRef, Subject
from planloom.runtime.reading import read_compiled, read_item, read_view
from planloom.runtime.writing import Draft, Part, append, append_all, append_to, empty_end
from planloom.state.machine import Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planloom.records.signed import Signed
    from planloom.runtime.reading import Loaded
    from planloom.runtime.session import Session
    from planloom.state.item import ItemView


Scalar: TypeAlias = "str | int | bool"


class Source(NamedTuple):
    """Where the plan comes from: commit, branch and repository, each "" when unknown."""

    commit: str = ""
    branch: str = ""
    repository: str = ""


def list_plans(workspace: Path) -> tuple[str, ...]:
    """Return the ids of the compiled plans, sorted."""
    return tuple(sorted(path.parent.name for path in (workspace / "generated").glob(f"*/{HEADER_NAME}")))


def find_plan(workspace: Path, item: str) -> str:
    """Return the plan that a new work item's id speaks of: `release-2` → `release`; the only plan when there is one.

    Raises: InputError when no plan is compiled, or several could be meant.
    """
    plans = list_plans(workspace)
    if not plans:
        raise InputError("there is no compiled plan in generated/", hint="planloom compile")
    fitting = [p for p in plans if speaks_of(item, p)]
    if fitting:
        return max(fitting, key=len)
    if len(plans) == 1:
        return plans[0]
    message = f"which plan is '{item}' a work item of?"
    raise InputError(message, hint=f"--plan names it: {', '.join(plans)}")


def speaks_of(item: str, plan: str) -> bool:
    """Return whether a work item's id is one that is given to those of a plan: `release-2`, `work-item-release`."""
    return re.fullmatch(f"(work-item-)?{re.escape(plan)}(-[a-z0-9.-]+)?", item) is not None


def read_generated(workspace: Path, plan: str) -> tuple[CompiledPlan, Mapping[str, bytes]]:
    """Return a compiled plan and its files. Raises: InputError when it is not compiled, or older than its source."""
    folder = workspace / "generated" / plan
    try:
        files = {name: read_plain(folder / name, follow=True) for name in (HEADER_NAME, STEPS_NAME)}
    except OSError as error:
        known = ", ".join(list_plans(workspace)) or "none"
        message = f"plan '{plan}' is not compiled"
        raise InputError(message, hint=f"planloom compile   # compiled plans: {known}") from error
    header = CompiledPlan.from_bytes(files[HEADER_NAME])
    source = workspace / header.source_path
    if source.is_file() and hashlib.sha256(read_plain(source, follow=True)).hexdigest() != header.source_digest:
        message = f"{header.source_path} has changed since it was compiled"
        raise InputError(message, hint="planloom compile")
    return header, files


def refuse_removed(workspace: Path, plan: str) -> None:
    """See that nothing is begun of a plan whose source was taken away and whose compiled files still lie there. Raises: InputError."""
    try:
        header = CompiledPlan.from_bytes(read_plain(workspace / "generated" / plan / HEADER_NAME, follow=True))
    except OSError:
        return  # Opening reads all of it, and says what is wrong with it.
    if not (workspace / header.source_path).is_file():
        message = f"{header.source_path} is gone, from which plan '{plan}' was compiled"
        raise InputError(message, hint="bring it back; or planloom compile, which removes what no plan asks for any more")


def open_item(
    session: Session, item: str, plan: str, params: Mapping[str, str], source: Source, reason: str, *, follow: bool
) -> Signed:
    """Open a work item and return its record. When somebody else opened it meanwhile, theirs is kept.

    Raises: InputError for a bad id or parameter; Conflict when it is open already with other parameters or another plan.
    """
    if not names.is_work_item_id(item):
        message = f"'{item}' can't name a work item: lower-case letters, digits, '.' and '-' only, at most 63"
        raise InputError(message)
    header, files = read_generated(session.workspace, plan)
    values = check_params(header, params)
    body = Opened(values, source.commit, source.branch, source.repository, reason, follow)
    chain = names.item_chain(item)
    draft = Draft(
        event="opened",
        chain=chain,
        work_item=item,
        plan=PlanRef(header.id, header.version, header.digest),
        body=body,
        subjects=tuple(Subject(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()),
        attachments=files,
    )
    written = append_to(session, session.find_key("ci"), [draft], {chain: empty_end(chain)}, at=session.clock.now())
    if written is not None:
        return written[0]
    existing = read_view(session, item, ()).view.item
    if existing.plan.name != header.id or dict(existing.body.params) != values:
        message = f"work item {item} exists already, with another plan or other parameters"
        raise Conflict(message, hint=f"planloom status {item}")
    return existing.opened


def check_params(header: CompiledPlan, given: Mapping[str, str]) -> dict[str, Scalar]:
    """Return the parameters with defaults and types. Empty texts count as not given (a dispatch form sends them).

    Raises: InputError naming every parameter that is unknown, missing or out of range.
    """
    schemas: Mapping[str, Any] = header.settings.get("params", {})
    problems = [f"there is no parameter '{name}'" for name in sorted(set(given) - set(schemas))]
    values: dict[str, Scalar] = {}
    for name, schema in sorted(schemas.items()):
        text = given.get(name, "")
        if text == "":
            if "default" in schema:
                values[name] = schema["default"]
            else:
                problems.append(f"parameter '{name}' is missing")
            continue
        value = _typed(text, str(schema.get("type", "string")))
        problem = f"must be {schema.get('type')}" if value is None else _range_problem(value, schema)
        if problem or value is None:
            problems.append(f"parameter '{name}' {problem}, not '{text}'")
        else:
            values[name] = value
    if problems:
        wanted = " ".join(f"--param {name}=…" for name in sorted(schemas)) or "it takes none"
        message = f"plan {header.id}: {'; '.join(problems)}"
        raise InputError(message, hint=wanted)
    return values


def _typed(text: str, kind: str) -> Scalar | None:
    if kind == "integer":
        return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text)
    return text


def _range_problem(value: Scalar, schema: Mapping[str, Any]) -> str:
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"must match {schema['pattern']}"
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", 65_535):
            return f"must have {schema.get('minLength', 0)} to {schema.get('maxLength', 65_535)} characters"
    elif not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            return f"must be at least {schema['minimum']}"
        if "maximum" in schema and value > schema["maximum"]:
            return f"must be at most {schema['maximum']}"
    return ""


def next_item_id(session: Session, plan: str) -> str:
    """Return the first free id of the form `<plan>-<n>`."""
    taken = set(session.ledger.items())
    number = 1
    while f"{plan}-{number}" in taken:
        number += 1
    return f"{plan}-{number}"


def close_item(session: Session, item: str, *, result: str, reason: str, key: str) -> Signed:
    """Close a work item. Raises: Conflict when it is closed already, or something is still running."""
    while True:
        loaded = read_view(session, item)
        _refuse_closing(loaded)
        written = append(session, session.find_key(key), [_draft_closed(loaded, result, reason)], loaded)
        if written is not None:
            return written[0]


def close_when_complete(session: Session, *items: str) -> tuple[Signed, ...]:
    """Close those work items whose every step has ended well, unless some are integrated; returns the records of those closed by this call.

    An item with integrated steps stays open, so that they can be reverted; `planloom close` ends it. Costs what one step costs as long
    as the last step of the plan is not done.
    """
    while True:
        maybe = [read_view(session, item) for item in items if _may_be_complete(session, item)]
        parts = [
            Part([_draft_closed(one, "completed", "every step has ended well")], one) for one in maybe if is_complete(one.view)
        ]
        written = append_all(session, session.find_key("ci"), parts) if parts else ()
        if written is not None:
            return written


def _may_be_complete(session: Session, item: str) -> bool:
    """Return whether it is worth reading every step: looks at the plan's last one, then at twice as many, and so on.

    Each completion asks this, and a plan has as many completions as steps.
    """
    header, _ = read_compiled(session, read_item(session, item))
    rest, count = list(header.order), 1
    while rest:
        states = read_view(session, item, rest[-count:]).view.states
        if any(states[key].status is not Status.DONE for key in rest[-count:]):
            return False
        del rest[-count:]
        count *= 2
    return True


def is_complete(view: ItemView) -> bool:
    """Return whether a work item is still open although every step has ended well and none is integrated."""
    return view.item.is_open and all(state.status is Status.DONE for state in view.states.values())


def _draft_closed(loaded: Loaded, result: str, reason: str) -> Draft:
    item = loaded.view.item
    return Draft("closed", names.item_chain(item.id), item.id, item.plan, Closed(result, reason))


def _refuse_closing(loaded: Loaded) -> None:
    view = loaded.view
    if not view.item.is_open:
        message = f"work item {view.item.id} is closed already"
        raise Conflict(message, hint=f"planloom status {view.item.id}")
    running = [key for key, state in view.states.items() if state.status is Status.RUNNING]
    if running:
        message = f"work item {view.item.id} can't be closed while {', '.join(running)} is running"
        raise Conflict(message, hint=f"planloom abandon {view.item.id} {running[0]} --reason TEXT   # if its holder is gone")
