"""Real processes on one directory: one claim wins, nothing runs twice, whoever is killed is replaced."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from shops import Shop

LOG = 'echo "$PLANLOOM_STEP $PLANLOOM_ATTEMPT" >> log\n'


def step(key, run, *needs, **more):
    return {"key": key, "needs": list(needs), "run": LOG + run, **more}


def log_of(shop):
    return Counter((shop.folder / "log").read_text().splitlines())


def finish(process):
    with process:
        out, err = process.communicate(timeout=100)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def test_of_many_that_claim_one_step_exactly_one_wins(tmp_path):
    shop = Shop(tmp_path / "shop", *(step(f"s{n}", "true") for n in range(2)))
    shop.check("open", "demo-1")
    for n in range(2):
        racers = [shop.start("claim", "demo-1", f"s{n}", "--executor", f"racer-{r}") for r in range(6)]
        ends = [finish(racer) for racer in racers]
        assert sorted(code for code, _, _ in ends) == [0, *[3] * 5]
        assert all("claimed by racer-" in err for code, _, err in ends if code == 3)
        assert shop.events(f"s{n}") == ["claimed"]
    shop.check("export")
    shop.check("verify")


def test_several_runs_share_the_work_and_none_is_done_twice(tmp_path):
    shop = Shop(tmp_path / "shop", *(step(f"s{n:02d}", "true") for n in range(12)), step("end", "true", "s00", "s11"))
    shop.check("open", "demo-1")
    ends = [finish(run) for run in [shop.start("run", "demo-1", "--jobs", "2") for _ in range(3)]]
    assert [code for code, _, _ in ends] == [0, 0, 0], ends
    assert log_of(shop) == Counter([*(f"s{n:02d} 1" for n in range(12)), "end 1"])
    shop.check("verify")


def test_two_steps_that_wait_for_each_other_are_carried_out_by_two_runs(tmp_path):
    # Each run takes one step at a time, so this ends only when both work at once.
    shop = Shop(tmp_path / "shop", step("a", "echo hello > pipe"), step("b", "cat pipe"))
    os.mkfifo(shop.folder / "pipe")
    shop.check("open", "demo-1")
    ends = [finish(run) for run in [shop.start("run", "demo-1", "--jobs", "1") for _ in range(2)]]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert log_of(shop) == Counter(["a 1", "b 1"])
    shop.check("verify")


def test_two_runs_that_open_the_same_work_item_open_it_once(tmp_path):
    shop = Shop(tmp_path / "shop", step("a", "true"))
    ends = [finish(run) for run in [shop.start("run", "demo-1") for _ in range(3)]]
    assert [code for code, _, _ in ends] == [0, 0, 0], ends
    assert log_of(shop) == Counter(["a 1"])
    shop.check("verify")


PAUSED = (
    step("first", "true"),
    step("second", "test $PLANLOOM_ATTEMPT -gt 1 || { echo $$ > reached; cat never; }", "first"),
    step("third", "true", "second"),
)


@pytest.fixture
def paused(tmp_path):
    """A plan whose second step stops in its first attempt until somebody writes to `never`, after telling its process by `reached`."""
    shop = Shop(tmp_path / "shop", *PAUSED)
    for name in ("reached", "never"):
        os.mkfifo(shop.folder / name)
    shop.check("open", "demo-1")
    return shop


def reach(shop):
    return int((shop.folder / "reached").read_text())


def is_over(pid):
    """Wait until a process is gone."""
    import select

    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)


def test_what_was_running_when_a_run_was_killed_is_done_again_and_the_rest_goes_on(paused):
    run = paused.start("run", "demo-1")
    command = reach(paused)
    run.kill()
    finish(run)
    assert is_over(command)  # or two attempts of one step could be at work at once
    assert finish(paused.start("run", "demo-1"))[0] == 0
    assert paused.events("second") == ["claimed", "abandoned", "claimed", "completed"]
    assert log_of(paused) == Counter(["first 1", "second 1", "second 2", "third 1"])
    paused.check("verify")


def test_another_run_takes_over_while_it_is_waiting(paused):
    killed = paused.start("run", "demo-1")
    reach(paused)
    waiting = paused.start("run", "demo-1")
    waiting.stdout.readline()  # it has begun and has nothing to do yet
    killed.kill()
    finish(killed)
    assert finish(waiting)[0] == 0
    assert paused.states() == {"first": "ok", "second": "ok", "third": "ok"}
    paused.check("verify")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_records_a_cancellation_and_goes_on_later(paused, number):
    run = paused.start("run", "demo-1")
    command = reach(paused)
    run.send_signal(number)
    code, _, err = finish(run)
    assert code == 130
    assert "Next: planloom run demo-1" in err
    assert is_over(command)
    assert paused.events("second") == ["claimed", "failed"]
    assert finish(paused.start("run", "demo-1"))[0] == 0
    assert paused.events("second") == ["claimed", "failed", "claimed", "completed"]
    paused.check("verify")


def test_a_stopped_attempt_does_not_use_up_the_steps_attempts(tmp_path):
    shop = Shop(tmp_path / "shop", step("a", "test $PLANLOOM_ATTEMPT -gt 2 || { echo $$ > reached; cat never; }", attempts=1))
    for name in ("reached", "never"):
        os.mkfifo(shop.folder / name)
    shop.check("open", "demo-1")
    for _ in range(2):
        run = shop.start("run", "demo-1")
        reach(shop)
        run.send_signal(signal.SIGINT)
        assert finish(run)[0] == 130
    assert finish(shop.start("run", "demo-1"))[0] == 0


@pytest.mark.parametrize("lines", [1, 3, 6])
def test_a_run_that_is_killed_after_any_line_is_taken_up_where_it_was(tmp_path, lines):
    shop = Shop(tmp_path / "shop", *(step(f"s{n}", "true", *([f"s{n - 1}"] if n else [])) for n in range(5)))
    run = shop.start("run", "demo-1", "--jobs", "1")
    for _ in range(lines):
        run.stdout.readline()
    run.kill()
    finish(run)
    assert finish(shop.start("run", "demo-1"))[0] == 0
    done = log_of(shop)
    assert {line.split()[0] for line in done} == {f"s{n}" for n in range(5)}
    assert set(done.values()) == {1}  # no attempt ran twice
    shop.check("verify")


def test_a_step_that_kills_itself_uses_up_its_attempts_and_the_run_ends(tmp_path):
    shop = Shop(tmp_path / "shop", step("a", "kill $$"))
    assert finish(shop.start("run", "demo-1"))[0] == 1
    assert log_of(shop) == Counter(["a 1", "a 2"])
    assert shop.states() == {"a": "failed"}
