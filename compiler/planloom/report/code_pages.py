"""The `E_…` codes for people: what `explain` prints of one, and the reference page of all."""

from __future__ import annotations

from typing import Final

from planloom.report.code_texts import CODE_TEXTS
from planloom.trust.audit.findings import MEANINGS

PAGE: Final = "codes.md"
"""The page's name below `generated/docs`."""

_HEAD: Final = """\
# Codes of evidence and refusals

What `planloom verify` reports and what stands in `error [E_…]`. `planloom explain CODE` prints one of them. Codes are stable: none is ever
given to another meaning.
"""


def find_code(word: str) -> str:
    """Return the code that is meant, in any case, or the empty string."""
    wanted = word.strip().upper()
    return wanted if wanted in CODE_TEXTS else ""


def anchor(code: str) -> str:
    """Return the link to a code's section, from a page in the same folder."""
    return f"{PAGE}#{code.lower()}"


def explain_code(code: str) -> str:
    """Return a code's page for a terminal."""
    text = CODE_TEXTS[code]
    return f"{code}: {text.title}\n\n{text.what}\n\nWhy: {text.why}\n\nWhat to do: {text.repair}\n"


def build_page() -> str:
    """Return the page of all codes, Markdown with a final newline."""
    parts = [_HEAD]
    for title, codes in (
        ("What verifying finds", [code for code in CODE_TEXTS if code in MEANINGS]),
        ("What commands refuse for", [code for code in CODE_TEXTS if code not in MEANINGS]),
    ):
        parts.append(f"## {title}\n")
        for code in codes:
            text = CODE_TEXTS[code]
            parts.append(
                f"### {code}\n\n{text.title[0].upper()}{text.title[1:]}.\n\n{text.what}\n\nWhy: {text.why}\n\nWhat to do: {text.repair}\n"
            )
    parts.append("[All pages](README.md)\n")
    return "\n".join(parts)
