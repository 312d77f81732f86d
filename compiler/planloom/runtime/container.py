"""Steps with a container: the same command line here and in CI, by docker or podman."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from planloom.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from planloom.records.compiled import CompiledStep

ATTEMPT_VARIABLES: Final = ("PLANLOOM_WORK_ITEM", "PLANLOOM_STEP", "PLANLOOM_ATTEMPT", "PLANLOOM_ATTEMPT_ID")
"""What a command may know of its attempt."""

INSIDE: Final = "/workspace"
SCRIPT: Final = "/planloom-command"
ASK_SECONDS: Final = 30


def find_engine(step: CompiledStep, environment: Mapping[str, str]) -> str:
    """Return docker, or podman where docker is missing or has no daemon to talk to. Raises: InputError when there is neither."""
    path = environment.get("PATH")
    docker, podman = shutil.which("docker", path=path), shutil.which("podman", path=path)
    if docker and podman and not _answers(docker, environment):
        return podman
    engine = docker or podman
    if engine is None:
        raise no_engine(step)
    return engine


def has_engine(environment: Mapping[str, str]) -> bool:
    """Return whether there is docker or podman; asks neither whether it works."""
    return any(shutil.which(name, path=environment.get("PATH")) for name in ("docker", "podman"))


def no_engine(step: CompiledStep) -> InputError:
    """Return the error that a step's container can't be started on this machine."""
    message = f"step {step.key} runs in a container, and there is neither docker nor podman on this machine"
    return InputError(message, hint="install one of them, or take `container:` out of the step")


def _answers(docker: str, environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            [docker, "version"],
            env=dict(environment),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def container_line(
    step: CompiledStep, workspace: Path, script: Path, environment: Mapping[str, str], template: Sequence[str]
) -> list[str]:
    """Return how a step's command is started in its container; `template` is the shell's command line.

    Only the variables that belong to the step are passed on, by name: their values are in no command line.
    """
    definition = step.definition
    passed = sorted(
        {
            *definition.get("env", {}),
            *(k for k in environment if k.startswith(("PARAM_", "EACH_")) or k in ATTEMPT_VARIABLES),
            *definition.get("secrets", ()),
        }
    )
    folder = f"{INSIDE}/{definition.get('workingDirectory', '')}".rstrip("/")
    return [
        find_engine(step, environment), "run", "--rm", "--name", container_name(script), "--network", "host",
        "--volume", f"{workspace}:{INSIDE}", "--volume", f"{script}:{SCRIPT}:ro", "--workdir", folder,
        *(part for name in passed for part in ("--env", name)), str(definition["container"]),
        *(part.replace("{0}", SCRIPT) for part in template),
    ]  # fmt: skip


def container_name(script: Path) -> str:
    """Return what a container is called: like the folder of its command, which is nobody else's."""
    return script.parent.name


def removal(engine: str, script: Path) -> tuple[str, ...]:
    """Return the command that ends and removes a container, if it is still there."""
    return (engine, "rm", "--force", container_name(script))
