"""The alphabets of names: plan ids, step keys, work item ids, attempts, chains.

Every name that becomes part of a file, ref or artifact name is checked here and nowhere else.
"""

from __future__ import annotations

import re
from typing import Final

PLAN_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
STEP_KEY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
WORK_ITEM_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
ATTEMPT_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,126}")
RESOURCE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
PARAM_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,126}")

ITEM_CHAIN: Final = "_item"
GATE_PREFIX: Final = "_gate-"
RESOURCE_CHAINS: Final = "_resource"
SCRATCH: Final = "planloom-doctor-"
"""How the chains begin in which `doctor` tries things out. They have no `_item` chain, so no command takes them for work items."""


def is_plan_id(text: str) -> bool:
    """Return whether `text` may name a plan."""
    return PLAN_ID.fullmatch(text) is not None


def is_step_key(text: str) -> bool:
    """Return whether `text` may name a step."""
    return STEP_KEY.fullmatch(text) is not None


def is_work_item_id(text: str) -> bool:
    """Return whether `text` may name a work item: our alphabet, and a valid component of a git ref.

    Source: git-check-ref-format(1): no `..`, no trailing `.`, no `.lock` at the end.
    """
    return WORK_ITEM_ID.fullmatch(text) is not None and ".." not in text and not text.endswith((".", ".lock"))


def is_attempt_id(text: str) -> bool:
    """Return whether `text` may name an attempt (it becomes part of artifact and file names)."""
    return ATTEMPT_ID.fullmatch(text) is not None and ".." not in text


def artifact_name(kind: str, item: str, attempt: str) -> str:
    """Return the name of an attempt's artifact in its workflow run: `result-release-1_build-1-161-1`.

    One run may carry several work items, whose attempts are called alike; neither name holds a `_`.
    """
    return f"{kind}-{item}_{attempt}"


def param_variable(name: str) -> str:
    """Return the environment variable that carries the parameter `name`: `tag` → `PARAM_TAG`."""
    return "PARAM_" + name.upper().replace("-", "_")


def each_variable(name: str) -> str:
    """Return the environment variable that carries a foreach axis: `python` → `EACH_PYTHON`."""
    return "EACH_" + name.upper().replace("-", "_")


def step_chain(item: str, step: str) -> str:
    """Return the name of a step's chain."""
    return f"{item}/{step}"


def item_chain(item: str) -> str:
    """Return the name of a work item's own chain (opened, migrated, closed)."""
    return f"{item}/{ITEM_CHAIN}"


def gate_chain(item: str, step: str) -> str:
    """Return the name of a gate's chain (approved, refused)."""
    return f"{item}/{GATE_PREFIX}{step}"


def resource_chain(name: str) -> str:
    """Return the name of a resource's chain."""
    return f"{RESOURCE_CHAINS}/{name}"
