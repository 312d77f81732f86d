"""explain: what a code means, of a diagnostic, of a verification, of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.cli.options import examples, format_option
from planloom.core.errors import EXIT_DONE, InputError

if TYPE_CHECKING:
    from planloom.checks.rule import Rule
    from planloom.core.canonical import Json


@click.command(
    epilog=examples(
        ("a diagnostic, by its code", "planloom explain PL402"),
        ("or by its name", "planloom explain unknown-need"),
        ("what a verification or a refusal says", "planloom explain E_SIGNATURE"),
    )
)
@click.argument("code", metavar="[CODE|RULE]", required=False)
@format_option
def explain(code: str | None, style: str) -> int:
    """Explain a code: what it means, why it matters, what to do.

    PL… are diagnostics of plans, with an example that fails and one that passes; E_… come from verifying and from refused
    commands. Without CODE all are listed. JSON: {schema, codes[] {code, name, severity, title, what, why, …}}.
    """
    from planloom.checks.catalogue import RULES
    from planloom.report.code_pages import explain_code, find_code
    from planloom.report.code_texts import CODE_TEXTS
    from planloom.report.diagnostics_pages import explain_retired, explain_text, find_rule
    from planloom.syntax.suggest import advise

    if code is None:
        _list_all(style)
        return EXIT_DONE
    rule, refusal = find_rule(code), find_code(code)
    retired = explain_retired(code)
    if retired:
        raise InputError(retired.rstrip(".\n"), hint="planloom explain   # lists the codes that are in use")
    if rule is None and not refusal:
        names = [*(name for rule in RULES for name in (rule.code, rule.name)), *CODE_TEXTS]
        message = f"there is no code or rule '{code}'"
        raise InputError(message, hint=advise(code, names) or "planloom explain   # lists all")
    if style == "json":
        screen.product_json(_document([_rule_document(rule) if rule is not None else _code_document(refusal)]))
    else:
        screen.product(explain_text(rule) if rule is not None else explain_code(refusal))
    return EXIT_DONE


def _list_all(style: str) -> None:
    from planloom.checks.catalogue import RULES
    from planloom.checks.pages import parse_page
    from planloom.report.code_texts import CODE_TEXTS

    if style == "json":
        screen.product_json(_document([*map(_rule_document, RULES), *map(_code_document, CODE_TEXTS)]))
        return
    for rule in RULES:
        screen.product(f"{rule.code}  {rule.name:<24} {parse_page(rule.page).title}")
    for code, text in CODE_TEXTS.items():
        screen.product(f"{code:<31} {text.title}")


def _document(codes: list[Json]) -> Json:
    return {"schema": "planloom/explanation/v1", "codes": codes}


def _rule_document(rule: Rule) -> Json:
    from planloom.checks.pages import parse_page

    page = parse_page(rule.page)
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "title": page.title,
        "what": page.what,
        "why": page.why,
        "fails": page.fails.text,
        "passes": page.passes.text,
        "canBeAllowed": rule.can_be_allowed,
    }


def _code_document(code: str) -> Json:
    from planloom.report.code_texts import CODE_TEXTS

    text = CODE_TEXTS[code]
    return {
        "code": code,
        "name": code,
        "severity": "error",
        "title": text.title,
        "what": text.what,
        "why": text.why,
        "repair": text.repair,
    }
