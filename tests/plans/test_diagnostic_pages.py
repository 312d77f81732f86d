"""The generated pages are what the rules say."""

from pathlib import Path

from planloom.checks.catalogue import RULES
from planloom.report.diagnostics_pages import build_pages, explain_text, stale_pages, write_pages

ROOT = Path(__file__).parents[2]


def test_the_committed_pages_are_current():
    assert stale_pages(ROOT) == [], "python -m planloom.report.diagnostics_pages --write"


def test_there_is_a_page_for_each_rule_and_the_index_links_it():
    pages = build_pages()
    assert len(pages) == len(RULES) + 1
    for rule in RULES:
        assert f"({rule.code}-{rule.name}.md)" in pages["README.md"]
        assert explain_text(rule).startswith(f"{rule.code} {rule.name} (")


def test_a_page_that_was_changed_missing_or_of_no_rule_is_stale(tmp_path):
    write_pages(tmp_path)
    folder = tmp_path / "generated/docs/diagnostics"
    assert stale_pages(tmp_path) == []
    (folder / "README.md").write_text("x")
    (folder / "PL402-cycle.md").unlink()
    (folder / "PL000-none.md").write_text("x")
    assert stale_pages(tmp_path) == ["PL000-none.md", "PL402-cycle.md", "README.md"]
    write_pages(tmp_path)
    assert stale_pages(tmp_path) == []
