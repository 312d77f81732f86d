"""Running a step's command: its own environment, its own process group, a time limit, and a log.

The command never sees a signing key or a token of the runner: `command_environment` says what it gets.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planloom.core import names
from planloom.core.errors import InputError
from planloom.runtime.container import container_line, has_engine, no_engine, removal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planloom.records.compiled import CompiledStep

SECRET_PREFIXES: Final = ("PLANLOOM_SIGNING_KEY", "PLANLOOM_LEDGER_TOKEN")
TOKENS: Final = (
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_RESULTS_URL",
    "ACTIONS_CACHE_URL",
    "ACTIONS_RUNTIME_URL",
)
ID_TOKENS: Final = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
"""Variables that a job of GitHub Actions carries for its own actions (docs.github.com/actions, "OpenID Connect", toolkit/artifact)."""

_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")

SHELLS: Final[Mapping[str, tuple[str, ...]]] = {
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"),
    "sh": ("sh", "-e", "{0}"),
    "python": ("python3", "{0}"),
    "pwsh": ("pwsh", "-command", ". '{0}'"),
}
"""How GitHub calls each shell (docs.github.com, workflow syntax, "jobs.<job_id>.steps[*].shell")."""

KILL_AFTER_SECONDS: Final = 10

MAX_LAST_PIECES: Final = 64
"""How much is still read after the command has ended (64 KiB each): what it left running could write for ever."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, and result success, failure, timeout or error with the reason.

    A command that a signal ended has failed: only whoever sent the signal knows whether that was a cancellation.
    """

    result: str
    exit_code: int
    reason: str = ""


def command_environment(step: CompiledStep, params: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a step's command.

    Shape: the caller's, without signing keys and tokens; then the step's `env`, its parameters (`PARAM_…`) and axis values (`EACH_…`). Tokens
    are let through only to a step whose plan gives it permissions.
    """
    definition = step.definition
    permissions = definition.get("permissions", {})
    dropped = set() if permissions else set(TOKENS)
    if permissions.get("id-token") != "write":
        dropped |= set(ID_TOKENS)
    kept = {k: v for k, v in environment.items() if k not in dropped and not k.startswith(SECRET_PREFIXES)}
    kept.update({str(k): str(v) for k, v in definition.get("env", {}).items()})
    kept.update(param_variables(params))
    kept.update({names.each_variable(k): str(v) for k, v in definition.get("each", {}).items()})
    return kept


def param_variables(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a work item as a step sees them: `PARAM_<NAME>` → text."""
    return {names.param_variable(name): _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def run_command(
    step: CompiledStep,
    workspace: Path,
    environment: Mapping[str, str],
    log: Callable[[bytes], None],
    running: set[int] | None = None,
    *,
    seconds: float | None = None,
) -> Ended:
    """Run a step's command to its end and return how it ended.

    Shape: `log` gets the output in pieces as it comes; `running` collects the process group while it lives, so that a caller that is
    stopped can end it; `seconds` is its time (default: the step's). Raises: InputError when the folder or the shell is not there,
    OSError when it can't be started.
    """
    definition = step.definition
    folder = workspace / str(definition.get("workingDirectory", ""))
    if not folder.is_dir():
        message = f"step {step.key}: working-directory '{definition.get('workingDirectory')}' is not there"
        raise InputError(message, hint="it is relative to the workspace")
    limit = step.timeout_minutes * 60 if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="planloom-") as temporary:
        script = Path(temporary) / "command"
        script.write_text(step.run, encoding="utf-8", newline="\n")
        argv = command_line(step, workspace, script, environment)
        process = subprocess.Popen(
            [*gate_line(environment), *argv],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if running is not None:
            running.add(process.pid)
        remove = removal(argv[0], script) if definition.get("container") else ()
        try:
            with dies_with_us(process.pid, remove, environment):
                _open_gate(process)
                return _wait(process, limit, log)
        finally:
            end_group(process)
            if remove:
                # The engine's client has ended; what it started may not have.
                subprocess.run(remove, env=dict(environment), capture_output=True, stdin=subprocess.DEVNULL, check=False)
            if running is not None:
                running.discard(process.pid)


def gate_line(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what stands before a command so that it starts only once its standard input says so, and never when that ends first.

    Killed between starting a command and starting what watches over it, we would leave it to go on for ever.
    A POSIX shell passes on only names that it could set itself (POSIX, XCU 2.5.3), so that Python, which is slower, stands in for others.
    """
    if all(_NAME.fullmatch(name) for name in environment):
        return ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh")
    # Python sets this one itself where the locale is C (PEP 538).
    clean = "" if "LC_CTYPE" in environment else "os.environ.pop('LC_CTYPE', 0); "
    program = f"import os, sys; {clean}os.read(0, 3) or sys.exit(1); os.dup2(os.open(os.devnull, os.O_RDONLY), 0); os.execv(sys.argv[1], sys.argv[1:])"
    return (sys.executable, "-IS", "-c", program)


def _open_gate(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is None:
        return
    # Broken where somebody has ended it already.
    with contextlib.suppress(BrokenPipeError), process.stdin as gate:
        gate.write(b"go\n")


@contextlib.contextmanager
def dies_with_us(group: int, remove: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """See to it that a process group ends when this process is killed, however that happens, and that `remove` is run then.

    Its claim is given up as soon as we are gone, and the next attempt starts: the old command must not go on beside it. A small
    process waits for the end of a pipe that only we hold open.
    """
    held, ours = os.pipe()
    try:
        script = 'read -r line; kill -s KILL -- "-$1"; shift; [ "$#" = 0 ] || exec "$@"'
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", str(group), *remove],
            stdin=held,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environment) if remove and environment else {"PATH": os.defpath},
            start_new_session=True,
        )
        os.close(held)
        try:
            yield
        finally:
            # Before the pipe is closed, or it would take our own end for a death.
            watcher.kill()
            watcher.wait()
    finally:
        os.close(ours)


def command_line(step: CompiledStep, workspace: Path, script: Path, environment: Mapping[str, str]) -> list[str]:
    """Return how the command is started: by its shell, or by docker or podman when the step has a container.

    Raises: InputError when there is no such shell or container engine here.
    """
    template = _shell_template(step)
    if step.definition.get("container"):
        return container_line(step, workspace, script, environment, template)
    return [_find_shell(step, environment), *(part.replace("{0}", str(script)) for part in template[1:])]


def check_program(step: CompiledStep, environment: Mapping[str, str]) -> None:
    """Check that this machine has what a step's command is started by: asked before an attempt is claimed, which would be lost.

    Raises: InputError when there is no such shell or container engine here.
    """
    if not step.definition.get("container"):
        _find_shell(step, environment)
    elif not has_engine(environment):
        raise no_engine(step)


def _shell_template(step: CompiledStep) -> tuple[str, ...]:
    shell = str(step.definition.get("shell", "bash"))
    return SHELLS.get(shell) or tuple(shlex.split(shell))


def _find_shell(step: CompiledStep, environment: Mapping[str, str]) -> str:
    name = _shell_template(step)[0]
    program = shutil.which(name, path=environment.get("PATH"))
    if program is None:
        message = f"step {step.key}: there is no {name} on this machine"
        raise InputError(message, hint=f"install {name}; or `shell:` names another one")
    return program


def _wait(process: subprocess.Popen[bytes], seconds: float, log: Callable[[bytes], None]) -> Ended:
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(KILL_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    ended, ours = os.pipe()
    reader = threading.Thread(target=_copy, args=(process, ended, log), daemon=True)
    reader.start()
    try:
        code = process.wait()
    finally:
        timer.cancel()
        # What the command left running in its group ends with it; what left the group may hold the pipe open for ever.
        end_group(process)
        os.close(ours)
        reader.join()
        os.close(ended)
    if timed_out.is_set():
        return Ended("timeout", code, f"ended after {step_time(seconds)}")
    if code < 0:
        return Ended("failure", code, f"ended by {signal.Signals(-code).name}")
    return Ended("success", 0) if code == 0 else Ended("failure", code, f"exit {code}")


def step_time(seconds: float) -> str:
    """Return a time limit in words."""
    number, unit = (seconds, "second") if seconds < 60 else (seconds / 60, "minute")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _copy(process: subprocess.Popen[bytes], ended: int, log: Callable[[bytes], None]) -> None:
    """Pass the output on until it ends; once `ended` is readable, only what is there already."""
    if process.stdout is None:
        return
    pieces_left = MAX_LAST_PIECES
    with process.stdout as stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while pieces_left:
            ready = {key.fd for key, _ in selector.select()}
            if ended in ready:
                pieces_left -= 1
            if stream.fileno() not in ready or not (piece := os.read(stream.fileno(), 65_536)):
                return
            # A log that can't be written (a full disk) is no reason to end the command.
            with contextlib.suppress(OSError):
                log(piece)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command may have left running in its process group."""
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return
