"""The published JSON Schema of a step, and of the plan as a whole."""

from __future__ import annotations

from typing import Final

from planloom.syntax.plan_schema import (
    ATTEMPTS,
    DEFAULTS,
    ENV,
    ENV_PATTERN,
    KEY_PATTERN,
    PARAM,
    PARAM_PATTERN,
    PLAN_SCHEMA_ID,
    RESOURCE,
    RUNS_ON,
    SHELL,
    TIMEOUT,
    TOKEN,
    VERSION_PATTERN,
    WORKFLOW,
    Schema,
    texts,
)

MAX_STEPS: Final = 200_000
"""Twice what a plan file of the greatest size holds."""

_KEY: Final[Schema] = {"type": "string", "pattern": KEY_PATTERN}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 200}
_LONG: Final[Schema] = {"type": "string", "maxLength": 65535}
_SCALAR: Final[Schema] = {"type": ["string", "integer", "boolean"]}
_NATIVE_ENV: Final[Schema] = {"type": "object", "additionalProperties": _SCALAR, "default": {}, "examples": [{"CI": "true"}]}

NATIVE: Final[Schema] = {
    "title": "GitHub step",
    "description": "A step in GitHub's own language, passed on as it is.",
    "type": "object",
    "properties": {
        "id": {
            "title": "Id",
            "description": "Names the step in expressions.",
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,99}$",
            "examples": ["test"],
        },
        "name": {"title": "Name", "description": "Shown in the run.", "examples": ["Test"], **_NAME},
        "uses": {
            "title": "Action",
            "description": "owner/name@commit, with a full commit.",
            "examples": ["actions/cache@" + "0" * 40],
            **_NAME,
        },
        "with": {
            "title": "Inputs",
            "description": "What the action is given.",
            **_NATIVE_ENV,
        },
        "run": {"title": "Command", "description": "A command; untrusted text belongs in env.", "examples": ["make"], **_LONG},
        "env": {"title": "Environment", "description": "Variables; may hold expressions.", **_NATIVE_ENV},
        "if": {
            "title": "Condition",
            "description": "An expression; the step is skipped when it is false.",
            "type": ["string", "boolean"],
            "examples": ["always()"],
        },
        "shell": {"title": "Shell", "description": "What runs the command.", "default": "bash", "examples": ["sh"], **_NAME},
        "working-directory": {"title": "Folder", "description": "Where the command runs.", "examples": ["app"], **_NAME},
        "continue-on-error": {
            "title": "Go on after a failure",
            "description": "Whether the next step runs although this one failed.",
            "type": ["boolean", "string"],
            "default": False,
            "examples": [True],
        },
        "timeout-minutes": {
            "title": "Timeout in minutes",
            "description": "Ends this step.",
            "type": "integer",
            "minimum": 1,
            "maximum": 7200,
            "examples": [5],
        },
    },
    "additionalProperties": False,
    "examples": [{"name": "Test", "run": "make test"}],
}

STEP: Final[Schema] = {
    "title": "Step",
    "description": "A unit of work: a command (run), GitHub steps (steps), or neither: then a person or an agent does it.",
    "type": "object",
    "properties": {
        "key": {"title": "Key", "description": "Names the step; unique in the plan.", "examples": ["build"], **_KEY},
        "name": {"title": "Name", "description": "What people call it.", "examples": ["Build the wheels"], **_NAME},
        "order": {
            "title": "Order",
            "description": "Lower starts first where needs leave a choice. Default: the position in the file.",
            "type": "integer",
            "minimum": 0,
            "maximum": 1000000,
            "examples": [10],
        },
        "needs": {
            "title": "Needs",
            "description": "Steps that must have ended well before; a foreach key means every one of its steps.",
            "type": "array",
            "items": _KEY,
            "default": [],
            "examples": [["lint"]],
        },
        "parallelizable": {
            "title": "Parallelizable",
            "description": "false: the step runs alone. Default: true in a plan where any step has needs, else false.",
            "type": "boolean",
            "examples": [True],
        },
        "run": {
            "title": "Command",
            "description": "The command, run by the shell.",
            "type": "string",
            "examples": ["python -m build"],
        },
        "steps": {
            "title": "GitHub steps",
            "description": "Steps in GitHub's language, instead of run.",
            "type": "array",
            "items": NATIVE,
            "minItems": 1,
            "examples": [[{"name": "Test", "run": "make test"}]],
        },
        "shell": SHELL,
        "outputs": texts(
            "Outputs",
            "Files that it hands on, as glob patterns; later steps that need this one get them. In a foreach $EACH_<AXIS> stands for its value.",
            ["dist/*.whl"],
        ),
        "env": ENV,
        "secrets": {
            "title": "Secrets",
            "description": "Names of repository or environment secrets; only this step sees them.",
            "type": "array",
            "items": {"type": "string", "pattern": ENV_PATTERN},
            "default": [],
            "examples": [["INDEX_TOKEN"]],
        },
        "runs-on": RUNS_ON,
        "matrix": {
            "title": "Matrix entry",
            "description": "Free scalars that are added to the step's matrix entry.",
            "type": "object",
            "patternProperties": {"^[A-Za-z_][A-Za-z0-9_-]{0,62}$": _SCALAR},
            "additionalProperties": False,
            "default": {},
            "examples": [{"queue": "heavy"}],
        },
        "environment": {
            "title": "Environment",
            "description": "The GitHub environment of the job.",
            "examples": ["production"],
            **_NAME,
        },
        "container": {
            "title": "Container",
            "description": "Image in which the command runs, by digest.",
            "examples": ["ghcr.io/acme/build@sha256:" + "0" * 64],
            **_NAME,
        },
        "permissions": TOKEN,
        "timeout-minutes": TIMEOUT,
        "attempts": ATTEMPTS,
        "resources": {
            "title": "Resources",
            "description": "Units that it holds of each resource while it runs; a list means one of each.",
            "default": {},
            "examples": [{"staging": 1}, ["staging"]],
            "anyOf": [
                {
                    "type": "object",
                    "patternProperties": {KEY_PATTERN: {"type": "integer", "minimum": 1, "maximum": 10000}},
                    "additionalProperties": False,
                },
                {"type": "array", "items": _KEY},
            ],
        },
        "gate": {
            "title": "Gate",
            "description": "Signed approvals that the step waits for; no runner waits with it.",
            "type": "object",
            "properties": {
                "role": {
                    "title": "Role",
                    "description": "The role that approves.",
                    "default": "approver",
                    "examples": ["approver"],
                    **_KEY,
                },
                "approvals": {
                    "title": "Approvals",
                    "description": "How many different keys must approve.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 100,
                    "default": 1,
                    "examples": [2],
                },
            },
            "additionalProperties": False,
            "examples": [{"role": "approver", "approvals": 2}],
        },
        "baseline": {
            "title": "Baseline",
            "description": "Its completion is integrated at once: only a signed revert lets it run again.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
        "foreach": {
            "title": "For each",
            "description": "One step for each value (each combination, with several axes); the command reads EACH_<AXIS>.",
            "type": "object",
            "patternProperties": {PARAM_PATTERN: {"type": "array", "items": _SCALAR, "minItems": 1, "maxItems": 256}},
            "additionalProperties": False,
            "minProperties": 1,
            "examples": [{"python": ["3.12", "3.13"]}],
        },
        "working-directory": {
            "title": "Folder",
            "description": "Where the command runs, relative to the checkout.",
            "examples": ["app"],
            **_NAME,
        },
        "entry-criteria": texts("Entry criteria", "What should hold before; for people.", ["Design agreed"]),
        "exit-criteria": texts("Exit criteria", "What should hold after; for people.", ["All tests green"]),
        "role": {"title": "Role", "description": "Who does it; for people.", "examples": ["release-engineer"], **_NAME},
        "tasks": texts("Tasks", "Task ids that it carries out; for people.", ["T001"]),
    },
    "required": ["key"],
    "additionalProperties": False,
    "examples": [{"key": "build", "run": "make"}],
}

PLAN: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:planloom:plan:v1",
    "title": "planloom plan",
    "description": "Steps, their needs, gates and resources, compiled into GitHub workflows.",
    "type": "object",
    "properties": {
        "schema": {
            "title": "Schema",
            "description": "The version of this language.",
            "const": PLAN_SCHEMA_ID,
            "examples": [PLAN_SCHEMA_ID],
        },
        "id": {"title": "Id", "description": "Names the plan; unique in the project.", "examples": ["release"], **_KEY},
        "name": {"title": "Name", "description": "What people call it.", "examples": ["Release the service"], **_NAME},
        "version": {
            "title": "Version",
            "description": "Semantic version of the plan.",
            "type": "string",
            "pattern": VERSION_PATTERN,
            "maxLength": 100,
            "examples": ["1.2.0"],
        },
        "description": {
            "title": "Description",
            "description": "What the plan is for.",
            "default": "",
            "examples": ["Ships the service"],
            **_LONG,
        },
        "params": {
            "title": "Parameters",
            "description": "Values given when a work item is opened.",
            "type": "object",
            "patternProperties": {PARAM_PATTERN: PARAM},
            "additionalProperties": False,
            "default": {},
            "examples": [{"tag": {"type": "string"}}],
        },
        "resources": {
            "title": "Resources",
            "description": "What all work items of the repository share.",
            "type": "object",
            "patternProperties": {KEY_PATTERN: RESOURCE},
            "additionalProperties": False,
            "default": {},
            "examples": [{"staging": {"capacity": 1}}],
        },
        "workflow": WORKFLOW,
        "defaults": DEFAULTS,
        "steps": {
            "title": "Steps",
            "description": "The steps, in the order in which people read them.",
            "type": "array",
            "items": STEP,
            "minItems": 1,
            "maxItems": MAX_STEPS,
            "examples": [[{"key": "build", "run": "make"}]],
        },
    },
    "required": ["schema", "id", "name", "version", "steps"],
    "additionalProperties": False,
    "examples": [
        {"schema": PLAN_SCHEMA_ID, "id": "demo", "name": "Demo", "version": "1.0.0", "steps": [{"key": "build", "run": "make"}]},
    ],
}
