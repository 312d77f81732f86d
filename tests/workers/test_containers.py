"""`container:` for real, by podman: the same command line on this machine and in a job; nothing is left when it is over.

Needs podman and the right to start containers (root, or user namespaces); skipped where there is neither. The image is made from this
machine's own shell, so nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from act.projects import make_project, planloom
from convergence.machines import in_run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("containers")]

IMAGE = "localhost/planloom-tests:1"
PROGRAMS = ("cat", "env", "mkdir", "sleep", "ls")
ITEM = "demo-1"

PLAN = """\
schema: planloom/plan/v1
id: demo
name: In a container
version: 1.0.0
params:
  tag: {type: string}
defaults: {shell: sh, timeout-minutes: 5, attempts: 1}
steps:
  - key: make
    container: IMAGE
    env: {KIND: "fine sand"}
    run: |
      env
      test ! -e /etc/passwd
      mkdir -p dist
      echo "$PARAM_TAG $KIND" >dist/sand.txt
    outputs: [dist/sand.txt]
"""

HANGS = PLAN.replace("      env\n", '      echo here >"reached"\n      sleep 600\n')

# Where both cgroup versions are mounted crun refuses to work; in a mount namespace of its own it sees one.
SHIM = """\
#!/bin/sh
printf '%s\\n' "$*" >>"{log}"
exec unshare -m sh -c 'for m in $(grep " cgroup2 " /proc/mounts | cut -d" " -f2); do umount "$m" 2>/dev/null; done; exec "$@"' sh "{podman}" "$@"
"""


def image(folder):
    """Return an archive of a file system with a shell and a few programs, copied from here with their libraries."""
    files = {f"/bin/{name}": shutil.which(name) for name in (*PROGRAMS, "sh")}
    for program in list(files.values()):
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        files.update({path: path for path in re.findall(r"/\S+", listed)})
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for inside, path in sorted(files.items()):
            tar.add(Path(path).resolve(), inside.lstrip("/"))
    return archive


class Podman:
    """podman with a storage of its own, and what it was asked."""

    def __init__(self, folder):
        self.folder, self.log, self.image = folder, folder / "argv", IMAGE
        self.log.touch()
        (folder / "bin").mkdir()
        shim = folder / "bin" / "podman"
        shim.write_text(SHIM.format(log=self.log, podman=shutil.which("podman")))
        shim.chmod(0o755)
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n'
        )
        (folder / "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
        # No docker here: which of two is taken is another test's question.
        tools = ("sh", "bash", "env", "unshare", "umount", "mount", "grep", "cut", "git", "crun", "runc", "conmon", "cat")
        for name in tools:
            if found := shutil.which(name):
                (folder / "bin" / name).symlink_to(found)
        self.environment = {
            "PATH": str(folder / "bin"),
            "HOME": str(folder),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def do(self, *words):
        return subprocess.run(
            [str(self.folder / "bin" / "podman"), *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def asked(self, first):
        return [line for line in self.log.read_text().splitlines() if line.startswith(first)]


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    if not shutil.which("podman") or not shutil.which("unshare"):
        pytest.skip("podman is not installed")
    made = Podman(tmp_path_factory.mktemp("podman"))
    imported = made.do("import", str(image(made.folder)), IMAGE)
    tried = made.do("run", "--rm", "--network", "host", IMAGE, "sh", "-c", "echo works")
    if "works" not in tried.stdout:
        pytest.skip(f"podman can't start containers here: {imported.stderr} {tried.stderr}")
    digest = made.do("image", "inspect", "--format", "{{.Digest}}", IMAGE).stdout.strip()
    made.image = f"{IMAGE.partition(':')[0]}@{digest}"
    return made


@pytest.fixture
def project(tmp_path, podman):
    podman.log.write_text("")
    return make_project(tmp_path / "project", PLAN.replace("IMAGE", podman.image))


def plain(line):
    """Return a command line without what differs each time: the folder of the command and the container named after it."""
    return re.sub(r"\S*planloom-[a-z0-9_]{8}\S*", "COMMAND", line)


def test_a_container_is_started_alike_here_and_in_a_job(project, podman):
    done = planloom(project.folder, "run", ITEM, "--param", "tag=v1", "--verbose", **podman.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.folder / "dist" / "sand.txt").read_text() == "v1 fine sand\n"
    assert "PLANLOOM_ATTEMPT_ID=make-local" in done.stdout
    shutil.rmtree(project.folder / "dist")
    job = {**podman.environment, "PLANLOOM_LEDGER": "files", **in_run(161)}
    for words in (
        ("open", "demo-2", "--param", "tag=v1"),
        ("claim", "--work-item", "demo-2", "--step", "make"),
        (
            "exec",
            "--work-item",
            "demo-2",
            "--step",
            "make",
            "--attempt",
            "make-1-161-1",
            "--result",
            "result",
            "--outputs",
            "outs",
        ),
    ):
        done = planloom(project.folder, *words, **job)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "GITHUB_RUN_ID" not in done.stdout  # only what is the step's own goes inside
    assert (project.folder / "outs" / "dist" / "sand.txt").read_text() == "v1 fine sand\n"
    here, there = podman.asked("run")
    assert plain(here) == plain(there)
    assert "fine sand" not in here


def test_a_run_that_is_killed_takes_its_container_along(project, podman):
    (project.folder / "specs" / "demo.yaml").write_text(HANGS.replace("IMAGE", podman.image))
    project.planloom("compile")
    os.mkfifo(project.folder / "reached")
    process = subprocess.Popen(
        [sys.executable, "-m", "planloom", "run", ITEM, "--param", "tag=v1"],
        cwd=project.folder,
        env=podman.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert (project.folder / "reached").read_text() == "here\n"
    (name,) = re.findall(r"--name (\S+)", "".join(podman.asked("run")))
    assert name in podman.do("ps", "--format", "{{.Names}}").stdout
    process.send_signal(signal.SIGKILL)
    process.wait()
    # Whoever waits for a container that is being removed is told when it is gone.
    podman.do("wait", "--condition=removing", name)
    while name in podman.do("ps", "--all", "--format", "{{.Names}}").stdout:
        podman.do("wait", name)
    assert any(line.endswith(f"rm --force {name}") for line in podman.log.read_text().splitlines())
