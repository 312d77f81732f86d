"""Streams that are closed, and readers that go away, change nothing in what a command does and how it ends."""

from __future__ import annotations

import os
import subprocess

import pytest

from shops import PLANLOOM, Shop

STEPS = ({"key": "build", "run": "true", "needs": []}, {"key": "fail", "run": "false", "needs": ["build"]})

COMMANDS = (
    (0, "verify"),
    (0, "verify", "--format", "json"),
    (0, "status"),
    (0, "explain", "PL402"),
    (0, "run", "--help"),
    (0, "graph"),
    (0, "validate"),
    (1, "run", "demo-1"),
    (2, "status", "no-such-item"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project whose only work item has failed, which running it again repeats."""
    made = Shop(tmp_path_factory.mktemp("streams") / "shop", *STEPS)
    assert made.run("run", "demo-1").returncode == 1
    return made


def run_closed(shop, closing, *words):
    """Run a command with some of its streams closed by the shell."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closing}', PLANLOOM, *words],
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize(("code", "words"), [(code, words) for code, *words in COMMANDS], ids=str)
@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_exit_status(shop, closing, code, words):
    done = run_closed(shop, closing, *words)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr + done.stdout


@pytest.mark.parametrize(("code", "words"), [(code, words) for code, *words in COMMANDS], ids=str)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_went_away_changes_no_exit_status(shop, stream, code, words):
    reader, writer = os.pipe()
    os.close(reader)
    others = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: writer}
    done = subprocess.run([PLANLOOM, *words], cwd=shop.folder, env=shop.environment, check=False, timeout=100, **others)
    os.close(writer)
    assert b"Traceback" not in (done.stderr or b""), done.stderr
    assert done.returncode == code, (done.stdout, done.stderr)


def test_a_run_whose_reader_went_away_carries_its_plan_out(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "one", "run": "true", "needs": []}, {"key": "two", "run": "true", "needs": ["one"]})
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([PLANLOOM, "run", "demo-1"], cwd=shop.folder, env=shop.environment, stdout=writer, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert shop.states() == {"one": "ok", "two": "ok"}


def test_watching_ends_with_its_reader(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true", "needs": []})
    shop.check("open", "demo-1")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PLANLOOM, "status", "--watch"], cwd=shop.folder, env=shop.environment, stdout=writer, check=False, timeout=100
    )
    os.close(writer)
    assert done.returncode == 0


def test_what_a_step_prints_never_lands_in_a_record_that_took_a_closed_streams_number(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "echo said; echo complained >&2", "needs": []})
    assert run_closed(shop, "<&- >&- 2>&-", "run", "demo-1").returncode == 0
    shop.check("verify")
