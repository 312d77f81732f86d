"""Collecting records from git onto the ledger branch: raced, killed, repeated, refused. What was pushed is never half of it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from dataclasses import replace

import pytest

from act.projects import make_project
from convergence.machines import Clock, events, in_run, machine
from convergence.processes import ended, in_a_process
from convergence.test_every_crash import die_at
from convergence.transitions import (
    GOOD,
    ITEM,
    PLAN,
    built,
    claim_wave,
    close_item,
    complete_the_last,
    do,
    open_one,
    small_claimed,
)
from convergence.transitions import SMALL as SMALL_PLAN
from gitledgers import CountingIds, FixedClock
from gitserver import make_bare, run_git
from planloom.core.errors import Conflict, PlanloomError, StoreError, TrustError
from planloom.ledger.closing import closes_item
from planloom.ledger.files import FileLedger
from planloom.ledger.git import GitLedger, GitOptions
from planloom.ledger.gitport import Remote
from planloom.ledger.points import pass_by
from planloom.ledger.retry import Pace
from planloom.runtime.collecting import collect_records, push_records
from planloom.runtime.completing import complete_wave
from planloom.runtime.exporting import export, find_origin
from planloom.trust.gather import read_history
from planloom.trust.policyfiles import read_trust_files
from planloom.trust.verify import Request, verify

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collectors")]

_ids = itertools.count(500)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("template") / "project", PLAN.format(version="1"))
    (project.folder / "specs" / "small.yaml").write_text(SMALL_PLAN)
    project.planloom("compile")
    shutil.rmtree(project.folder / ".git")
    return project.folder


class Origin:
    """A repository, and machines with clones of its project."""

    def __init__(self, folder, template, branch="planloom"):
        self.folder, self.template, self.branch = folder, template, branch
        make_bare(folder / "origin.git")
        seed = folder / "seed"
        run_git("init", "-qb", "main", str(seed))
        (seed / ".github" / "workflows").mkdir(parents=True)
        (seed / ".github" / "workflows" / "ci.yml").write_text("name: theirs\n")
        run_git("-C", str(seed), "add", "-A")
        run_git("-C", str(seed), "commit", "-qm", "theirs")
        run_git("-C", str(seed), "push", "-q", str(folder / "origin.git"), "main")

    def machine(self, name, at=pass_by):
        root = self.folder / name
        if not root.exists():
            shutil.copytree(self.template, root)
        remote = Remote(str(self.folder / "origin.git"), "origin", "")
        options = GitOptions(branch=self.branch, pace=Pace(budget=5), closes=closes_item, at=at)
        ids = CountingIds(os.getpid() * 1000 + next(_ids))
        ledger = GitLedger(remote, root / ".planloom" / "cache.git", dict(os.environ), FixedClock(), ids, options)
        return machine(root, ledger, Clock(), **in_run(7))

    def git(self, *words):
        return run_git("--git-dir", str(self.folder / "origin.git"), *words)

    def refs(self):
        return set(self.git("for-each-ref", "--format=%(refname)").splitlines())

    def commits(self):
        return int(self.git("rev-list", "--count", self.branch))

    def copy(self, folder):
        """Return a copy of the repository and of every machine."""
        made = Origin.__new__(Origin)
        shutil.copytree(self.folder, folder, symlinks=True)
        made.folder, made.template, made.branch = folder, self.template, self.branch
        return made

    def verdict(self, tmp_path, since=b""):
        """Clone the ledger branch over a project and verify it, offline."""
        clone = tmp_path / f"clone-{next(_ids)}"
        shutil.copytree(self.template, clone, ignore=shutil.ignore_patterns("artifacts"))
        archive = self.folder / "branch.tar"
        run_git("--git-dir", str(self.folder / "origin.git"), "archive", "-o", str(archive), self.branch, "artifacts")
        shutil.unpack_archive(archive, clone, "tar", filter="data")
        verification = verify(read_history(clone), Request(since=since))
        assert [f"{f.path}: {f.code} {f.message}" for f in verification.findings] == []
        return verification


@pytest.fixture
def origin(tmp_path, template):
    (tmp_path / "origin").mkdir()
    return Origin(tmp_path / "origin", template)


def collect(session, *, push=True):
    collect_records(session, "", "")
    export(session, find_origin(session))
    return push_records(session) if push else None


def finished(session):
    small_claimed(session)
    complete_the_last(session)


@pytest.mark.parametrize("others", [0, 2])
def test_a_wave_is_one_push_to_claim_and_one_to_complete_however_many_steps_and_work_items_it_has(origin, others):
    passed = []
    runner = origin.machine("runner", passed.append)
    built(runner)
    small = [f"small-{n}" for n in range(1, others + 1)]
    for item in small:
        open_one(runner, item, "small")
    passed.clear()
    won = claim_wave(runner, [ITEM, *small], 256)
    assert len(won) == 2 + others
    assert passed.count("git: before push") == 1
    results = {}
    for one in won:
        results.setdefault(one.claim.record.work_item, {})[one.step.key] = (one.attempt.id, GOOD)
    complete_wave(runner, results)
    # Closing those that are finished is one more, however many they are.
    assert passed.count("git: before push") == 2 + bool(others)
    assert {event for item in small for event in events(runner, f"{item}/_item")[1:]} == ({"closed"} if small else set())


def test_nothing_new_makes_no_commit(origin, tmp_path):
    worker = origin.machine("worker")
    built(worker)
    collector = origin.machine("collector")
    assert collect(collector).commit
    before = origin.commits()
    assert collect(collector).commit == ""
    assert collect(origin.machine("another")).commit == ""
    assert origin.commits() == before
    assert origin.verdict(tmp_path).newer == 0


def test_a_mirror_is_verified_with_the_records_that_no_collector_has_copied(origin):
    session = origin.machine("one")
    built(session)
    collect(session)
    mirror = origin.folder / "mirror.git"
    run_git("clone", "-q", "--mirror", str(origin.folder / "origin.git"), str(mirror))
    before = read_history(mirror)
    assert (before.notes, before.breaks) == ((), ())
    assert len(claim_wave(session, [ITEM], 256)) == 2
    run_git("--git-dir", str(mirror), "fetch", "-q", "--prune", "origin")
    after = read_history(mirror)
    assert (after.notes, after.breaks) == ((), ())
    fresh = sorted(after.records().keys() - before.records().keys())
    assert [path.rpartition("/")[0] for path in fresh] == [
        "artifacts/claims/_resource/bench",
        f"artifacts/claims/{ITEM}/left",
        f"artifacts/claims/{ITEM}/right",
    ]
    # Nobody has pushed plans and policy of this project: they come from a working copy.
    whole = replace(after, files={**after.files, **read_trust_files(session.root)})
    assert verify(whole, Request()).findings == ()


def test_the_collector_that_loses_the_race_folds_again_and_nothing_is_lost(origin, tmp_path):
    worker = origin.machine("worker")
    built(worker)
    slow = origin.machine("slow")
    collect(slow, push=False)
    finished(worker)
    assert collect(origin.machine("fast")).commit
    assert push_records(slow).text.startswith("nothing new")
    do(worker, "left")
    collect(slow, push=False)
    do(worker, "right")
    assert collect(origin.machine("fast")).commit
    assert origin.commits() == 2
    verification = origin.verdict(tmp_path)
    # opened and three steps; small: opened, claimed, completed, closed; the bench taken and given back twice
    assert (verification.records, verification.newer) == (1 + 6 + 4 + 4, 0)


def test_many_collectors_at_once_all_end_well(origin, tmp_path):
    worker = origin.machine("worker")
    built(worker)
    machines = [origin.machine(f"collector-{n}") for n in range(3)]
    children = [in_a_process(lambda m=m: collect(m)) for m in machines]
    assert [ended(child) for child in children] == [0, 0, 0]
    assert origin.commits() == 1
    assert origin.verdict(tmp_path).newer == 0


def test_a_collector_that_is_killed_anywhere_is_followed_by_one_that_is_not(origin, tmp_path):
    worker = origin.machine("worker")
    built(worker)
    finished(worker)
    passed = []
    collect(origin.copy(tmp_path / "copy").machine("collector", passed.append))
    assert set(passed) == {"git: objects written", "git: before push", "git: after push"}
    for number, point in enumerate(passed, 1):
        world = origin.copy(tmp_path / f"{number}")
        child = in_a_process(lambda: collect(world.machine("collector", die_at(number))))  # noqa: B023 - it runs at once
        assert ended(child) == -signal.SIGKILL
        # The same machine again, over what the dead one left in its folder.
        collect(world.machine("collector"))
        assert world.commits() == 1, point
        assert world.verdict(tmp_path).newer == 0
        assert {ref.split("/")[2] for ref in world.refs() if ref.startswith("refs/planloom/")} == {ITEM}


CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def at_each_change(folder, tell):
    """Call `tell` before each change that this process makes to a file below `folder`, from now on to its end (PEP 578)."""

    def hook(event, arguments):
        changes = event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING)
        # What is removed with its folder is named without it.
        if changes and (str(arguments[0]).startswith(str(folder)) or event in {"os.remove", "os.rmdir"}):
            tell()

    sys.addaudithook(hook)


def collect_until(machine, number):
    """Collect in a process of its own that dies before its n-th change to a file; return how many changes it came to."""
    reading, writing = os.pipe()

    def work():
        def tell():
            if os.write(writing, b".") and next(left) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        left = itertools.count(1)
        at_each_change(machine.artifacts, tell)
        collect(machine, push=False)

    child = in_a_process(work)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        count = len(told.read())
    assert ended(child) == (-signal.SIGKILL if count == number else 0)
    return count


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_whatever_a_killed_collector_left_in_its_folder_is_never_pushed_by_halves(origin, tmp_path, stride):
    worker = origin.machine("worker")
    built(worker)
    collect(origin.machine("collector"))
    checkpoint = origin.git("show", f"{origin.branch}:artifacts/exports/checkpoint").encode() + b"\n"
    finished(worker)
    total = collect_until(origin.copy(tmp_path / "whole").machine("collector"), 0)
    assert total > 30
    for number in range(1, total + 1, stride):
        world = origin.copy(tmp_path / f"{number}")
        assert collect_until(world.machine("collector"), number) == number
        # Somebody goes on with the next commands as if nothing had happened: that is refused, or it does no harm.
        careless = world.copy(tmp_path / f"{number}-careless")
        session = careless.machine("collector")
        with contextlib.suppress(PlanloomError):
            export(session, find_origin(session))
            push_records(session)
        for one in (careless, world):
            collect(one.machine("collector"))
            verification = one.verdict(tmp_path, since=checkpoint)
            assert (verification.records, verification.newer) == (3 + 4, 0), number
            assert "small-1" not in {ref.split("/")[2] for ref in one.refs()}, number


def test_refs_go_only_when_their_work_item_is_closed_and_copied(origin):
    worker = origin.machine("worker")
    finished(worker)
    built(worker)
    collect(origin.machine("collector"), push=False)
    assert {"refs/planloom/small-1/only", f"refs/planloom/{ITEM}/build"} <= origin.refs()
    pushed = push_records(origin.machine("collector"))
    assert pushed.pruned == ("small-1",)
    left = {ref for ref in origin.refs() if ref.startswith("refs/planloom/")}
    assert left == {f"refs/planloom/{ITEM}/_item", f"refs/planloom/{ITEM}/build"}
    # What is closed and gone is read from its copy; nothing more can be done to it.
    with pytest.raises(Conflict):
        close_item(worker, "small-1", result="stopped", reason="again", key="you")


def test_a_ledger_branch_that_is_the_default_branch_keeps_every_file_of_it(tmp_path, template):
    origin = Origin(tmp_path, template, branch="main")
    built(origin.machine("worker"))
    collect(origin.machine("collector"))
    files = origin.git("ls-tree", "-r", "--name-only", "main").splitlines()
    assert {path.split("/")[0] for path in files} == {".github", "artifacts"}
    assert origin.git("show", "main:.github/workflows/ci.yml") == "name: theirs"
    assert origin.git("log", "--format=%s", "main", "--", ".github").splitlines() == ["theirs"]


def test_a_protected_branch_refuses_and_the_refs_stay(origin):
    finished(origin.machine("worker"))
    hook = origin.folder / "origin.git" / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/*) echo "GH006: Protected branch update failed" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    with pytest.raises(StoreError, match="a rule of git origin takes no push") as refused:
        collect(origin.machine("collector"))
    assert "`ledger-branch`" in refused.value.hint
    assert "refs/planloom/small-1/_item" in origin.refs()
    hook.unlink()
    assert collect(origin.machine("collector")).pruned == ("small-1",)


def test_a_record_that_does_not_verify_is_not_collected(origin, tmp_path):
    worker = origin.machine("worker")
    built(worker)
    forged = tmp_path / "forged"
    run_git("clone", "-q", str(origin.folder / "origin.git"), str(forged))
    run_git("-C", str(forged), "fetch", "-q", "origin", f"refs/planloom/{ITEM}/build:refs/heads/forged")
    run_git("-C", str(forged), "checkout", "-q", "forged")
    (path,) = [p for p in forged.iterdir() if p.suffix == ".json"]
    envelope = json.loads(path.read_text())
    envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
    path.write_text(json.dumps(envelope))
    run_git("-C", str(forged), "commit", "-qam", f"planloom: {ITEM}/build #2", "--amend")
    run_git("-C", str(forged), "push", "-qf", "origin", f"HEAD:refs/planloom/{ITEM}/build")
    with pytest.raises((TrustError, StoreError)):
        collect(origin.machine("collector"))
    assert "refs/heads/planloom" not in origin.refs()


def test_records_of_a_ledger_in_files_are_not_replaced_outside_a_workflow(origin):
    session = origin.machine("laptop")
    by_hand = machine(session.root, session.ledger)
    built(origin.machine("worker"))
    local = machine(session.root, FileLedger(session.root / "artifacts"))
    open_one(local, "demo-9")
    with pytest.raises(Conflict, match="demo-9"):
        collect_records(by_hand, "", "")
    assert local.ledger.items() == ("demo-9",)
    shutil.rmtree(session.root / "artifacts")
    assert collect_records(by_hand, "", "").items == (ITEM,)
    assert collect_records(by_hand, "", "").new == 3
