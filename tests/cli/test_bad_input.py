"""Whatever a user gets wrong is answered: what and where, what to do, the exit code, and nothing half written."""

from __future__ import annotations

import os
import shutil

import pytest

from shops import Shop

STEPS = (
    {"key": "build", "run": "true", "needs": []},
    {"key": "test", "run": "true", "needs": ["build"]},
    {"key": "publish", "run": "true", "needs": ["test"], "gate": {"role": "approver", "approvals": 1}},
    {"key": "merge", "run": "true", "needs": [], "baseline": True},
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project with an open work item whose first step is claimed and whose last is integrated; no test here changes it."""
    made = Shop(tmp_path_factory.mktemp("bad") / "shop", *STEPS)
    made.check("open", "demo-1")
    made.check("claim", "demo-1", "merge")
    made.check("complete", "demo-1", "merge", "--outcome", "x", "--next-action", "y")
    made.check("claim", "demo-1", "build", "--executor", "anna")
    return made


@pytest.fixture
def empty(tmp_path):
    return Shop(tmp_path / "shop")


def snapshot(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(shop, code, *arguments, said=(), **variables):
    """Run a command that must be refused with this exit code, say these texts, and change nothing."""
    before = snapshot(shop.folder)
    done = shop.run(*arguments, **variables)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}{done.stderr}"
    for text in said:
        assert text in done.stderr + done.stdout, done.stderr + done.stdout
    assert done.stderr.strip(), "a refusal says why"
    after = snapshot(shop.folder)
    assert {
        p for p in before | after if before.get(p) != after.get(p) and not p.startswith((".planloom/cache", "artifacts/.ledger"))
    } == set()
    return done


PLAN = """\
schema: planloom/plan/v1
id: demo
name: Demo
version: 1.0.0
steps:
  - key: build
    needs: []
    run: make
"""

BAD_PLANS = {
    "unreadable YAML": (PLAN.replace("run: make", "run: make: it"), ["specs/demo.yaml:8:"], "^"),
    "unknown key": (PLAN.replace("    run:", "    rnu:"), ["specs/demo.yaml:8:5", "rnu", "did you mean", "run"], "^"),
    "unknown need": (
        PLAN + "  - key: test\n    needs: [biuld]\n    run: make\n",
        ["specs/demo.yaml:10:13", "biuld", "did you mean", "build"],
        "^",
    ),
    "cycle": (
        PLAN.replace("needs: []", "needs: [c]") + "  - {key: b, needs: [build], run: x}\n  - {key: c, needs: [b], run: x}\n",
        ["specs/demo.yaml:", "b", "build", "c"],
        "^",
    ),
    "duplicate key": (PLAN + "    run: again\n", ["specs/demo.yaml:9:5", "run"], "^"),
    "duplicate step": (PLAN + "  - {key: build, run: x}\n", ["specs/demo.yaml:9:", "build"], "^"),
    "anchor": (PLAN.replace("name: Demo", "name: &a Demo"), ["specs/demo.yaml:3:"], "^"),
    "empty file": ("", ["specs/demo.yaml"], ""),
    "a binary file": ("\x00\x01", ["specs/demo.yaml"], ""),
}


@pytest.mark.parametrize("name", BAD_PLANS)
@pytest.mark.parametrize("command", ["validate", "compile"])
def test_a_plan_with_a_mistake_is_shown_with_its_place_and_nothing_is_written(empty, name, command):
    text, said, caret = BAD_PLANS[name]
    (empty.folder / "specs/demo.yaml").write_text(text)
    done = refused_plan(empty, command, said)
    assert caret in done.stdout + done.stderr


def refused_plan(shop, command, said):
    before = snapshot(shop.folder)
    done = shop.run(command)
    assert done.returncode == 1, done.stdout + done.stderr
    for text in said:
        assert text in done.stdout + done.stderr, done.stdout + done.stderr
    assert snapshot(shop.folder) == before
    return done


def test_a_cycle_is_printed_as_the_same_path_on_every_run(empty):
    (empty.folder / "specs/demo.yaml").write_text(BAD_PLANS["cycle"][0])
    runs = [empty.run("validate", PYTHONHASHSEED=seed) for seed in ("0", "1", "2", "3")]
    assert len({(r.stdout, r.stderr) for r in runs}) == 1
    text = runs[0].stdout + runs[0].stderr
    assert any("b" in line and "build" in line and "c" in line for line in text.splitlines())


@pytest.mark.parametrize("style", ["mermaid", "dot", "json"])
def test_a_plan_whose_step_needs_one_that_is_not_there_is_not_drawn(empty, style):
    (empty.folder / "specs/demo.yaml").write_text(PLAN.replace("needs: []", "needs: [zz]"))
    done = refused(empty, 2, "graph", "--format", style, said=["plan 'demo' has errors", "planloom validate"])
    assert done.stdout == ""


def test_a_place_that_takes_no_file_is_named_as_it_was_given(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true", "needs": []})
    shop.check("run", "demo-1")
    (shop.folder / "file").write_text("")
    bundle = refused(shop, 5, "export", "--bundle", f"{shop.folder}/file/x", said=[f"{shop.folder}/file/x can't be written"])
    links = refused(
        shop,
        5,
        "export",
        "--as",
        "in-toto",
        "--work-item",
        "demo-1",
        "--to",
        "file/zz",
        said=["file/zz/root.layout can't be written"],
    )
    for done in (bundle, links):
        assert "see that its folder may be written to" in done.stderr
        assert "make room" not in done.stderr


def test_a_schedule_that_can_not_be_written_is_named_with_its_folder(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true", "needs": []})
    shop.check("open", "demo-1")
    shutil.rmtree(shop.folder / "artifacts/schedule")
    (shop.folder / "artifacts/schedule").write_text("")
    done = refused(
        shop, 5, "delegate", "--structured-work-item", "demo-1", said=["artifacts/schedule/demo-1.json can't be written"]
    )
    assert "make room" not in done.stderr


def test_a_missing_work_item_is_refused_with_the_nearest(shop):
    for command in (
        ["status", "demo-2"],
        ["why", "demo-2"],
        ["claim", "demo-2", "build"],
        ["report", "demo-2"],
        ["close", "demo-2", "--reason", "x"],
    ):
        refused(shop, 2, *command, said=["there is no work item 'demo-2'"])
    refused(shop, 2, "claim", "demo-11", "build", said=["did you mean 'demo-1'"])


def test_an_unknown_step_is_refused_with_the_nearest(shop):
    for command in (
        ["why", "demo-1", "biuld"],
        ["claim", "demo-1", "biuld"],
        ["complete", "demo-1", "biuld"],
        ["approve", "demo-1", "biuld", "--yes"],
    ):
        refused(shop, 2, *command, said=["no step 'biuld'", "did you mean 'build'"])


def test_a_step_that_is_not_ready_says_what_it_waits_for(shop):
    refused(shop, 3, "claim", "demo-1", "test", said=["can't be claimed", "needs build", "planloom why demo-1 test"])
    refused(shop, 3, "claim", "demo-1", "publish", said=["needs test", "1 approval by approver"])
    refused(shop, 3, "approve", "demo-1", "publish", "--yes", said=["can't be approved yet", "needs test"])


def test_a_claim_that_is_taken_says_by_whom_and_since_when(shop):
    done = refused(shop, 3, "claim", "demo-1", "build", said=["claimed by anna since 20", "as build-local"])
    assert "planloom abandon demo-1 build" in done.stderr


def test_a_wrong_attempt_is_refused_and_the_open_one_named(shop):
    end = ("--outcome", "x", "--next-action", "y", "--executor", "anna")
    refused(shop, 3, "complete", "demo-1", "build", "--attempt", "build-local-9", *end, said=["that is 'build-local'"])
    refused(shop, 3, "complete", "demo-1", "test", "--attempt", "test-local", *end, said=["is not claimed"])
    refused(shop, 3, "complete", "demo-1", "build", "--attempt", "build-local", "--outcome", "x", said=["claimed by anna"])


def test_a_step_without_a_gate_and_a_step_that_is_not_integrated_are_refused(shop):
    refused(shop, 2, "approve", "demo-1", "build", "--yes", said=["has no gate"])
    refused(shop, 3, "revert", "demo-1", "build", "--handoff", "0" * 64, "--reason", "x", "--yes", said=["not integrated"])


def test_what_is_integrated_names_the_command_that_takes_it_back(shop):
    handoff = shop.check("why", "demo-1", "merge").stdout.partition("sha256:")[2][:12]
    for words in (["claim"], ["complete", "--outcome", "x"], ["complete", "--integrated", "--outcome", "x"]):
        command, *more = words
        said = ["integrated", f"planloom revert demo-1 merge --handoff {handoff} --reason"]
        refused(shop, 3, command, "demo-1", "merge", *more, said=said)


def test_a_live_holder_is_not_robbed(shop):
    refused(shop, 3, "abandon", "demo-1", "build", said=["nothing proves that it is gone", "--override"])
    refused(shop, 2, "abandon", "demo-1", "build", "--override", said=["--reason"])


def test_a_missing_key_is_refused_and_the_command_that_makes_one_named(shop, tmp_path):
    folder = shop.folder / ".planloom"
    folder.rename(tmp_path / "away")
    try:
        refused(shop, 4, "claim", "demo-1", "test", said=["no key 'ci'", "planloom keys new NAME", "planloom keys rotate ci"])
        refused(shop, 4, "run", "demo-1", said=["no key 'ci'"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        (tmp_path / "away").rename(folder)


def test_a_key_that_the_policy_does_not_know_is_refused(shop, tmp_path):
    from planloom.trust.keyfiles import write_private_key
    from worlds import EVE

    write_private_key(tmp_path / "eve.pem", EVE)
    variables = {"PLANLOOM_SIGNING_KEY_FILE": str(tmp_path / "eve.pem")}
    refused(shop, 4, "open", "demo-2", said=["not in the trust policy"], **variables)


def test_git_that_is_not_installed_is_named(shop, tmp_path):
    refused(shop, 5, "status", "demo-1", "--ledger", "git:https://127.0.0.1/x.git", said=["git"], PATH=str(tmp_path))


def test_a_folder_that_is_no_project_is_refused_with_the_way_in(shop, nowhere):
    for command in (["status"], ["run"], ["claim", "a", "b"], ["verify"], ["export"], ["validate"], ["keys", "list"]):
        done = shop.run(*command, cwd=nowhere)
        assert done.returncode == 2, (command, done.returncode, done.stderr)
        assert "planloom init" in done.stderr, done.stderr


@pytest.mark.parametrize("root", ["/proc/nonexistent", "/etc/passwd", "\x1b[31m", "/proc"])
def test_a_root_that_is_no_project_is_refused(shop, root):
    for command in ("status", "run", "export"):
        done = shop.run(command, "--root", root)
        assert done.returncode == 2, (command, done.stderr)
        assert "\x1b" not in done.stderr


@pytest.mark.parametrize("where", ["nonsense", "files:../../../../etc", "git:", "git:--upload-pack=x"])
def test_a_ledger_that_is_none_is_refused(shop, where):
    assert shop.run("status", "demo-1", "--ledger", where).returncode in {2, 5}


def test_contradicting_and_missing_names_are_refused(shop):
    refused(shop, 2, "claim", "demo-1", "build", "--work-item", "demo-2", said=["two work items"])
    refused(shop, 2, "claim", "demo-1", "build", "--step", "test", said=["two steps"])
    refused(shop, 2, "claim", said=["which work item?"])
    refused(shop, 2, "claim", "demo-1", said=["which step?"])
    refused(shop, 2, "complete", "demo-1", said=["which step?"])
    refused(shop, 2, "approve", "demo-1", "publish", "--reentry-step", "build", said=["goes with --reject"])
    refused(shop, 2, "delegate", "--retry", "build", said=["--retry needs --structured-work-item"])


def test_an_unknown_command_or_option_is_refused(shop):
    refused(shop, 2, "statsu", said=["did you mean `planloom status`?"])
    refused(shop, 2, "status", "--nope", said=["No such option"])
    refused(shop, 2, "run", "--jobs", "0", said=["--jobs"])


def test_text_that_no_record_can_hold_is_refused(shop):
    bad = os.fsdecode(b"bad\xff")
    end = ("--attempt", "build-local", "--executor", "anna", "--next-action", "y")
    refused(shop, 2, "complete", "demo-1", "build", *end, "--outcome", bad, said=["UTF-8"])
    refused(shop, 2, "complete", "demo-1", "build", *end, "--outcome", "x" * 100_000, said=["too long"])
    refused(shop, 2, "open", "demo-3", "--reason", bad, said=["UTF-8"])


def test_an_unwritable_ledger_is_the_stores_fault(shop, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(shop.folder, copy)
    shutil.rmtree(copy / "artifacts/.ledger", ignore_errors=True)
    (copy / "artifacts/.ledger").write_text("a file where a folder belongs")
    done = shop.run("claim", "demo-1", "test", "--root", str(copy))
    assert done.returncode == 5, done.stderr
    done = shop.run("open", "demo-2", "--root", str(copy))
    assert done.returncode == 5, done.stderr
    assert not (copy / "artifacts/work-items/demo-2").exists()


def test_a_broken_record_stops_every_command_that_would_build_on_it(shop, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(shop.folder, copy)
    (path,) = copy.glob("artifacts/claims/demo-1/build/*.json")
    path.write_bytes(path.read_bytes().replace(b"eyJ", b"eyK", 1))
    for command in (["claim", "demo-1", "test"], ["status", "demo-1"], ["complete", "demo-1", "build"], ["run", "demo-1"]):
        done = shop.run(*command, "--root", str(copy))
        assert done.returncode == 4, (command, done.stderr)
        assert "demo-1/build" in done.stderr
        assert "planloom verify" in done.stderr
    assert shop.run("verify", "--root", str(copy)).returncode == 1


def test_parameters_that_do_not_fit_are_all_named_and_nothing_is_opened(tmp_path):
    shop = Shop(tmp_path / "shop", STEPS[0], params={"tag": {"type": "string", "pattern": "^v"}, "n": {"type": "integer"}})
    refused(shop, 2, "open", "demo-1", "--param", "n=x", said=["'n' must be integer", "'tag' is missing", "--param tag="])
    refused(shop, 2, "run", "demo-1", "--param", "tug=v1", said=["no parameter 'tug'"])
    refused(shop, 2, "run", "demo-1", "--param", "tag", said=["NAME=VALUE"])


def test_a_plan_that_was_changed_and_not_compiled_is_not_opened(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    source = shop.folder / "specs/demo.yaml"
    source.write_text(source.read_text().replace("Demo", "Domo"))
    refused(shop, 2, "open", "demo-1", said=["has changed since it was compiled", "planloom compile"])


def test_a_plan_that_was_removed_and_not_compiled_away_is_not_opened(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    (shop.folder / "specs/demo.yaml").unlink()
    for command in ("open", "run"):
        refused(shop, 2, command, "demo-1", said=["specs/demo.yaml is gone", "planloom compile"])


def test_several_plans_need_a_name(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    shop.plan(*STEPS, plan="other")
    refused(shop, 2, "run", said=["which one?"])
    refused(shop, 2, "open", "thing-1", said=["--plan"])


def test_init_writes_nothing_when_it_cannot_finish(tmp_path):
    target = tmp_path / "half"
    (target / ".planloom").mkdir(parents=True)
    (target / ".planloom/ci.pem").write_text("a key of before")
    shop = Shop(tmp_path / "shop")
    before = snapshot(target)
    done = shop.run("init", str(target))
    assert done.returncode == 2, done.stderr
    assert snapshot(target) == before


def test_init_refuses_an_example_where_plans_are_and_a_place_that_it_cannot_write(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    refused(shop, 2, "init", "--example", "release", said=["has plans already"])
    (tmp_path / "file").write_text("x")
    refused(shop, 5, "init", str(tmp_path / "file"), said=["file"])
    refused(shop, 5, "init", str(tmp_path / "file/deep"), said=["Not a directory"])


@pytest.mark.parametrize("verb", [("run",), ("delegate", "--structured-work-item")])
def test_a_name_that_speaks_of_no_plan_begins_nothing(shop, verb):
    refused(
        shop,
        2,
        *verb,
        "nonsense",
        said=["there is no work item 'nonsense', and its name speaks of no plan", "planloom open nonsense --plan demo"],
    )


def test_delegate_opens_a_name_that_speaks_of_its_plan_or_is_given_with_it(empty):
    empty.plan(STEPS[0])
    empty.check("delegate", "--structured-work-item", "demo-4")
    empty.check("delegate", "--structured-work-item", "nonsense", "--plan", "demo")
    assert [item["workItemId"] for item in empty.json("status")["workItems"]] == ["demo-4", "nonsense"]


def test_a_bundle_makes_no_folder(shop, tmp_path):
    target = tmp_path / "nonexist" / "evidence.jsonl"
    refused(shop, 2, "export", "--bundle", str(target), said=[f"there is no folder {target.parent}", f"mkdir -p {target.parent}"])
    assert not target.parent.exists()


@pytest.mark.parametrize("output", [".planloom/you.pem", "./.planloom/you.pem", ".planloom/*"])
def test_an_output_that_would_hand_on_the_keys_is_refused_where_it_is_written(empty, output):
    (empty.folder / "specs/demo.yaml").write_text(PLAN + f"    outputs: ['{output}']\n")
    refused(empty, 1, "validate", said=["PL312", "lies in .planloom"])
