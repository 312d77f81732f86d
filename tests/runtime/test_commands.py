"""Commands: their environment, how they end, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from planloom.core.errors import InputError
from planloom.runtime.command import command_environment, command_line, run_command, step_time
from worlds import Shape, compile_shapes

PATH = {"PATH": os.environ["PATH"]}


def step_of(run="true", **more):
    _, steps = compile_shapes([Shape("build", run=run, more=more)])
    return steps[0]


def run(tmp_path, text, *, seconds=None, running=None, **more):
    pieces = []
    ended = run_command(step_of(text, **more), tmp_path, PATH, pieces.append, running, seconds=seconds)
    return ended, b"".join(pieces).decode()


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_for_end(pid):
    """Wait until a process is gone: its descriptor becomes readable when it ends."""
    import select

    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 30)[0], "it is still there"
    finally:
        os.close(descriptor)


def test_a_command_that_ends_well_is_a_success_with_its_output(tmp_path):
    ended, output = run(tmp_path, "echo out; echo err >&2")
    assert (ended.result, ended.exit_code, output) == ("success", 0, "out\nerr\n")


def test_a_command_that_fails_says_its_exit_code(tmp_path):
    ended, _ = run(tmp_path, "exit 7")
    assert (ended.result, ended.exit_code, ended.reason) == ("failure", 7, "exit 7")


def test_the_first_command_that_fails_ends_a_step(tmp_path):
    ended, output = run(tmp_path, "false\necho never")
    assert (ended.result, output) == ("failure", "")


@pytest.mark.parametrize("name", ["TERM", "INT", "KILL", "SEGV"])
def test_a_command_that_ends_itself_by_a_signal_has_failed_and_was_not_cancelled(tmp_path, name):
    # Else it would never use up its attempts, and a run would repeat it for ever.
    ended, _ = run(tmp_path, f"kill -{name} $$")
    assert (ended.result, ended.reason) == ("failure", f"ended by SIG{name}")


def test_a_command_reads_nothing_from_the_terminal(tmp_path):
    ended, output = run(tmp_path, "cat; echo done")
    assert (ended.result, output) == ("success", "done\n")


def test_a_step_runs_in_its_working_directory(tmp_path):
    (tmp_path / "app").mkdir()
    assert run(tmp_path, "basename $PWD", workingDirectory="app")[1] == "app\n"


def test_a_working_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="working-directory 'app'"):
        run(tmp_path, "true", workingDirectory="app")


def test_a_shell_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no fishy"):
        run(tmp_path, "true", shell="fishy {0}")


@pytest.mark.parametrize(("shell", "text"), [("sh", "echo $0"), ("bash", "false | true"), ("python", "print(1)")])
def test_each_shell_reads_the_command_from_a_file(tmp_path, shell, text):
    ended, _ = run(tmp_path, text, shell=shell)
    assert ended.result == ("failure" if "|" in text else "success")  # GitHub's bash has pipefail


def test_a_command_that_lasts_too_long_is_ended_with_all_that_it_started(tmp_path):
    ended, output = run(tmp_path, "sleep 1000 & echo $!; wait", seconds=0.5)
    assert (ended.result, ended.reason) == ("timeout", "ended after 0.5 seconds")
    wait_for_end(int(output))


def test_what_a_command_leaves_running_ends_with_it(tmp_path):
    ended, output = run(tmp_path, "sleep 1000 & echo $!")
    assert ended.result == "success"
    wait_for_end(int(output))


def test_a_daemon_that_left_its_group_does_not_hold_up_the_step(tmp_path):
    ended, output = run(tmp_path, "setsid sleep 1000 & echo $!\necho done")
    pid = int(output.split()[0])
    try:
        assert ended.result == "success"
        assert output.endswith("done\n")
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(pid)], check=False)
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_all_that_a_command_wrote_arrives(tmp_path):
    ended, output = run(tmp_path, "seq 1 200000")
    assert ended.result == "success"
    assert output.splitlines()[-1] == "200000"


def test_a_log_that_cannot_be_written_does_not_end_the_command(tmp_path):
    def full(piece):
        raise OSError(28, "No space left on device")

    ended = run_command(step_of("seq 1 100000"), tmp_path, PATH, full)
    assert ended.result == "success"


def test_a_caller_can_end_the_group_while_it_runs(tmp_path):
    running, pipe = set(), tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    thread = threading.Thread(target=lambda: found.append(run(tmp_path, "cat pipe", running=running)[0]))
    thread.start()
    with pipe.open("w"):  # opens only once the command reads
        (group,) = running
        os.killpg(group, signal.SIGTERM)
        thread.join()
    assert found[0].reason == "ended by SIGTERM"
    assert running == set()


def test_a_command_ends_when_its_caller_is_killed(tmp_path):
    os.mkfifo(tmp_path / "pid")
    program = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from worlds import Shape, compile_shapes\n"
        "from pathlib import Path; from planloom.runtime.command import run_command\n"
        "_, (step,) = compile_shapes([Shape('build', run='sleep 1000 & echo $! > pid; wait')])\n"
        "run_command(step, Path(sys.argv[2]), dict(os.environ), lambda piece: None)\n"
    )
    tests = str(Path(__file__).parents[1])
    caller = subprocess.Popen([sys.executable, "-c", program, tests, str(tmp_path)])
    pid = int((tmp_path / "pid").read_text())
    caller.kill()
    caller.wait()
    wait_for_end(pid)


def test_a_command_whose_caller_is_killed_before_it_can_be_watched_does_not_start(tmp_path):
    program = (
        "import sys, os, signal, subprocess; sys.path.insert(0, sys.argv[1]); from worlds import Shape, compile_shapes\n"
        "from pathlib import Path; from planloom.runtime.command import run_command\n"
        "_, (step,) = compile_shapes([Shape('build', run='echo > started')])\n"
        "class Popen(subprocess.Popen):\n"
        "    def __init__(self, argv, **more):\n"
        "        if 'kill' in argv[2]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        super().__init__(argv, **more); print(self.pid, flush=True)\n"
        "subprocess.Popen = Popen\n"
        "run_command(step, Path(sys.argv[2]), dict(os.environ), lambda piece: None)\n"
    )
    tests = str(Path(__file__).parents[1])
    caller = subprocess.run([sys.executable, "-c", program, tests, str(tmp_path)], capture_output=True, text=True, check=False)
    assert caller.returncode == -signal.SIGKILL, caller.stderr
    wait_for_end(int(caller.stdout))
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("name", ["PLAIN", "with-hyphen", "ProgramFiles(x86)"])
def test_a_command_gets_its_environment_whatever_the_names_are(tmp_path, name):
    pieces = []
    step = step_of(
        "import os, sys, json; print(json.dumps([dict(os.environ), sys.stdin.read()]))", shell=f"{sys.executable} {{0}}"
    )
    assert run_command(step, tmp_path, PATH | {name: "a 'b'\nc"}, pieces.append).result == "success"
    seen, standard_input = json.loads(b"".join(pieces))
    own = {"PWD", "LC_CTYPE"}  # a shell sets the one, Python the other
    assert {k: v for k, v in seen.items() if k not in own} == PATH | {name: "a 'b'\nc"}
    assert standard_input == ""


def test_no_process_and_no_descriptor_is_left_after_many_commands(tmp_path):
    run(tmp_path, "true")
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(10):
        run(tmp_path, "true")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


SECRETS = {
    "PLANLOOM_SIGNING_KEY": "k",
    "PLANLOOM_SIGNING_KEY_FILE": "f",
    "PLANLOOM_SIGNING_KEY_PASSPHRASE": "p",
    "GITHUB_TOKEN": "t",
    "GH_TOKEN": "t",
    "ACTIONS_RUNTIME_TOKEN": "t",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "u",
}


def test_a_command_sees_neither_keys_nor_tokens():
    assert command_environment(step_of(), {}, SECRETS | {"HOME": "/home/me"}) == {"HOME": "/home/me"}


def test_a_step_with_permissions_keeps_the_token_that_they_are_for_but_no_key():
    seen = command_environment(step_of(permissions={"contents": "read"}), {}, SECRETS)
    assert set(seen) == {"GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN"}
    seen = command_environment(step_of(permissions={"id-token": "write"}), {}, SECRETS)
    assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" in seen
    assert not any(name.startswith("PLANLOOM_SIGNING_KEY") for name in seen)


def test_parameters_axes_and_env_reach_the_command_as_variables():
    step = step_of(env={"A": "1"}, each={"python-version": "3.12"})
    seen = command_environment(step, {"tag": "v1", "dry-run": True, "count": 3}, {"A": "0"})
    assert seen == {"A": "1", "PARAM_TAG": "v1", "PARAM_DRY_RUN": "true", "PARAM_COUNT": "3", "EACH_PYTHON_VERSION": "3.12"}


@pytest.fixture
def engine(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "podman").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (folder / "podman").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "PARAM_TAG": "v1", "HOME": "/home/me", "TOKEN": "secret"}


def container_step(**more):
    return step_of(container="registry/image@sha256:0", env={"A": "1"}, secrets=["TOKEN"], workingDirectory="app", **more)


def test_a_container_gets_the_workspace_the_command_and_only_the_steps_variables(tmp_path, engine, monkeypatch):
    only = {**engine, "PATH": str(tmp_path / "bin")}
    line = command_line(container_step(), tmp_path, tmp_path / "command", only)
    assert line[0].endswith("/podman")
    assert f"{tmp_path}:/workspace" in line
    assert line[line.index("--workdir") + 1] == "/workspace/app"
    passed = [line[i + 1] for i, part in enumerate(line) if part == "--env"]
    assert set(passed) >= {"A", "PARAM_TAG", "TOKEN"}
    assert "HOME" not in passed
    assert line[line.index("registry/image@sha256:0") + 1 :] == ["sh", "-e", "/planloom-command"]
    assert not any("secret" in part for part in line)  # names travel in argv, values don't


def test_a_container_without_an_engine_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither docker nor podman"):
        command_line(container_step(), tmp_path, tmp_path / "command", {"PATH": str(tmp_path)})


def test_a_command_in_a_container_knows_its_attempt(tmp_path, engine):
    only = {**engine, "PATH": str(tmp_path / "bin"), "PLANLOOM_ATTEMPT": "1", "PLANLOOM_STEP": "build"}
    line = command_line(container_step(), tmp_path, tmp_path / "command", only)
    passed = [line[i + 1] for i, part in enumerate(line) if part == "--env"]
    assert {"PLANLOOM_ATTEMPT", "PLANLOOM_STEP"} <= set(passed)


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (30, "30 seconds"), (60, "1 minute"), (90, "1.5 minutes"), (1800, "30 minutes")]
)
def test_a_time_limit_is_told_in_words_that_fit_its_number(seconds, said):
    assert step_time(seconds) == said
