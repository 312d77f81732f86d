"""The reference pages of all rules, under `generated/docs/diagnostics`, and what `explain` prints.

python -m planloom.report.diagnostics_pages --write
python -m planloom.report.diagnostics_pages --check
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from planloom.checks.catalogue import RULES
from planloom.checks.pages import parse_page
from planloom.checks.retired import RETIRED
from planloom.core.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.checks.rule import Rule

FOLDER: Final = "generated/docs/diagnostics"

FAMILIES: Final = {
    "PL1": "Unreadable",
    "PL2": "Shape",
    "PL3": "Values",
    "PL4": "Graph",
    "PL5": "Policy",
    "PL6": "Security",
    "PL7": "Limits",
}
NOTE: Final = "<!-- Generated from the rules by `make docs`. Edit the rule. -->\n"


def find_rule(word: str) -> Rule | None:
    """Return the rule with this code or name, in any case."""
    wanted = word.strip().lower()
    return next((rule for rule in RULES if wanted in (rule.code.lower(), rule.name)), None)


def explain_retired(word: str) -> str:
    """Return what a code or name was that is no longer found, or the empty string."""
    wanted = word.strip().lower()
    found = next(((code, was) for code, was in RETIRED.items() if wanted in (code.lower(), was.name)), None)
    return f"{found[0]} {found[1].name} is retired: {found[1].why}.\n" if found is not None else ""


def explain_text(rule: Rule) -> str:
    """Return a rule's page for a terminal."""
    page = parse_page(rule.page)
    parts = [
        f"{rule.code} {rule.name} ({rule.severity.value}): {page.title}",
        page.what,
        f"Why: {page.why}",
        f"Fails:\n{_indent(page.fails.text)}",
        f"Passes:\n{_indent(page.passes.text)}",
    ]
    if rule.can_be_allowed:
        parts.append(f"To allow it in one place, write above or beside the line:\n  # planloom: allow[{rule.name}] the reason\n")
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _indent(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def build_pages() -> dict[str, str]:
    """Return every page by file name: an index and one page a rule."""
    pages = {"README.md": _index()}
    for rule in RULES:
        pages[f"{rule.code}-{rule.name}.md"] = _page(rule)
    return pages


def _index() -> str:
    lines = [
        NOTE,
        "# Diagnostics",
        "",
        "`planloom explain CODE` prints a page. Codes are stable: none is ever given to another meaning.",
        "",
    ]
    for prefix, family in FAMILIES.items():
        rules = [rule for rule in RULES if rule.code.startswith(prefix)]
        if rules:
            lines += [f"## {family}", "", "| code | rule | kind | what |", "| --- | --- | --- | --- |"]
            for rule in rules:
                link = f"[{rule.code}]({rule.code}-{rule.name}.md)"
                lines.append(f"| {link} | {rule.name} | {rule.severity.value} | {parse_page(rule.page).title} |")
            lines.append("")
    lines += ["## Retired", "", "| code | rule | why it is no longer found |", "| --- | --- | --- |"]
    lines += [f"| {code} | {was.name} | {was.why} |" for code, was in RETIRED.items()]
    return "\n".join([*lines, ""])


def _page(rule: Rule) -> str:
    page = parse_page(rule.page)
    kind = (
        "An error: nothing is compiled." if rule.severity is Severity.ERROR else "A warning: the plan is compiled all the same."
    )
    lines = [
        NOTE,
        f"# {rule.code} {rule.name}",
        "",
        f"{page.title[0].upper()}{page.title[1:]}",
        "",
        kind,
        "",
        "## What",
        "",
        page.what,
        "",
        "## Why",
        "",
        page.why,
        "",
        "## Fails",
        "",
        f"```yaml\n{page.fails.text}```",
        "",
        "## Passes",
        "",
        f"```yaml\n{page.passes.text}```",
        "",
    ]
    if rule.can_be_allowed:
        lines += ["## Allow", "", f"`# planloom: allow[{rule.name}] the reason`, above the line or beside it.", ""]
    return "\n".join(lines)


def stale_pages(root: Path) -> list[str]:
    """Return the names of pages that are missing, different or of no rule."""
    folder = root / FOLDER
    pages = build_pages()
    there = {path.name for path in folder.glob("*.md")} if folder.is_dir() else set()
    return sorted(
        name
        for name in pages.keys() | there
        if name not in pages or name not in there or (folder / name).read_text("utf-8") != pages[name]
    )


def write_pages(root: Path) -> None:
    """Write every page and remove those of no rule."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = build_pages()
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or compare them: exit status 1 when one is stale."""
    root = Path.cwd()
    if "--write" in arguments:
        write_pages(root)
        return 0
    stale = stale_pages(root)
    for name in stale:
        sys.stderr.write(f"{FOLDER}/{name} is not what the rules say\n")
    if stale:
        sys.stderr.write("Next: python -m planloom.report.diagnostics_pages --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
