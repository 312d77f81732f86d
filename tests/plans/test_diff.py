"""diff: what a change of the plans means, privileges first."""

import json
import subprocess

import pytest

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
BASE = """steps:
  - key: build
    run: |
      make
      make test
  - key: docs
    run: make docs
  - key: publish
    needs: [build]
    run: make publish
    gate: {approvals: 2}
    secrets: [TOKEN]
    permissions: {contents: read}
"""


@pytest.fixture
def versions(tmp_path, write):
    """Return a function that lays down two folders, old and new, and leaves the new one's specs as the project."""

    def put(old, new):
        folder = tmp_path / "old" / "specs"
        folder.mkdir(parents=True)
        if old is not None:
            (folder / "demo.yaml").write_text(HEAD + old)
        else:
            (folder / "planloom.yaml").write_text("schema: planloom/project/v1\n")
        write("specs/demo.yaml", new)

    return put


def diff(planloom, *words):
    return planloom("diff", "old", *words)


def messages(done):
    return [p["message"] for plan in json.loads(done.out)["plans"] for p in plan["privileges"]]


def test_equal_plans_mean_the_same(planloom, versions):
    versions(BASE, "# a comment\n" + BASE)
    done = diff(planloom, "--fail-on-privilege")
    assert (done.status, done.out) == (0, "The plans mean the same.\n")


def test_steps_added_removed_and_changed_are_named(planloom, versions):
    versions(
        BASE,
        BASE.replace("docs", "pages").replace("make test", "make check").replace("[build]\n    run", "[build, pages]\n    run"),
    )
    done = diff(planloom)
    assert done.status == 0
    assert "  ~ step build\n      command:\n         make\n        -make test\n        +make check\n" in done.out
    assert "  + step pages\n" in done.out
    assert "  - step docs\n" in done.out
    assert "      needs: build → build, pages\n" in done.out
    assert done.out.endswith("1 step added, 1 step removed, 2 steps changed, no new privileges.\n")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{approvals: 2}", "{approvals: 1}", "waits for 1 approvals instead of 2"),
        ("    gate: {approvals: 2}\n", "", "waits for no approval any more (before: 2 by approver)"),
        ("{approvals: 2}", "{role: friend, approvals: 2}", "is approved by friend instead of approver"),
        ("[TOKEN]", "[TOKEN, OTHER]", "reads the secret OTHER"),
        ("{contents: read}", "{contents: write}", "the token may write contents (before: read)"),
        ("{contents: read}", "{contents: read, packages: read}", "the token may read packages (before: none)"),
        (
            "steps:\n",
            "workflow: {execution: direct}\nsteps:\n",
            "commands run beside the signing key (direct instead of isolated)",
        ),
    ],
)
def test_what_got_weaker_is_a_new_privilege_and_fails_unless_acknowledged(planloom, versions, before, after, message):
    versions(BASE, BASE.replace(before, after))
    done = diff(planloom, "--format", "json", "--fail-on-privilege")
    assert done.status == 1
    assert messages(done) == [message]
    assert diff(planloom).status == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{approvals: 2}", "{approvals: 3}"),
        ("[TOKEN]", "[]"),
        ("{contents: read}", "{}"),
        ("make docs", "make pages"),
    ],
)
def test_what_got_stronger_or_only_different_is_no_privilege(planloom, versions, before, after):
    versions(BASE, BASE.replace(before, after))
    assert diff(planloom, "--fail-on-privilege").status == 0


def test_a_new_plan_counts_with_everything_it_may_do(planloom, versions):
    versions(None, BASE)
    done = diff(planloom, "--format", "json", "--fail-on-privilege")
    assert done.status == 1
    assert messages(done) == ["reads the secret TOKEN", "the token may read contents"]


def test_acknowledging_writes_the_digest_and_later_weakening_asks_again(planloom, versions, tmp_path):
    versions(BASE, BASE.replace("approvals: 2", "approvals: 1"))
    file = tmp_path / "specs/demo.yaml"
    assert diff(planloom, "--acknowledge").status == 0
    assert "workflow:\n  privileges-acknowledged: sha256:" in file.read_text()
    assert diff(planloom, "--fail-on-privilege").status == 0
    file.write_text(file.read_text().replace("[TOKEN]", "[TOKEN, MORE]"))
    assert diff(planloom, "--fail-on-privilege").status == 1
    assert diff(planloom, "--acknowledge").status == 0
    assert file.read_text().count("privileges-acknowledged") == 1
    assert diff(planloom, "--fail-on-privilege").status == 0


@pytest.mark.parametrize("workflow", ["workflow: {loop: manual}\n", "workflow:\n  loop: manual\n  collect: wave\n"])
def test_acknowledging_keeps_every_other_byte(planloom, versions, tmp_path, workflow):
    text = "# first\n" + workflow + BASE.replace("approvals: 2", "approvals: 1") + "# last\n"
    versions(BASE, text)
    diff(planloom, "--acknowledge")
    result = (tmp_path / "specs/demo.yaml").read_text()
    line = next(line for line in result.splitlines() if "privileges-acknowledged" in line)
    digest = line.split("privileges-acknowledged: ")[1].split(",")[0]
    cut = f"privileges-acknowledged: {digest}, " if "{" in line else f"{line}\n"
    assert result.replace(cut, "").replace("  loop: manual", "  loop: manual") == HEAD + text
    assert planloom("validate").status == 0


def test_markdown_of_a_plan_stays_text(planloom, versions):
    versions(BASE, BASE.replace("make docs", "x | <script> [a](b) @team\\n## x"))
    done = diff(planloom, "--format", "markdown")
    assert "<script>" not in done.out
    assert "[a](b)" not in done.out
    assert "\\@team" in done.out


def test_a_changed_command_is_shown_as_a_block_that_it_can_not_close(planloom, versions):
    versions(BASE, BASE.replace("make test", "echo '````' # made up"))
    lines = diff(planloom, "--format", "markdown").out.splitlines()
    fences = [line for line in lines if line.startswith("`````")]
    assert fences == ["`````diff", "`````"]
    assert "+echo '````' # made up" in lines


def test_a_summary_that_would_be_too_big_is_cut_behind_the_privileges_of_all_plans(planloom, versions, write):
    lines = "".join(f"      - echo {n} {'x' * 90}\n" for n in range(30))
    steps = "".join(f"  - key: s{n}\n    run: |\n{lines}" for n in range(500))
    versions(BASE, BASE + steps.replace("echo", "ls"))
    file = write("specs/z.yaml", "").with_name("demo.yaml")
    old = file.parents[1] / "old/specs"
    (old / "demo.yaml").write_text(HEAD + BASE + steps)
    for folder, secret in ((old, ""), (file.parent, "    secrets: [LATE]\n")):
        (folder / "z.yaml").write_text(HEAD.replace("id: demo", "id: zz") + "steps:\n  - key: a\n    run: x\n" + secret)
    done = diff(planloom, "--format", "markdown")
    assert len(done.out.encode()) < 1024 * 1024
    assert done.out.index("### New privileges of zz, **not acknowledged**") < done.out.index("### demo changed")
    assert "step a reads the secret LATE" in done.out
    assert done.out.endswith("\nThe rest does not fit here: `planloom diff` shows all.\n")
    assert sum(line.startswith("```") for line in done.out.splitlines()) % 2 == 0


def test_the_text_names_the_privileges_of_all_plans_before_the_details_of_any(planloom, versions, write, tmp_path):
    versions(BASE, BASE.replace("make docs", "make pages").replace("[TOKEN]", "[TOKEN, EARLY]"))
    late = HEAD.replace("id: demo", "id: zz") + "steps:\n  - key: a\n    run: x\n"
    (tmp_path / "old/specs/z.yaml").write_text(late)
    write("specs/z.yaml", late + "    secrets: [LATE]\n", head="")
    assert diff(planloom).out.startswith(
        "new privileges of demo (not acknowledged):\n  ! step publish reads the secret EARLY\n\n"
        "new privileges of zz (not acknowledged):\n  ! step a reads the secret LATE\n\n"
        "demo changed (specs/demo.yaml)\n"
    )
    diff(planloom, "--acknowledge")
    assert diff(planloom).out.startswith("new privileges of demo (acknowledged in the plan):\n")


def test_the_longest_path_before_and_after_is_told(planloom, versions):
    versions(BASE, BASE.replace("    run: make docs", "    run: make docs\n    needs: [publish]"))
    assert "longest path: 2 → 3 steps (build → publish → docs)" in diff(planloom).out


def test_a_broken_plan_is_refused_with_its_place(planloom, versions):
    versions(BASE, "steps: [{key: a, needs: [b]}]\n")
    done = diff(planloom)
    assert done.status == 2
    assert "specs/demo.yaml:5:" in done.err


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words], cwd=folder, check=True, capture_output=True
    )


def test_git_revisions_are_compared_with_the_working_files(planloom, write, tmp_path):
    file = write("specs/demo.yaml", BASE)
    git(tmp_path, "init", "-qb", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    assert planloom("diff").out == "The plans mean the same.\n"
    file.write_text(file.read_text().replace("[TOKEN]", "[TOKEN, MORE]"))
    assert "reads the secret MORE" in planloom("diff", "main").out
    git(tmp_path, "commit", "-qam", "two")
    assert "reads the secret MORE" in planloom("diff", "main~1", "main").out
    assert planloom("diff", "main", "main").out == "The plans mean the same.\n"


def test_a_project_below_the_top_of_its_repository_is_found_too(planloom, tmp_path, write):
    write("sub/specs/demo.yaml", BASE)
    git(tmp_path, "init", "-qb", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    assert planloom("diff", "main", "--root", "sub").out == "The plans mean the same.\n"


@pytest.mark.parametrize("revision", ["nothing", "--output=x"])
def test_an_unknown_revision_is_unusable_input(planloom, write, tmp_path, revision):
    write("specs/demo.yaml", BASE)
    git(tmp_path, "init", "-qb", "main")
    assert planloom("diff", "--", revision).status == 2


PIN = "actions/cache@" + "0" * 40
STRONG = f"""steps:
  - key: native
    steps: [{{uses: {PIN}}}]
    environment: production
  - key: boxed
    run: make
    # planloom: allow[unpinned-image] looked at
    container: r/i@sha256:{"0" * 64}
    baseline: true
"""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (f"{{uses: {PIN}}}", "{run: 'echo', env: {T: '${{ secrets.HIDDEN }}'}}", "reads the secret HIDDEN"),
        (
            "    environment: production\n",
            "",
            "environment none instead of 'production', with that one's protection",
        ),
        (
            f"steps: [{{uses: {PIN}}}]",
            "steps: [{uses: 'docker://r/i:1'}] # planloom: allow[unpinned-image] looked at",
            "runs docker://r/i:1, which is not pinned by digest",
        ),
        (f"r/i@sha256:{'0' * 64}", "r/i:latest", "image 'r/i:latest' instead of one pinned by digest"),
        ("    baseline: true\n", "", "is no baseline any more: it may run again without a revert"),
    ],
)
def test_what_actions_environments_images_and_baselines_lose_is_a_new_privilege(planloom, versions, before, after, message):
    versions(STRONG, STRONG.replace(before, after))
    done = diff(planloom, "--format", "json", "--fail-on-privilege")
    assert (done.status, messages(done)) == (1, [message])
    text = diff(planloom).out
    assert text.index(message) < text.index("~ step"), "privileges come first"


@pytest.mark.parametrize(
    ("image", "expected"),
    [("r/i:latest", ["runs in image 'r/i:latest', which is not pinned by digest"]), (f"r/i@sha256:{'0' * 64}", [])],
)
def test_a_container_that_was_not_there_is_a_privilege_unless_it_is_pinned(planloom, versions, image, expected):
    versions(
        BASE, BASE.replace("run: make docs", f"run: make docs\n    # planloom: allow[unpinned-image] x\n    container: {image}")
    )
    assert messages(diff(planloom, "--format", "json")) == expected


def test_runner_and_timeout_of_a_step_are_compared_too(planloom, versions):
    versions(BASE, BASE.replace("run: make docs", "run: make docs\n    runs-on: [self-hosted, linux]\n    timeout-minutes: 7"))
    (plan,) = json.loads(diff(planloom, "--format", "json").out)["plans"]
    (step,) = plan["steps"]
    assert (step["key"], step["kind"]) == ("docs", "changed")
    assert {field["field"]: (field["before"], field["after"]) for field in step["fields"]} == {
        "runner": ("ubuntu-24.04", "self-hosted, linux"),
        "timeout": ("30 min", "7 min"),
    }


def test_in_a_workflow_the_verdict_is_one_annotation(planloom, versions, monkeypatch):
    versions(BASE, BASE.replace("[TOKEN]", "[TOKEN, OTHER]"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert diff(planloom).err.count("::notice title=planloom diff::") == 1
    done = diff(planloom, "--fail-on-privilege")
    assert (done.status, done.err.count("::error title=planloom diff::")) == (1, 1)
