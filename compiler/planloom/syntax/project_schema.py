"""The published JSON Schema of the project file, `specs/planloom.yaml`."""

from __future__ import annotations

from typing import Final

from planloom.syntax.plan_schema import ENV_PATTERN, Schema

PROJECT_SCHEMA_ID: Final = "planloom/project/v1"

_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 200}

PROJECT: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:planloom:project:v1",
    "title": "planloom project",
    "description": "What belongs to the repository and not to one plan. Everything is optional.",
    "type": "object",
    "properties": {
        "schema": {
            "title": "Schema",
            "description": "The version of this language.",
            "const": PROJECT_SCHEMA_ID,
            "examples": [PROJECT_SCHEMA_ID],
        },
        "python": {
            "title": "Python",
            "description": "The Python on which planloom runs in workflows.",
            "type": "string",
            "pattern": r"^3\.(1[1-9]|[2-9][0-9])$",
            "default": "3.13",
            "examples": ["3.13"],
        },
        "ledger": {
            "title": "Ledger",
            "description": "Where records live: files[:DIR] or git[:REMOTE]. Default: git in GitHub Actions, else files.",
            "type": "string",
            "pattern": "^(files|git)(:[^\\s]+)?$",
            "examples": ["git:origin"],
        },
        "ledger-branch": {
            "title": "Ledger branch",
            "description": "The branch to which the collector commits artifacts/.",
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
            "default": "planloom",
            "examples": ["planloom", "main"],
        },
        "environment": {
            "title": "Environment",
            "description": "The GitHub environment that holds the signing key.",
            "default": "planloom",
            "examples": ["planloom"],
            **_NAME,
        },
        "signing-key-secret": {
            "title": "Secret of the signing key",
            "description": "The name of the secret.",
            "type": "string",
            "pattern": ENV_PATTERN,
            "default": "PLANLOOM_SIGNING_KEY",
            "examples": ["PLANLOOM_SIGNING_KEY"],
        },
        "install": {
            "title": "Installation",
            "description": "How runners install planloom; written by `planloom pin`.",
            "enum": ["path", "wheel", "index"],
            "examples": ["path"],
        },
        "pins": {
            "title": "Action pins",
            "description": "Versions and commits of the actions that generated workflows use, instead of planloom's own.",
            "type": "object",
            "patternProperties": {
                "^[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+$": {
                    "type": "object",
                    "properties": {
                        "version": {"title": "Version", "description": "The tag, as a comment.", "examples": ["v7.0.1"], **_NAME},
                        "commit": {
                            "title": "Commit",
                            "description": "The full commit.",
                            "type": "string",
                            "pattern": "^[0-9a-f]{40}$",
                            "examples": ["0" * 40],
                        },
                    },
                    "required": ["version", "commit"],
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
            "default": {},
            "examples": [{"actions/checkout": {"version": "v7.0.1", "commit": "0" * 40}}],
        },
    },
    "required": ["schema"],
    "additionalProperties": False,
    "examples": [{"schema": PROJECT_SCHEMA_ID, "python": "3.13"}],
}
