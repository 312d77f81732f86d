"""What is said when nobody is there to answer, and when a project is laid down beside, in or around another one."""

from __future__ import annotations

from care.conftest import project_in
from planloom.scaffold.neighbours import find_neighbours


def test_a_command_that_asks_is_refused_where_nobody_can_answer_and_signs_nothing(fresh):
    assert fresh.run("open", "release-1").code == 0
    plan = fresh.root / "specs" / "release.yaml"
    plan.write_text(plan.read_text().replace("version: 1.0.0", "version: 1.1.0"))
    assert fresh.run("compile").code == 0
    asked = fresh.run("migrate", "release-1")
    assert asked.code == 2
    assert "nobody to answer" in asked.err
    assert "--yes" in asked.err
    assert fresh.run("migrate", "release-1", "--yes").code == 0


def test_a_project_in_or_around_another_one_is_told(tmp_path, fresh):
    inside = fresh.run("init", "inner", "--example", "none")
    assert inside.code == 0
    assert f"warning: inner lies in the project {fresh.root}" in inside.err
    outside = project_in(fresh.root.parent).run("init", "--example", "none")
    assert "warning: demo in . is a project already" in outside.err
    assert find_neighbours(fresh.root) == ()
    assert find_neighbours(tmp_path / "none" / "here") == (
        f"{tmp_path}/none/here lies in the project {tmp_path}: GitHub reads workflows only at the top of a repository",
    )


def test_the_next_command_enters_a_folder_whose_name_begins_like_an_option(fresh, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    laid = project_in(tmp_path / "elsewhere").run("init", "--example", "none", "--", "-x")
    assert "cd ./-x" in laid.err
