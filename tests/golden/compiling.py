"""Compile a folder of specs as the command does, without the command."""

from __future__ import annotations

from pathlib import Path

from planloom.pipeline import check_project, compile_project, read_specs

CASES = Path(__file__).parent / "cases"


def case_names():
    names = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
    assert names, "no golden cases were found"
    return names


def compile_folder(folder: Path) -> dict[str, bytes]:
    checked = check_project(read_specs(folder).files, None, locked=True)
    assert checked.is_sound, checked.diagnostics
    return compile_project(checked)


def compile_text(**specs: str) -> dict[str, bytes]:
    """Compile plans given as text: file name without ending → YAML."""
    checked = check_project({f"specs/{name}.yaml": text.encode() for name, text in specs.items()}, None, locked=True)
    assert checked.is_sound, checked.diagnostics
    return compile_project(checked)
