"""`exec` that is killed before any of its writes leaves no result that could pass for a success, and is not carried out twice.

The writes are those that Python itself tells of (audit hooks: files that are opened to be written, folders, links, renames, removals,
programs that are started), so that one that is added later is among them.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import sys
from types import SimpleNamespace

import pytest

from convergence.processes import ended, in_a_process
from planloom.cli.entry import main
from shops import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crashes")]

STEPS = (
    {"key": "base", "run": "mkdir -p dist && echo sand >dist/base.txt", "outputs": ["dist/base.txt"]},
    {
        "key": "make",
        "needs": ["base"],
        "run": "echo made >>../made.txt; tr a-z A-Z <dist/base.txt >dist/a.txt; cp dist/a.txt dist/b.txt",
        "outputs": ["dist/[ab].txt"],
    },
)
ATTEMPT = ("--work-item", "demo-1", "--step", "make", "--attempt", "make-local")
CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate", "subprocess.Popen"}


class World:
    """A project whose second step is claimed by hand, and what a runner puts around it; copied for every death."""

    def __init__(self, folder):
        self.folder = folder
        self.shop = None

    def make(self):
        self.shop = Shop(self.folder / "project", *STEPS)
        self.shop.check("open", "demo-1", "--plan", "demo")
        self.shop.check("claim", "demo-1", "base")
        assert ended(self.exec("--step", "base", "--attempt", "base-local")) == 0
        self.shop.check("complete", "demo-1", "base", "--attempt", "base-local", "--from-result", str(self.folder / "result"))
        shutil.rmtree(self.folder / "project/dist")
        shutil.rmtree(self.folder / "result")
        self.shop.check("claim", "demo-1", "make")
        return self

    def copy(self, folder):
        shutil.copytree(self.folder, folder, symlinks=True)
        copied = World(folder)
        copied.shop = object.__new__(Shop)
        copied.shop.folder, copied.shop.environment = folder / "project", self.shop.environment
        return copied

    def exec(self, *more, hook=None, room=None):
        """Run `exec` in a process of its own, with an audit hook, or with room for so many bytes in a file."""
        return in_a_process(lambda: self._exec(more, hook, room))

    def _exec(self, more, hook, room):
        os.chdir(self.folder / "project")
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - for as long as it lives
        os.environ.clear()
        os.environ.update(self.shop.environment, GITHUB_STEP_SUMMARY=str(self.folder / "summary.md"), JOB_STATUS="success")
        sys.dont_write_bytecode = True
        folders = ("--result", str(self.folder / "result"), "--outputs", str(self.folder / "outputs"))
        sys.argv = ["planloom", "exec", *ATTEMPT, *folders, *more]
        if hook is not None:
            sys.addaudithook(hook)
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            main()
        except SystemExit as status:
            os._exit(int(status.code or 0))

    def complete(self):
        return self.shop.run(
            "complete", "demo-1", "make", "--attempt", "make-local", "--from-result", str(self.folder / "result")
        )

    def times_made(self):
        made = self.folder / "made.txt"
        return len(made.read_text().splitlines()) if made.exists() else 0


def writes(event, given):
    """Return whether an audit event tells of something that changes the disk or starts a program; "" when not, else what."""
    if event == "open":
        path, _, flags = given
        changes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return f"open {path}" if changes and not str(path).startswith("/dev/") else ""
    return f"{event} {given[0]}" if event in CHANGES else ""


def noting(path):
    """Return a hook that notes every write in a file."""
    note = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event, given):
        what = writes(event, given)
        if what:
            os.write(note, f"{what}\n".encode())

    return hook


def die_before(number):
    """Return a hook that kills this process before its n-th write."""
    left = itertools.count(1)

    def hook(event, given):
        if writes(event, given) and next(left) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


@pytest.fixture(scope="module")
def claimed(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("exec") / "world").make()
    after = world.copy(world.folder.with_name("after"))
    assert ended(after.exec(hook=noting(after.folder / "writes"))) == 0
    passed = (after.folder / "writes").read_text().splitlines()
    return SimpleNamespace(world=world, passed=passed, result=(after.folder / "result/result.json").read_bytes())


def test_the_writes_that_are_found_are_those_of_each_stage(claimed):
    order = ["dist/", "started-", "subprocess.Popen", ".planloom/outputs", "outputs/dist/a.txt", "result.json", "summary.md"]
    found = [[number for number, what in enumerate(claimed.passed) if part in what] for part in order]
    assert all(found), claimed.passed
    assert found[1][0] < found[2][0] < found[3][-1] < found[4][0] < found[5][0] < found[6][0]


def test_killed_before_any_write_it_leaves_no_success_unless_the_whole_result_was_written(claimed, tmp_path):
    ends = []
    for number, what in enumerate(claimed.passed, 1):
        world = claimed.world.copy(tmp_path / f"{number}")
        assert ended(world.exec(hook=die_before(number))) == -signal.SIGKILL, what
        path = world.folder / "result/result.json"
        is_whole = path.exists() and path.read_bytes() != b""
        done = world.complete()
        events = world.shop.events("make")
        assert events == ["claimed", "completed" if is_whole else "failed"], (what, done.stderr)
        assert is_whole or "the job wrote no result" in done.stderr or "the result can't be read" in done.stderr, what
        ends.append(events[-1])
    assert ends == sorted(ends, reverse=True)  # failed until the result is there, completed from then on
    assert set(ends) == {"failed", "completed"}


def test_killed_anywhere_it_is_not_carried_out_twice_and_the_refusal_leads_to_complete(claimed, tmp_path):
    refused = []
    for number, what in enumerate(claimed.passed, 1):
        world = claimed.world.copy(tmp_path / f"{number}")
        assert ended(world.exec(hook=die_before(number))) == -signal.SIGKILL
        was_begun = any((world.folder / "result").glob("started-*"))
        assert ended(world.exec()) == (3 if was_begun else 0), what
        assert world.times_made() <= 1, what
        refused.append(was_begun)
    assert refused == sorted(refused)
    words = claimed.world.copy(tmp_path / "said")
    assert ended(words.exec(hook=die_before(len(claimed.passed)))) == -signal.SIGKILL
    folders = ("--result", str(words.folder / "result"), "--outputs", str(words.folder / "outputs"))
    said = words.shop.run("exec", *ATTEMPT, *folders)
    assert said.returncode == 3
    assert f"planloom complete demo-1 make --attempt make-local --from-result {words.folder}/result\n" in said.stderr


def test_around_native_steps_it_may_be_killed_and_done_again_at_either_end(claimed, tmp_path):
    """Neither end has run anything of the user's: the inputs come back once more, and the outputs are found once more."""
    begun = claimed.world.copy(tmp_path / "begun")
    restored = begun.copy(tmp_path / "restored")
    assert ended(restored.exec("--begin", hook=noting(restored.folder / "writes"))) == 0
    for number in range(1, len((restored.folder / "writes").read_text().splitlines()) + 1):
        world = begun.copy(tmp_path / f"begin-{number}")
        assert ended(world.exec("--begin", hook=die_before(number))) == -signal.SIGKILL
        assert ended(world.exec("--begin")) == 0
        assert (world.folder / "project/dist/base.txt").read_text() == "sand\n"
    for name in "ab":
        (restored.folder / f"project/dist/{name}.txt").write_text("SAND\n")
    after = restored.copy(tmp_path / "after")
    assert ended(after.exec("--end", hook=noting(after.folder / "ends"))) == 0
    ends = []
    for number, what in enumerate((after.folder / "ends").read_text().splitlines(), 1):
        world = restored.copy(tmp_path / f"end-{number}")
        assert ended(world.exec("--end", hook=die_before(number))) == -signal.SIGKILL
        again = world.copy(tmp_path / f"again-{number}")
        path = world.folder / "result/result.json"
        is_whole = path.exists() and path.read_bytes() != b""
        world.complete()
        assert world.shop.events("make") == ["claimed", "completed" if is_whole else "failed"], what
        ends.append(is_whole)
        assert ended(again.exec("--end")) == 0
        again.complete()
        assert again.shop.events("make") == ["claimed", "completed"], what
    assert ends == sorted(ends)
    assert set(ends) == {False, True}


def test_without_room_for_its_mark_it_has_not_begun_and_can_begin_later(claimed, tmp_path):
    world = claimed.world.copy(tmp_path / "world")
    shutil.copytree(claimed.world.folder.with_name("after") / "project/dist", world.folder / "project/dist")  # nothing to restore
    assert ended(world.exec(room=0)) == 5
    assert world.times_made() == 0
    assert ended(world.exec()) == 0
    assert world.times_made() == 1


def test_after_its_end_was_recorded_it_is_refused_as_closed(claimed, tmp_path):
    world = claimed.world.copy(tmp_path / "world")
    assert ended(world.exec(hook=die_before(1))) == -signal.SIGKILL
    world.complete()
    assert ended(world.exec()) == 3
    assert world.times_made() == 0
    assert world.shop.events("make") == ["claimed", "failed"]


def test_a_result_that_was_cut_off_anywhere_is_a_failed_attempt(claimed, tmp_path):
    for length in range(0, len(claimed.result) - 1, 97):
        world = claimed.world.copy(tmp_path / f"{length}")
        (world.folder / "result").mkdir()
        (world.folder / "result/result.json").write_bytes(claimed.result[:length])
        assert "the result can't be read" in world.complete().stderr, length
        assert world.shop.events("make") == ["claimed", "failed"], length
