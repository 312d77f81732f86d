"""The published JSON Schema of a plan: every field with a title, a description, its default and examples.

This is the one definition of a plan's shape. The accept function is made from it, jsonschema explains refusals with it, editors show
it, the reference page is generated from it. What needs more than one value (unknown needs, cycles …) is no shape.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = "dict[str, Any]"

PLAN_SCHEMA_ID: Final = "planloom/plan/v1"

KEY_PATTERN: Final = "^[a-z0-9][a-z0-9-]{0,62}$"
PARAM_PATTERN: Final = "^[a-z][a-z0-9-]{0,62}$"
ENV_PATTERN: Final = "^[A-Za-z_][A-Za-z0-9_]{0,126}$"
VERSION_PATTERN: Final = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
"""Source: https://semver.org/spec/v2.0.0.html, the grammar at its end."""

PERMISSIONS: Final = (
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
)
"""Keys of a token's permissions. Source: GitHub docs, "Controlling permissions for GITHUB_TOKEN"."""

SHELLS: Final = ("bash", "sh", "python", "pwsh")

_KEY: Final[Schema] = {"type": "string", "pattern": KEY_PATTERN}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 1024}
_SCALAR: Final[Schema] = {"type": ["string", "integer", "boolean"]}


def texts(title: str, description: str, example: list[str]) -> Schema:
    """Return the schema of a list of short texts."""
    return {"title": title, "description": description, "type": "array", "items": _TEXT, "default": [], "examples": [example]}


ENV: Final[Schema] = {
    "title": "Environment",
    "description": "Variables of the command. Values are text; write numbers that are versions in quotes.",
    "type": "object",
    "patternProperties": {ENV_PATTERN: _SCALAR},
    "additionalProperties": False,
    "default": {},
    "examples": [{"SOURCE_DATE_EPOCH": "0"}],
}

RUNS_ON: Final[Schema] = {
    "title": "Runner",
    "description": "Which machine: one label, a list of labels, or a runner group with labels.",
    "default": "ubuntu-24.04",
    "examples": ["ubuntu-24.04", ["self-hosted", "linux"], {"group": "big", "labels": ["linux"]}],
    "anyOf": [
        _TEXT,
        {"type": "array", "items": _TEXT, "minItems": 1},
        {
            "type": "object",
            "properties": {
                "group": {"title": "Group", "description": "Name of the runner group.", "examples": ["big"], **_TEXT},
                "labels": {
                    "title": "Labels",
                    "description": "Labels that the runner must have.",
                    "type": "array",
                    "items": _TEXT,
                    "default": [],
                    "examples": [["linux"]],
                },
            },
            "required": ["group"],
            "additionalProperties": False,
        },
    ],
}

TOKEN: Final[Schema] = {
    "title": "Permissions",
    "description": "What the job's token may do; what is not named is none. A run: command never sees the token.",
    "type": "object",
    "properties": {
        name: {
            "title": name,
            "description": f"Access of the token to {name}.",
            "enum": ["read", "write", "none"],
            "default": "none",
            "examples": ["read"],
        }
        for name in PERMISSIONS
    },
    "additionalProperties": False,
    "default": {},
    "examples": [{"id-token": "write"}],
}

TIMEOUT: Final[Schema] = {
    "title": "Timeout in minutes",
    "description": "After so many minutes the step is ended and its attempt has failed.",
    "type": "integer",
    "minimum": 1,
    "maximum": 7200,
    "default": 30,
    "examples": [20],
}

ATTEMPTS: Final[Schema] = {
    "title": "Attempts",
    "description": "How often the step is tried without anyone asking for it.",
    "type": "integer",
    "minimum": 1,
    "maximum": 100,
    "default": 2,
    "examples": [3],
}

SHELL: Final[Schema] = {
    "title": "Shell",
    "description": "What runs the command.",
    "enum": list(SHELLS),
    "default": "bash",
    "examples": ["sh"],
}

PARAM: Final[Schema] = {
    "title": "Parameter",
    "description": "A value given when a work item is opened, as a JSON Schema; a step reads it as PARAM_<NAME>.",
    "type": "object",
    "properties": {
        "type": {
            "title": "Type",
            "description": "The type of the value.",
            "enum": ["string", "integer", "boolean"],
            "default": "string",
            "examples": ["string"],
        },
        "title": {"title": "Title", "description": "What people call it.", "examples": ["Tag"], **_TEXT},
        "description": {
            "title": "Description",
            "description": "Shown where it is asked for.",
            "examples": ["The tag to release"],
            **_TEXT,
        },
        "default": {"title": "Default", "description": "Makes the parameter optional.", "examples": ["v1.0.0"], **_SCALAR},
        "enum": {
            "title": "Choices",
            "description": "The only values.",
            "type": "array",
            "items": _SCALAR,
            "minItems": 1,
            "examples": [["staging", "production"]],
        },
        "pattern": {
            "title": "Pattern",
            "description": "A regular expression that finds a match.",
            "examples": ["^v[0-9]+$"],
            **_TEXT,
        },
        "minLength": {"title": "Least length", "description": "In characters.", "type": "integer", "minimum": 0, "examples": [1]},
        "maxLength": {
            "title": "Greatest length",
            "description": "In characters.",
            "type": "integer",
            "minimum": 0,
            "examples": [20],
        },
        "minimum": {"title": "Least", "description": "The least integer.", "type": "integer", "examples": [1]},
        "maximum": {"title": "Greatest", "description": "The greatest integer.", "type": "integer", "examples": [9]},
    },
    "additionalProperties": False,
    "examples": [{"type": "string", "pattern": "^v[0-9]+$"}],
}

RESOURCE: Final[Schema] = {
    "title": "Resource",
    "description": "Something that all work items of the repository share.",
    "type": "object",
    "properties": {
        "capacity": {
            "title": "Capacity",
            "description": "How many units there are.",
            "type": "integer",
            "minimum": 1,
            "maximum": 10000,
            "default": 1,
            "examples": [1],
        }
    },
    "additionalProperties": False,
    "examples": [{"capacity": 1}],
}

WORKFLOW: Final[Schema] = {
    "title": "Workflows",
    "description": "How the plan becomes GitHub workflows.",
    "type": "object",
    "properties": {
        "prefix": {
            "title": "Prefix",
            "description": "The workflows are <prefix>orchestrator.yml, <prefix>execute.yml and <prefix>collector.yml. Default: the id and a hyphen.",
            "type": "string",
            "pattern": "^([A-Za-z0-9_][A-Za-z0-9._-]{0,99})?$",
            "examples": ["release-", ""],
        },
        "execution": {
            "title": "Execution",
            "description": "isolated: the key never shares a job with a command. direct: one job claims, executes and completes.",
            "enum": ["isolated", "direct"],
            "default": "isolated",
            "examples": ["isolated"],
        },
        "loop": {
            "title": "Loop",
            "description": "auto: the next wave starts by itself. manual: somebody starts each.",
            "enum": ["auto", "manual"],
            "default": "auto",
            "examples": ["manual"],
        },
        "collect": {
            "title": "Collect",
            "description": "When the collector runs: at the end, after each wave, or never.",
            "enum": ["end", "wave", "never"],
            "default": "end",
            "examples": ["wave"],
        },
        "on": {
            "title": "Extra triggers",
            "description": "What else starts the orchestrator.",
            "type": "object",
            "properties": {
                "schedule": {
                    "title": "Schedule",
                    "description": "Cron lines, in UTC.",
                    "type": "array",
                    "items": {
                        "type": "string",
                        "pattern": r"^[^\s]+( +[^\s]+){4}$",
                        "maxLength": 120,
                        "examples": ["*/30 * * * *"],
                    },
                    "minItems": 1,
                    "examples": [["*/30 * * * *"]],
                }
            },
            "additionalProperties": False,
            "examples": [{"schedule": ["*/30 * * * *"]}],
        },
        "privileges-acknowledged": {
            "title": "Privileges acknowledged",
            "description": "Written by `planloom diff --acknowledge` when secrets, permissions or gates got weaker.",
            "type": "string",
            "pattern": "^sha256:[0-9a-f]{64}$",
            "examples": ["sha256:" + "0" * 64],
        },
    },
    "additionalProperties": False,
    "default": {},
    "examples": [{"execution": "direct"}],
}

DEFAULTS: Final[Schema] = {
    "title": "Defaults",
    "description": "What a step takes when it says nothing else.",
    "type": "object",
    "properties": {
        "runs-on": RUNS_ON,
        "timeout-minutes": TIMEOUT,
        "attempts": ATTEMPTS,
        "shell": SHELL,
        "env": ENV,
        "permissions": TOKEN,
    },
    "additionalProperties": False,
    "default": {},
    "examples": [{"runs-on": "ubuntu-24.04"}],
}
