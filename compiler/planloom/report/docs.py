"""Reference pages under `generated/docs`: every command's help and every schema's fields.

A page shows what a user would see, so the help is taken from the program itself: `python -m planloom COMMAND --help`. Field tables
come from `generated/schema/*.schema.json`. Not the diagnostics: their pages are written from the rules.

    python -m planloom.report.docs --write
    python -m planloom.report.docs --check
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planloom.report import code_pages
from planloom.report.trust_page import build_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLDER: Final = "generated/docs"
OWNED: Final = ("commands", "schemas")
SCHEMAS: Final = "generated/schema"
NOTE: Final = "<!-- Generated from the code by `make docs`. Edit the code. -->\n"
COLUMNS: Final = "100"
ROW: Final = re.compile(r"^  (?P<name>[a-z][a-z-]*)(?:  +(?P<line>\S.*))?$")
SECTION: Final = re.compile(r"^(?P<title>[A-Z][^:]*):$")
NO_COMMANDS: Final = frozenset({"Options", "Arguments", "Examples"})

Sections = list[tuple[str, list[tuple[str, str]]]]


class DocsError(Exception):
    """A page can't be made."""


def help_text(words: Sequence[str]) -> str:
    """Return what `planloom WORDS --help` prints, at a fixed width. Raises: DocsError when it fails."""
    environment = {"PATH": os.environ.get("PATH", ""), "COLUMNS": COLUMNS, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "planloom", *words, "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        message = f"`planloom {' '.join(words)} --help` failed:\n{done.stderr}"
        raise DocsError(message)
    # A program started with -m is named after its module; the user types the command.
    return re.sub(r"^Usage: (?:python3? -m planloom|__main__\.py)", "Usage: planloom", done.stdout)


def command_sections(text: str) -> Sections:
    """Return the command groups of a help page: (title, [(name, line)]), in its order; empty for a command without any."""
    sections: Sections = []
    for line in text.splitlines():
        if title := SECTION.match(line):
            sections.append((title["title"], []))
        elif sections and (row := ROW.match(line)):
            sections[-1][1].append((row["name"], row["line"] or ""))
    return [(title, rows) for title, rows in sections if rows and title not in NO_COMMANDS]


def command_page(words: Sequence[str], text: str, below: Mapping[str, str]) -> str:
    """Return a command's page; its sub-commands stand on the same page."""
    parts = [NOTE, f"# planloom {' '.join(words)}\n", fenced(text)]
    parts += [f"## planloom {' '.join(words)} {name}\n\n{fenced(page)}" for name, page in below.items()]
    parts.append("[All commands](../README.md)\n")
    return "\n".join(parts)


def fenced(text: str) -> str:
    """Return `text` as a Markdown block."""
    return f"```text\n{text.rstrip()}\n```\n"


def kind(schema: Mapping[str, Any]) -> str:
    """Return the type of a field in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " | ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(kind(part) for part in schema[word]))
    found = schema.get("type", "any")
    if isinstance(found, list):
        return " or ".join(found)
    if found == "array" and isinstance(schema.get("items"), dict):
        return f"list of {kind(schema['items'])}"
    return str(found)


def cell(text: str) -> str:
    """Return `text` as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def field_rows(schema: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return a table row for each field of an object, and for the fields within fields (`body.executor`)."""
    required = set(schema.get("required", ()))
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""
        words = str(field.get("description") or field.get("title") or "")
        must = "required" if name in required else ""
        rows.append(f"| `{prefix}{name}` | {cell(kind(field))} | {must} | {cell(default)} | {cell(words)} |")
        inner = field["items"] if isinstance(field.get("items"), dict) else field
        rows += field_rows(inner, f"{prefix}{name}{'[]' if inner is not field else ''}.")
    return rows


def field_table(schema: Mapping[str, Any]) -> str:
    """Return the table of an object's fields: name, type, whether it must be there, default, description."""
    head = ["| field | type | | default | what it is |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *field_rows(schema)]) + "\n"


def schema_page(name: str, schema: Mapping[str, Any]) -> str:
    """Return a schema's page: its own fields, then those of each definition."""
    parts = [NOTE, f"# {schema.get('title', name)}\n"]
    if schema.get("description"):
        parts.append(f"{schema['description']}\n")
    parts.append(f"Schema: [`{SCHEMAS}/{name}.schema.json`](../../schema/{name}.schema.json)\n")
    if schema.get("properties"):
        parts.append(field_table(schema))
    for title, part in schema.get("$defs", {}).items():
        if part.get("properties"):
            description = f"{part['description']}\n\n" if part.get("description") else ""
            parts.append(f"## {title}\n\n{description}{field_table(part)}")
    parts.append("[All pages](../README.md)\n")
    return "\n".join(parts)


def index_page(groups: Sections, schemas: Iterable[tuple[str, str]]) -> str:
    """Return the page that lists the others."""
    parts = [NOTE, "# Reference\n", "## Commands\n"]
    for title, rows in groups:
        parts += [f"### {title}\n", "\n".join(f"- [`planloom {name}`](commands/{name}.md): {line}" for name, line in rows) + "\n"]
    parts.append(
        "Exit codes of every command: 0 done; 1 findings; 2 unusable input; 3 conflict (claim lost, not ready, closed attempt);"
        " 4 trust (no key, bad signature, not authorised); 5 store (git, disk).\n"
    )
    parts += ["## Files\n", "\n".join(f"- [{title}](schemas/{name}.md)" for name, title in schemas) + "\n"]
    parts += [
        "## Trust\n",
        "[Trust and verification](trust.md): a team's policy, who may sign what, what verifying checks.\n",
    ]
    parts += ["## Codes\n", "[E_… codes](codes.md): what verifying finds and what commands refuse for, and what to do.\n"]
    parts += ["## Diagnostics\n", "[One page a code](diagnostics/README.md): what, why, a failing example, the repaired one.\n"]
    return "\n".join(parts)


def build_pages(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Return every page by path below `generated/docs`. Raises: DocsError when a command's help fails."""
    groups = command_sections(help_text(()))
    names = [name for _, rows in groups for name, _ in rows]
    with ThreadPoolExecutor(max_workers=4) as pool:
        texts = dict(zip(names, pool.map(lambda name: help_text((name,)), names), strict=True))
    titles = ((name, str(schema.get("title", name))) for name, schema in schemas.items())
    pages = {
        "README.md": index_page(groups, titles),
        "trust.md": NOTE + build_page(),
        code_pages.PAGE: NOTE + code_pages.build_page(),
    }
    for name, text in texts.items():
        below = {sub: help_text((name, sub)) for _, rows in command_sections(text) for sub, _ in rows}
        pages[f"commands/{name}.md"] = command_page((name,), text, below)
    for name, schema in schemas.items():
        pages[f"schemas/{name}.md"] = schema_page(name, schema)
    return {path: pages[path].encode("utf-8") for path in sorted(pages)}


def read_schemas(root: Path) -> dict[str, Mapping[str, Any]]:
    """Return the compiled schemas by name, sorted."""
    found = sorted((root / SCHEMAS).glob("*.schema.json"))
    return {path.name.removesuffix(".schema.json"): json.loads(path.read_bytes()) for path in found}


def compare(root: Path, pages: Mapping[str, bytes]) -> list[str]:
    """Return what differs between the pages and the folder, a line each, sorted."""
    folder = root / FOLDER
    present = {"README.md"} | {f"{part}/{path.name}" for part in OWNED for path in (folder / part).glob("*")}
    findings = [f"{FOLDER}/{path}: no command or schema has this page" for path in present - set(pages)]
    for path, content in pages.items():
        file = folder / path
        if not file.exists():
            findings.append(f"{FOLDER}/{path}: missing")
        elif file.read_bytes() != content:
            findings.append(f"{FOLDER}/{path}: out of date")
    return sorted(findings)


def write(root: Path, pages: Mapping[str, bytes]) -> None:
    """Write the pages and remove those of commands and schemas that are gone."""
    folder = root / FOLDER
    for part in OWNED:
        for path in (folder / part).glob("*"):
            if f"{part}/{path.name}" not in pages:
                path.unlink()
    for path_text, content in pages.items():
        target = folder / path_text
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def main(arguments: Sequence[str]) -> int:
    """Write or compare the pages of the project in the current folder; return the exit code."""
    if list(arguments) not in (["--write"], ["--check"]):
        sys.stderr.write("usage: python -m planloom.report.docs --write | --check\n")
        return 2
    root = Path.cwd()
    try:
        pages = build_pages(read_schemas(root))
    except DocsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if list(arguments) == ["--write"]:
        write(root, pages)
        sys.stderr.write(f"{len(pages)} pages written to {FOLDER}\n")
        return 0
    findings = compare(root, pages)
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    if findings:
        sys.stderr.write("Next: make docs\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
