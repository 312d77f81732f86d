"""A target for a fuzzer: any bytes in the place of a plan become nodes or diagnostics, and every report of them can be printed.

Run it where atheris can be installed, in an environment of its own with planloom's dependencies:

    python tests/syntax/fuzzing.py --seeds FOLDER                        writes the examples of all rules as seeds
    python tests/syntax/fuzzing.py FOLDER -max_total_time=600 -max_len=4096

`test_fuzzing.py` runs the target on the seeds and on what a fuzzer once found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PATH = "specs/x.yaml"
STYLES = ("text", "json", "github", "sarif")


def look_at(content: bytes) -> None:
    """Check, report and lay out a file of these bytes. Raises: AssertionError, or whatever a bug raises."""
    from planloom.core.errors import InputError
    from planloom.pipeline import check_project
    from planloom.report.diagnostics import render
    from planloom.report.diagnostics_fixes import apply_fixes
    from planloom.syntax.layout import lay_out

    checked = check_project({PATH: content}, None)
    lines = content.decode("utf-8", errors="replace").split("\n")
    for diagnostic in checked.diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert 1 <= span.line <= span.end_line <= len(lines) + 1, (diagnostic, content)
            assert span.column >= 1, (diagnostic, content)
    printed = {style: render(checked.diagnostics, checked.sources, style) for style in STYLES}
    assert "\x1b" not in printed["text"]
    assert len(json.loads(printed["json"])["diagnostics"]) == len(checked.diagnostics)
    assert json.loads(printed["sarif"])["version"] == "2.1.0"
    assert all(line.startswith(("::error ", "::warning ")) for line in printed["github"].splitlines())
    assert checked.is_sound or checked.diagnostics
    changed, _ = apply_fixes(checked.diagnostics, checked.sources)
    check_project({PATH: content} | changed, None)
    try:
        laid_out = lay_out(PATH, content)
    except InputError:
        return
    assert lay_out(PATH, laid_out) == laid_out, content


def seeds() -> list[bytes]:
    """Return the examples of every rule, those that fail and those that pass."""
    from planloom.checks.catalogue import RULES
    from planloom.checks.pages import EXAMPLE_PATH, parse_page

    pages = [parse_page(rule.page) for rule in RULES]
    examples = [example.files.get(EXAMPLE_PATH, b"") for page in pages for example in (page.fails, page.passes)]
    return sorted({content for content in examples if 0 < len(content) < 4096})


def main(arguments: list[str]) -> None:
    """Write seeds, or let atheris look for bytes that break the target."""
    if arguments[1:2] == ["--seeds"]:
        folder = Path(arguments[2])
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(seeds()):
            (folder / f"seed-{number:03d}").write_bytes(content)
        return
    import atheris

    with atheris.instrument_imports(include=["planloom", "ruamel"]):
        look_at(b"schema: planloom/plan/v1\n")
    atheris.Setup(arguments, look_at)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
