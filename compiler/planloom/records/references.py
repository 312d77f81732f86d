"""How records name what they are about: files, plans, steps, attempts, handoffs, places."""

from __future__ import annotations

from typing import NamedTuple


class Subject(NamedTuple):
    """A file (path relative to the workspace) or `<plan>/<step>`, with its SHA-256."""

    name: str
    digest: str


class PlanRef(NamedTuple):
    """Which plan, exactly."""

    name: str
    version: str
    digest: str


class StepRef(NamedTuple):
    """Which step, exactly."""

    key: str
    order: int
    digest: str


class AttemptRef(NamedTuple):
    """Which try: the number is the fence, the id is what people and artifacts are named by."""

    number: int
    id: str


class Builder(NamedTuple):
    """Where it ran, as stated by whoever signed. All fields may be empty; locally only `id` is set (`local`)."""

    id: str = "local"
    run_id: str = ""
    run_attempt: str = ""
    commit: str = ""


class Dependency(NamedTuple):
    """A handoff that was built upon: the step and the payload digest of its completion."""

    step: str
    digest: str
