"""Every byte of the compiled examples. `pytest tests/golden --update-golden` writes them anew: read the diff first."""

from __future__ import annotations

import shutil

import pytest

from golden.compiling import CASES, case_names, compile_folder

EXPECTED = "expected"


def read_expected(case):
    root = CASES / case / EXPECTED
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("case", case_names())
def test_compiling_gives_the_golden_bytes(case, request):
    files = compile_folder(CASES / case)
    # The schemas are the same in every project, and are committed in this repository's generated/.
    files = {path: content for path, content in files.items() if not path.startswith("generated/schema/")}
    if request.config.getoption("--update-golden", default=False):
        shutil.rmtree(CASES / case / EXPECTED, ignore_errors=True)
        for path, content in files.items():
            target = CASES / case / EXPECTED / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    assert list(read_expected(case)) == sorted(files)
    for path, content in files.items():
        assert content.decode() == read_expected(case)[path].decode(), path
