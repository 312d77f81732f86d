"""A run on this machine: what it carries out, in which order, when it ends; and that histories do not depend on how many work."""

from __future__ import annotations

import os
import shutil
import signal
import threading

import pytest

from planloom.core.errors import InputError
from planloom.report.progress import PlainProgress
from planloom.report.table import write_status
from planloom.runtime import running
from planloom.runtime.outputs import DirectoryStore
from planloom.runtime.running import LocalRun, find_successors, longest_paths
from shops import Shop
from worlds import CI, ITEM, Shape, World, default_policy


class Notes:
    """Remembers what it was told."""

    def __init__(self):
        self.started, self.ended, self.output = [], [], {}

    def begins(self, view, schedule):
        self.began = schedule

    def starts(self, step, attempt, remaining):
        self.started.append((step.key, attempt, remaining))

    def prints(self, step, piece):
        self.output[step.key] = self.output.get(step.key, b"") + piece

    def ends(self, step, attempt, result, outcome, seconds):
        self.ended.append((step.key, attempt, result.result))

    def refreshes(self, schedule):
        pass

    def stops(self):
        self.stopped = True


def run(world, jobs=1, **who):
    notes = Notes()
    world.environment.values["PATH"] = os.environ["PATH"]
    store = DirectoryStore(world.folder / "store")
    schedule = LocalRun(world.session(**who), ITEM, store, notes, jobs).carry_out()
    return schedule, notes


def test_steps_run_in_the_order_of_the_plan_when_one_works(tmp_path):
    world = World(tmp_path, Shape("z"), Shape("a"), Shape("m", ("a",)), Shape("b"))
    schedule, notes = run(world)
    assert [key for key, _, _ in notes.started] == ["z", "a", "m", "b"]
    assert schedule.is_finished
    assert not world.view().item.is_open


def test_an_attempt_that_comes_too_late_is_made_again_and_the_run_ends_well(tmp_path, capsys):
    world = World(tmp_path, Shape("a", attempts=1))
    shown = PlainProgress(print, tmp_path / "logs", verbose=False)

    class Robbed(Notes):
        def starts(self, step, attempt, remaining):
            if attempt == 1:
                world.abandon(step.key)

        def ends(self, step, attempt, *how):
            self.ended.append(shown.end_line(step, attempt, *how).split()[0])

    notes = Robbed()
    schedule = LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), notes, 1).carry_out()
    assert (notes.ended, schedule.is_finished, schedule.failed) == (["late", "ok"], True, ())
    assert world.events("demo-1/a") == ["claimed", "abandoned", "refused", "claimed", "completed"]


def test_a_second_ctrl_c_kills_what_does_not_hear_the_first_and_the_attempt_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "KILL_AFTER_SECONDS", 10**9)  # so that nothing but the second one ends the command
    world = World(tmp_path, Shape("a", run="trap 'echo heard' TERM; echo begun; while :; do sleep 1 & wait; done"))

    class Impatient(Notes):
        def prints(self, step, piece):
            before = self.output.get("a", b"")
            super().prints(step, piece)
            for word in (b"begun", b"heard"):
                if word in self.output["a"] and word not in before:
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    notes = Impatient()
    world.environment.values["PATH"] = os.environ["PATH"]
    with pytest.raises(KeyboardInterrupt):
        LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), notes, 1).carry_out()
    assert notes.stopped
    assert world.events("demo-1/a") == ["claimed", "failed"]
    assert world.state("a").last.record.body.result == "cancellation"


def test_a_barrier_runs_alone(tmp_path):
    world = World(tmp_path, Shape("a"), Shape("b"), Shape("wall", after=("a", "b")), Shape("c", after=("wall",)))
    _, notes = run(world, jobs=4)
    assert [key for key, _, _ in notes.ended][2:] == ["wall", "c"]


def test_a_failed_step_is_tried_again_and_what_needs_it_waits(tmp_path):
    flaky = Shape("flaky", run='test "$PLANLOOM_ATTEMPT" = 2')
    world = World(tmp_path, flaky, Shape("broken", run="exit 3"), Shape("after", ("broken",)), Shape("other"))
    schedule, notes = run(world, jobs=2)
    assert sorted(notes.ended) == [
        ("broken", 1, "failure"),
        ("broken", 2, "failure"),
        ("flaky", 1, "failure"),
        ("flaky", 2, "success"),
        ("other", 1, "success"),
    ]
    assert [row.step.key for row in schedule.failed] == ["broken"]
    assert world.view().item.is_open


def test_a_run_ends_when_only_people_can_go_on(tmp_path):
    world = World(tmp_path, Shape("by-hand", run=""), Shape("gated", gate=("approver", 1)), Shape("after", ("by-hand",)))
    world.claim("by-hand")
    schedule, notes = run(world)
    assert notes.started == []
    assert [row.word for row in schedule.rows] == ["running", "waits", "waits"]


def test_a_run_ends_when_only_its_own_key_has_approved(tmp_path):
    # It looked ready, was refused, looked ready again: this once went on for ever.
    world = World(tmp_path, Shape("gated", gate=("approver", 1)), policy=default_policy(ci=("approver",)))
    world.decide("gated", by=CI)
    _, notes = run(world)
    assert notes.started == []


def test_native_steps_are_left_to_github(tmp_path):
    world = World(tmp_path, Shape("native", run="", more={"native": [{"uses": "x"}]}), Shape("b"))
    _, notes = run(world)
    assert [key for key, _, _ in notes.started] == ["b"]


def test_a_resource_is_never_shared_by_steps_that_need_it_alone(tmp_path):
    guard = "mkdir lock || exit 9; rmdir lock"
    world = World(tmp_path, *(Shape(f"s{n}", run=guard, resources={"r": 1}) for n in range(6)), capacity={"r": 1})
    schedule, notes = run(world, jobs=4)
    assert schedule.is_finished
    assert all(result == "success" for _, _, result in notes.ended)


def test_a_work_item_that_is_closed_has_nothing_to_run(tmp_path):
    world = World(tmp_path, Shape("a"))
    world.close()
    assert run(world)[1].started == []


def test_what_the_environment_holds_of_keys_does_not_reach_a_command(tmp_path):
    world = World(tmp_path, Shape("a", run="env"))
    world.environment.values |= {"PLANLOOM_SIGNING_KEY": "secret-key", "GITHUB_TOKEN": "secret-token", "SEEN": "seen"}
    _, notes = run(world)
    assert b"SEEN=seen" in notes.output["a"]
    assert b"secret" not in notes.output["a"]


def test_two_runs_in_one_process_share_the_work(tmp_path):
    world = World(tmp_path, *(Shape(f"s{n}", run="echo $PLANLOOM_STEP >> log") for n in range(8)))
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(run(world, 2, executor=f"w{n}"))) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(schedule.is_finished for schedule, _ in results)
    assert sorted((tmp_path / "log").read_text().split()) == [f"s{n}" for n in range(8)]


def test_the_longest_path_counts_the_steps_to_the_end(tmp_path):
    world = World(tmp_path, Shape("a"), Shape("b", ("a",)), Shape("c", ("b",)), Shape("d", ("a",)))
    view = world.view()
    assert longest_paths(view, find_successors(view.steps.values())) == {"a": 3, "b": 2, "c": 1, "d": 1}


HISTORY = (
    Shape("lint"),
    Shape("test-a", run="test $PLANLOOM_ATTEMPT = 2"),
    Shape("test-b", run="echo b > b.txt", outputs=("b.txt",)),
    Shape("build", ("lint", "test-a", "test-b"), run="cat b.txt b.txt > out.txt", outputs=("out.txt",), baseline=True),
    Shape("wall", after=("build",), run="true"),
    Shape("broken", ("build",), after=("wall",), run="exit 3", attempts=3),
    Shape("after", ("build",), after=("wall",), run="sort out.txt", resources={"r": 1}),
)


def history(folder, jobs):
    """Return what remains of a run: chain → (event, attempt, result, outputs, what it builds on) of each record."""
    folder.mkdir()
    world = World(folder, *HISTORY, capacity={"r": 1})
    run(world, jobs)
    from planloom.runtime.reading import open_chain

    found, names = {}, {}
    for name, chain in world.ledger.read([f"{ITEM}/", "_resource/"]).items():
        found[name] = open_chain(world.session(), chain)
        names.update({s.digest: f"{name}#{s.record.index}" for s in found[name]})
    return {name: [describe(s.record, names) for s in records] for name, records in found.items()}


def describe(record, names):
    body = record.body
    built_on = [(d.step, names[d.digest]) for d in getattr(body, "depends_on", ())]
    attempt = record.attempt and (record.attempt.number, record.attempt.id)
    return record.event, attempt, getattr(body, "result", ""), getattr(body, "baseline", ""), record.subjects, built_on


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"shell": "fishy {0}"}, "step a: there is no fishy on this machine"),
        (
            {"container": "registry/image@sha256:0"},
            "step a runs in a container, and there is neither docker nor podman on this machine",
        ),
    ],
)
def test_what_this_machine_can_not_start_costs_no_attempt_and_the_rest_runs(tmp_path, more, said):
    world = World(tmp_path, Shape("a", more=more), Shape("b"), Shape("c", ("a",)))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(shutil.which("sh"))
    world.environment.values["PATH"] = str(tmp_path / "bin")
    local = LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), Notes(), 2)
    with pytest.raises(InputError) as refused:
        local.carry_out()
    assert refused.value.message == said
    assert refused.value.hint.endswith(f"and planloom run {ITEM} goes on")
    assert world.status("a", "b", "c") == ["pending", "done", "pending"]
    assert world.events(f"{ITEM}/a") == []


def test_a_program_that_comes_later_lets_the_run_go_on(tmp_path):
    world = World(tmp_path, Shape("a", more={"shell": "fishy {0}"}))
    (tmp_path / "bin").mkdir()
    world.environment.values["PATH"] = str(tmp_path / "bin")
    with pytest.raises(InputError):
        LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), Notes(), 1).carry_out()
    (tmp_path / "bin" / "fishy").symlink_to(shutil.which("sh"))
    assert LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), Notes(), 1).carry_out().is_finished


@pytest.mark.parametrize(("attempts", "said"), [(1, "its only attempt is used up"), (2, "all 2 attempts are used up")])
def test_a_step_that_has_failed_for_good_says_how_many_attempts_it_had(tmp_path, attempts, said):
    world = World(tmp_path, Shape("a", run="exit 3", attempts=attempts))
    schedule, _ = run(world)
    assert said in write_status(world.view(), schedule)
    (blocker,) = world.try_claim("a").blockers
    assert blocker.text == f"it failed, and {said}"


def test_a_reason_that_is_in_the_log_too_is_shown_once(tmp_path):
    world = World(tmp_path, Shape("a", attempts=1, more={"workingDirectory": "app"}))
    lines = []
    shown = PlainProgress(lines.append, tmp_path / "logs", verbose=False)
    world.environment.values["PATH"] = os.environ["PATH"]
    LocalRun(world.session(), ITEM, DirectoryStore(tmp_path / "store"), shown, 1).carry_out()
    (line,) = [line for line in lines if "failed" in line]
    assert line.count("working-directory 'app' is not there") == 1


@pytest.mark.parametrize("jobs", [2, 4])
def test_the_history_is_the_same_however_many_steps_run_at_once(tmp_path, jobs):
    assert history(tmp_path / "one", 1) == history(tmp_path / "many", jobs)


def test_outputs_that_are_lost_are_made_again_by_the_command_that_the_refusal_names(tmp_path):
    steps = (
        {"key": "make", "run": "echo sand >out", "outputs": ["out"]},
        {"key": "use", "needs": ["make"], "run": "test -e go && cat out"},
        {"key": "apart", "run": "true"},
    )
    shop = Shop(tmp_path / "shop", *steps, defaults={"attempts": 1, "shell": "sh"})
    assert shop.run("run", "demo-1").returncode == 1
    shutil.rmtree(shop.folder / ".planloom" / "outputs")
    (shop.folder / "out").unlink()
    (shop.folder / "go").touch()
    shop.check("delegate", "--structured-work-item", "demo-1", "--retry", "use")
    refused = shop.run("run", "demo-1")
    assert refused.returncode == 5
    assert "step use needs out, which is not kept on this machine" in refused.stderr
    assert "planloom delegate --structured-work-item demo-1 --retry STEP --take-back" in refused.stderr
    again = ("delegate", "--structured-work-item", "demo-1", "--retry", "make")
    assert "--retry make --take-back" in shop.run(*again).stderr
    assert shop.states()["make"] == "ok"
    assert "make, use of demo-1 start again" in shop.check(*again, "--take-back").stderr
    shop.check("run", "demo-1")
    assert shop.states() == {"make": "ok", "use": "ok", "apart": "ok"}
    assert shop.events("make") == ["claimed", "completed", "retried", "claimed", "completed"]
    assert shop.events("apart") == ["claimed", "completed"]
    shop.check("verify")
