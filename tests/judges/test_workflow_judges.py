"""actionlint, zizmor and GitHub's schema find nothing in anything that is generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.compiling import CASES, case_names, compile_folder
from judges.tools import actionlint, schema, stage, zizmor

REPOSITORY = Path(__file__).parents[2]


def workflows_of(name: str) -> dict[str, bytes]:
    if name == "this repository":
        return {
            path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
            for path in sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
        }
    if name == "examples":
        examples = REPOSITORY / "compiler/planloom/scaffold/examples"
        return _workflows({f"specs/{path.name}": path.read_bytes() for path in sorted(examples.glob("*.yaml"))})
    return {path: content for path, content in compile_folder(CASES / name).items() if path.startswith(".github/")}


def _workflows(files: dict[str, bytes]) -> dict[str, bytes]:
    from planloom.pipeline import check_project, compile_project

    assert files, "no examples were found"
    checked = check_project(files, None, locked=True)
    assert checked.is_sound, checked.diagnostics
    return {path: content for path, content in compile_project(checked).items() if path.startswith(".github/")}


@pytest.mark.parametrize("name", [*case_names(), "this repository", "examples"])
def test_the_judges_find_nothing(name, tmp_path):
    folder = stage(tmp_path, workflows_of(name))
    assert actionlint(folder) == ""
    assert zizmor(folder) == []
    assert schema(folder) == ""


def test_the_judges_do_see_something(tmp_path):
    bad = b"on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: gone\n    steps:\n      - uses: a/b@main\n        wit: {}\n"
    folder = stage(tmp_path, {".github/workflows/bad.yml": bad})
    assert "gone" in actionlint(folder)
    assert {ident for ident, _ in zizmor(folder)} >= {"unpinned-uses", "dangerous-triggers"}
    assert schema(folder) != ""
