"""Code frames: widths, cuts, labels, and that nothing of a plan reaches the terminal raw."""

from planloom.core.diagnostics import Diagnostic, Edit, Label, Severity, Span
from planloom.report.diagnostics import columns, render_text, visible
from planloom.report.diagnostics_fixes import apply_fixes
from planloom.report.diagnostics_formats import render_summary


def diagnostic(span, **more):
    return Diagnostic("PL999", "sample", Severity.ERROR, "something", span, **more)


def frame(line, column, end, **more):
    text = render_text([diagnostic(Span("a.yaml", 1, column, 1, end), **more)], {"a.yaml": line.encode()})
    return text.splitlines()


def test_the_caret_stands_under_the_words():
    assert frame("key: value", 6, 11)[1:3] == ["1 | key: value", "  |      ^^^^^"]


def test_wide_characters_take_two_columns():
    assert frame("日本: x", 5, 6)[2] == "  |       ^"


def test_tabs_are_shown_as_spaces_and_counted():
    assert frame("a:\tb", 4, 5)[1:3] == ["1 | a:    b", "  |       ^"]


def test_a_long_line_is_cut_around_the_place():
    lines = frame("x" * 1000 + "HERE" + "y" * 1000, 1001, 1005)
    assert "HERE" in lines[1]
    assert len(lines[1]) < 200
    assert lines[2].index("^") == lines[1].index("HERE")


def test_a_cut_shows_that_there_is_more_and_only_where_there_is():
    start = frame("HERE" + "y" * 1000, 1, 5)[1]
    middle = frame("x" * 1000 + "HERE" + "y" * 1000, 1001, 1005)[1]
    end = frame("x" * 1000 + "HERE", 1001, 1005)[1]
    cuts = [(line.partition("| ")[2][0] == "…", line[-1] == "…") for line in (start, middle, end)]
    assert cuts == [(False, True), (True, True), (True, False)]
    assert all("HERE" in line and len(line) < 130 for line in (start, middle, end))


def test_a_long_mark_ends_where_the_line_is_cut():
    _, line, mark, *_ = frame("key: " + "x" * 5000, 6, 5006)
    assert len(mark) == len(line) - 1
    assert mark.endswith("^")


def test_a_caret_behind_the_last_word_is_shown_where_a_line_is_cut_too():
    _, line, mark, *_ = frame("x" * 500, 501, 501)
    assert mark == f"  | {'^':>{len(line) - 3}}"


def test_of_many_files_the_first_ten_are_named():
    found = [diagnostic(Span(f"{n:02}.yaml", 1, 1, 1, 2)) for n in range(70)]
    line = render_text(found, {}).splitlines()[-3]
    assert line.startswith("20 more: 50.yaml 1 error; 51.yaml 1 error; ")
    assert "; 59.yaml 1 error; 10 more files; planloom validate --all" in line
    assert render_text(found[:50], {}).count("[PL999") == 50
    assert "more" not in render_text(found[:50], {})


def test_a_job_summary_stays_below_what_github_takes_and_says_how_much_it_leaves_out():
    found = [diagnostic(Span("a.yaml", n, 1, n, 2), help="do " * 300) for n in range(1, 3001)]
    warned = Diagnostic("PL998", "sample", Severity.WARNING, "only a warning", Span("a.yaml", 1, 1, 1, 2))
    summary = render_summary([warned, *found])
    assert len(summary.encode()) < 1024 * 1024
    shown = summary.count("| PL999 |")
    assert 0 < shown < 3000
    assert f"\n{3001 - shown:,} more are not shown here" in summary
    assert "only a warning" not in summary
    assert render_summary([warned]).count("| PL998 |") == 1


def test_an_empty_span_still_gets_a_caret():
    assert frame("abc", 2, 2)[2] == "  |  ^"


def test_labels_show_the_second_place():
    label = Label(Span("a.yaml", 1, 1, 1, 4), "first defined here")
    assert "  | ^^^ first defined here" in frame("key: value", 6, 11, labels=(label,))


def test_invisible_characters_are_escaped():
    assert visible("a\x1b[2J\u202eb\u200b") == "a\\u001b[2J\\u202eb\\u200b"
    assert columns("a\u0301") == 1


def test_no_diagnostics_no_text():
    assert render_text([], {}) == ""


def edit(column, end, text):
    return Edit(Span("a.yaml", 1, column, 1, end), text)


def test_fixes_that_overlap_are_not_both_applied():
    one = diagnostic(Span("a.yaml", 1, 1, 1, 2), fix=(edit(1, 4, "X"),))
    other = diagnostic(Span("a.yaml", 1, 1, 1, 3), fix=(edit(3, 6, "Y"),))
    changed, count = apply_fixes([one, other], {"a.yaml": b"abcdef\n"})
    assert (changed, count) == ({"a.yaml": b"Xdef\n"}, 1)


def test_fixes_keep_line_ends_and_count_characters():
    fix = diagnostic(Span("a.yaml", 2, 1, 2, 2), fix=(Edit(Span("a.yaml", 2, 2, 2, 3), "B"),))
    changed, _ = apply_fixes([fix], {"a.yaml": "é\r\néb\r\n".encode()})
    assert changed["a.yaml"] == "é\r\néB\r\n".encode()
