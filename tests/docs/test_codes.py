"""Every code that planloom can say is explained, and nothing is explained that it never says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from planloom.cli.main import COMMANDS
from planloom.report.code_pages import build_page, explain_code, find_code
from planloom.report.code_texts import CODE_TEXTS

SOURCE = Path(__file__).parents[2] / "compiler" / "planloom"


def said_codes():
    """Return the codes that stand as words of their own in the source, but for the texts themselves."""
    files = [path for path in SOURCE.rglob("*.py") if path.name != "code_texts.py"]
    return {code for path in files for code in re.findall(r'"(E_[A-Z_]+[A-Z])"', path.read_text(encoding="utf-8"))}


def test_what_is_said_and_what_is_explained_are_the_same_codes():
    assert said_codes() == set(CODE_TEXTS)


@pytest.mark.parametrize("code", CODE_TEXTS)
def test_a_code_is_explained_in_full_and_names_only_commands_that_exist(code):
    page = explain_code(find_code(code.lower()))
    assert page.startswith(f"{code}: ")
    text = CODE_TEXTS[code]
    assert not text.title.endswith(".")
    assert all(part.endswith(".") for part in (text.what, text.why, text.repair))
    assert set(re.findall(r"`planloom ([a-z]+)", page)) <= set(COMMANDS)


def test_the_page_has_an_anchor_for_each_code():
    assert sorted(re.findall(r"^### (\S+)$", build_page(), re.MULTILINE)) == sorted(CODE_TEXTS)


def test_a_word_that_is_no_code_is_not_found():
    assert find_code("E_") == ""
