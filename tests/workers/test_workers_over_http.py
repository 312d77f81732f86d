"""Several machines carry out one plan without GitHub: real processes, clones of their own, one git server over smart HTTP with a token.

What they share is the ledger and a folder for outputs. Who is alive is never robbed; who is gone is replaced, on evidence.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from act.projects import make_project
from convergence.machines import Clock, events, machine
from gitserver import PUSH, WRITE_TOKEN, GitServer
from planloom.ledger.memory import MemoryLedger
from planloom.runtime import identity
from planloom.runtime.abandoning import abandon_dead
from planloom.runtime.claiming import claim_step
from planloom.runtime.effects import parse_time
from planloom.runtime.opening import Source, open_item

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("workers")]

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Shared by workers
version: 1.0.0
defaults: {shell: sh, timeout-minutes: 5, attempts: 2}
steps:
  - key: prepare
    run: |
      echo "$PLANLOOM_STEP $PLANLOOM_ATTEMPT" >>"$SHARED_LOG"
      if env | grep -E "^(PLANLOOM_SIGNING_KEY|PLANLOOM_LEDGER_TOKEN|GITHUB_TOKEN)"; then exit 8; fi
      mkdir -p dist && echo sand >dist/base.txt
    outputs: [dist/base.txt]
  - key: part
    needs: [prepare]
    foreach: {number: ["1", "2", "3", "4"]}
    run: |
      test "$(cat dist/base.txt)" = sand
      echo "$PLANLOOM_STEP $PLANLOOM_ATTEMPT" >>"$SHARED_LOG"
  - key: slow
    needs: [part]
    run: |
      echo "$PLANLOOM_STEP $PLANLOOM_ATTEMPT" >>"$SHARED_LOG"
      if [ "$PLANLOOM_ATTEMPT" = 1 ] && [ -n "$HOLD" ]; then echo here >"$HOLD.reached"; cat "$HOLD" >/dev/null; fi
  - key: sign
    needs: [slow]
"""

ITEM = "demo-1"
GIT_SHIM = """\
#!/bin/sh
printf '%s\\n' "$*" >>"{log}"
exec "{git}" "$@"
"""


class Yard:
    """A git server, a shared folder for outputs, and workers with clones of their own."""

    def __init__(self, folder, template):
        self.folder, self.template = folder, template
        self.server = GitServer(folder / "origin.git")
        self.log, self.hold = folder / "log", folder / "hold"
        os.mkfifo(self.hold)
        os.mkfifo(folder / "hold.reached")
        (folder / "bin").mkdir()
        shim = folder / "bin" / "git"
        shim.write_text(GIT_SHIM.format(log=folder / "argv", git=shutil.which("git")))
        shim.chmod(0o755)

    def start(self, name, *words, **variables):
        clone = self.folder / name
        if not clone.exists():
            shutil.copytree(self.template, clone)
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "USER": name,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PLANLOOM_LEDGER_TOKEN": WRITE_TOKEN,
            "SHARED_LOG": str(self.log),
            **variables,
        }
        command = [sys.executable, "-m", "planloom", *words, "--ledger", f"git:{self.server.url}"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=clone, env=environment, text=True, **pipes)

    def run(self, name, **variables):
        return self.start(name, "run", ITEM, "--jobs", "2", "--store", str(self.folder / "store"), **variables)

    def do(self, name, *words, expect=0, **variables):
        code, text = finish(self.start(name, *words, **variables))
        assert code == expect, text
        return text

    def events(self, step):
        """Return the events of a step's chain, as they lie on the server."""
        log = self.server.git("log", "--reverse", "--format=%H", f"refs/planloom/{ITEM}/{step}").split()
        found = []
        for commit in log:
            (name,) = [n for n in self.server.git("ls-tree", "--name-only", commit).splitlines() if n.endswith(".json")]
            envelope = json.loads(self.server.git("show", f"{commit}:{name}"))
            found.append(json.loads(base64.b64decode(envelope["payload"]))["predicate"]["event"])
        return found

    def done(self):
        return Counter(self.log.read_text().splitlines())

    def wait_until_held(self):
        assert (self.folder / "hold.reached").read_text() == "here\n"

    def release(self):
        self.hold.write_text("go on\n")


def finish(process):
    out, err = process.communicate(timeout=200)
    assert "Traceback" not in err, err
    return process.returncode, out + err


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("template") / "project", PLAN)
    return project.folder


@pytest.fixture
def yard(tmp_path, template):
    (tmp_path / "yard").mkdir()
    made = Yard(tmp_path / "yard", template)
    yield made
    made.server.close()


EVERYTHING = Counter(["prepare 1", "part-1 1", "part-2 1", "part-3 1", "part-4 1", "slow 1"])


def test_several_workers_share_the_work_and_no_secret_lies_anywhere(yard):
    yard.do("first", "open", ITEM)
    ends = [finish(worker) for worker in [yard.run(name) for name in ("first", "second", "third")]]
    assert [code for code, _ in ends] == [0, 0, 0], ends
    assert yard.done() == EVERYTHING
    assert yard.events("slow") == ["claimed", "completed"]
    assert "Self-consistent" in yard.do("second", "verify")
    # The token reached git through its environment: no command line and no file has it, as it is or encoded.
    encoded = base64.b64encode(f"x-access-token:{WRITE_TOKEN}".encode()).decode()
    argv = (yard.folder / "argv").read_text()
    assert "push --porcelain" in argv
    for secret in (WRITE_TOKEN, encoded):
        assert secret not in argv
        found = subprocess.run(["grep", "-rlF", "--", secret, str(yard.folder)], capture_output=True, text=True, check=False)
        assert found.stdout == ""


def test_a_killed_worker_is_replaced_and_a_live_one_never(yard):
    yard.do("first", "open", ITEM)
    first = yard.run("first", HOLD=str(yard.hold))
    yard.wait_until_held()
    refused = yard.do("second", "abandon", ITEM, "slow", expect=3)
    assert "nothing proves that it is gone" in refused
    first.send_signal(signal.SIGKILL)
    finish(first)
    code, text = finish(yard.run("second"))
    assert code == 0, text
    assert yard.events("slow") == ["claimed", "abandoned", "claimed", "completed"]
    assert yard.done() == EVERYTHING + Counter(["slow 2"])
    yard.do("second", "verify")


def test_a_worker_that_comes_too_late_is_refused_and_its_result_kept(yard):
    yard.do("first", "open", ITEM)
    first = yard.run("first", HOLD=str(yard.hold))
    yard.wait_until_held()
    yard.do("second", "abandon", ITEM, "slow", "--override", "--reason", "the machine was sold")
    code, text = finish(yard.run("second"))
    assert code == 0, text
    yard.release()
    code, text = finish(first)
    # The work item stands well, so the run does; what came too late is told and kept.
    assert code == 0, text
    assert "was given up: the result is kept, but does not count" in text
    assert yard.events("slow") == ["claimed", "abandoned", "claimed", "completed", "refused"]
    yard.do("second", "verify")


def test_a_late_completion_by_hand_is_kept_as_refused(yard):
    yard.do("first", "open", ITEM)
    attempt = yard.do("first", "claim", ITEM, "prepare").splitlines()[0]
    yard.do("second", "abandon", ITEM, "prepare", "--override", "--reason", "she left")
    (yard.folder / "first" / "dist").mkdir()
    (yard.folder / "first" / "dist" / "base.txt").write_text("sand\n")
    said = ("--attempt", attempt, "--outcome", "late", "--next-action", "none")
    text = yard.do("first", "complete", ITEM, "prepare", *said, expect=3)
    assert "the result is kept, but does not count" in text
    assert yard.events("prepare") == ["claimed", "abandoned", "refused"]
    assert "kept already" in yard.do("first", "complete", ITEM, "prepare", *said, expect=3)
    assert yard.events("prepare") == ["claimed", "abandoned", "refused"]
    yard.do("second", "verify")


def test_a_push_whose_answer_is_lost_counts_once(yard):
    yard.server.fail_next(PUSH, drop=True)
    yard.do("first", "open", ITEM)
    yard.server.fail_next(PUSH, drop=True)
    attempt = yard.do("first", "claim", ITEM, "prepare").splitlines()[0]
    (yard.folder / "first" / "dist").mkdir()
    (yard.folder / "first" / "dist" / "base.txt").write_text("sand\n")
    said = ("--attempt", attempt, "--outcome", "made", "--next-action", "none")
    yard.server.fail_next(PUSH, drop=True)
    yard.server.fail_next(PUSH, status=503)
    yard.do("first", "complete", ITEM, "prepare", *said)
    assert yard.events("_item") == ["opened"]
    assert yard.events("prepare") == ["claimed", "completed"]
    assert "is completed already" in yard.do("first", "complete", ITEM, "prepare", *said, expect=3)
    yard.do("second", "verify")


@pytest.fixture
def elsewhere(template, monkeypatch):
    """A worker has claimed a step, and whoever looks is on another machine: only clocks tell."""
    clock, ledger = Clock(), MemoryLedger()
    worker = machine(template, ledger, clock, executor="worker")
    open_item(worker, ITEM, "demo", {}, Source(), "a test", follow=False)
    won = claim_step(worker, ITEM, "prepare", process=True)
    monkeypatch.setattr(identity, "process_mark", lambda: "another/boot/4026531836")
    return machine(template, ledger, clock, executor="another"), clock, parse_time(won.claim.record.body.lease)


def test_a_worker_elsewhere_is_given_up_only_when_its_time_and_a_grace_are_over(elsewhere):
    session, clock, lease = elsewhere
    clock.milliseconds = lease + 9 * 60_000
    assert abandon_dead(session, ITEM) == ()
    clock.milliseconds = lease - 10 * 24 * 60 * 60_000
    assert abandon_dead(session, ITEM) == ()
    clock.milliseconds = lease + 11 * 60_000
    (given_up,) = abandon_dead(session, ITEM)
    assert given_up.record.body.evidence == "lease-over"
    assert events(session, f"{ITEM}/prepare") == ["claimed", "abandoned"]


def test_a_worker_that_lives_here_is_never_given_up_however_late_it_is(template):
    clock, ledger = Clock(), MemoryLedger()
    worker = machine(template, ledger, clock, executor="worker")
    open_item(worker, ITEM, "demo", {}, Source(), "a test", follow=False)
    claim_step(worker, ITEM, "prepare", process=True)
    clock.go(minutes=60 * 24 * 365)
    assert abandon_dead(machine(template, ledger, clock, executor="another"), ITEM) == ()


def test_another_boot_counts_for_nothing_inside_a_container(template, monkeypatch):
    clock, ledger = Clock(), MemoryLedger()
    mine = identity.process_mark().split("/")
    worker = machine(template, ledger, clock, executor="worker")
    open_item(worker, ITEM, "demo", {}, Source(), "a test", follow=False)
    monkeypatch.setattr(identity, "process_mark", lambda: f"{mine[0]}/an-older-boot/4026539999")
    claim_step(worker, ITEM, "prepare", process=True)
    monkeypatch.setattr(identity, "process_mark", lambda: f"{mine[0]}/this-boot/4026539999")
    assert abandon_dead(machine(template, ledger, clock, executor="another"), ITEM) == ()
