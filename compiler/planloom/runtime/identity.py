"""Who acts, where, and whether the holder of a claim can still be alive.

Everything here is *stated*: it is signed by the key that acts, and nobody proves that it is true. It serves people
(who holds this?) and the rule that a live holder is never robbed.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.records.references import Builder

if TYPE_CHECKING:
    from planloom.core.ports import Environment
    from planloom.records.bodies import Claimed

RUN_ATTEMPT: Final = "GITHUB_RUN_ATTEMPT"

FIRST_NAMESPACE: Final = "4026531836"
"""The process namespace of a machine itself, not of a container on it (Linux, include/linux/proc_ns.h, PROC_PID_INIT_INO)."""


class Identity(NamedTuple):
    """Who acts: `actor` is a person or service, `executor` what holds a claim, `builder` where it runs."""

    actor: str
    executor: str
    builder: Builder


def read_identity(environment: Environment, executor: str = "") -> Identity:
    """Return who acts here, from what the platform says; `executor` overrides the default name.

    In GitHub Actions the executor is the run and its attempt (`run 16121 attempt 1`), elsewhere the user.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        run_id, attempt = environment.get("GITHUB_RUN_ID"), environment.get(RUN_ATTEMPT) or "1"
        server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
        builder = Builder(
            id=f"{server}/{environment.get('GITHUB_WORKFLOW_REF')}" if environment.get("GITHUB_WORKFLOW_REF") else "github",
            run_id=run_id,
            run_attempt=attempt,
            commit=environment.get("GITHUB_SHA"),
        )
        named = executor or environment.get("PLANLOOM_EXECUTOR") or f"run {run_id} attempt {attempt}"
        return Identity(environment.get("GITHUB_ACTOR") or "github", named, builder)
    user = environment.get("PLANLOOM_EXECUTOR") or environment.get("USER") or environment.get("LOGNAME") or "local"
    return Identity(user, executor or user, Builder())


def attempt_id(step: str, number: int, builder: Builder) -> str:
    """Return the id of an attempt: `<step>-<n>-<run id>-<run attempt>` in a run, else `<step>-local`, `<step>-local-<n>`."""
    if builder.run_id:
        return f"{step}-{number}-{builder.run_id}-{builder.run_attempt}"
    return f"{step}-local" if number == 1 else f"{step}-local-{number}"


def attempt_number(text: str) -> int:
    """Return the number of a run's attempt; 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() else 0


def process_mark() -> str:
    """Return what tells this boot of this machine: a hash of the machine id and host name, the boot id and the process namespace.

    Empty where the system does not say (then a claim is never given up because its process is gone). The machine id is
    hashed with our name, as machine-id(5) asks, and with the host's: copies of one disk image have the same machine id, and another
    machine's boot must never be taken for a reboot of this one.
    """
    try:
        machine = Path("/etc/machine-id").read_bytes().strip()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        machine = b""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            namespace = Path("/proc/self/ns/pid").stat().st_ino
        except OSError:
            return ""
    hashed = (
        hashlib.sha256(b"planloom\n" + machine + b"\n" + os.uname().nodename.encode()).hexdigest()[:12] if machine else "unknown"
    )
    return f"{hashed}/{boot}/{namespace}"


def process_start(pid: int) -> str:
    """Return when a process started, in clock ticks since boot (proc(5), field 22 of stat); empty when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    # The command's name may hold spaces and brackets; the fields after the last bracket are plain.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def own_process() -> tuple[int, str]:
    """Return the pid of this process and the mark that a claim keeps with it."""
    pid = os.getpid()
    mark = process_mark()
    return pid, f"{mark}/{process_start(pid)}" if mark else ""


def is_process_gone(claim: Claimed) -> bool:
    """Return whether the process that holds a claim is provably gone: same machine, and rebooted or no longer running.

    A claim made by hand has no process, and one from another machine or namespace can't be judged here: both are
    never given up on this evidence.
    """
    if not claim.pid or claim.boot_id.count("/") != 3:
        return False
    machine, boot, namespace, start = claim.boot_id.split("/")
    here = process_mark()
    if not here:
        return False
    my_machine, my_boot, my_namespace = here.split("/")
    if boot != my_boot:
        # In a container the machine's id may be the image's: another boot may be another machine, alive.
        return machine == my_machine != "unknown" and namespace == my_namespace == FIRST_NAMESPACE
    return namespace == my_namespace and process_start(claim.pid) != start


def is_process_alive(claim: Claimed) -> bool:
    """Return whether the process that holds a claim runs on this machine now: then nothing can prove that it is gone."""
    if not claim.pid or claim.boot_id.count("/") != 3:
        return False
    mark, _, start = claim.boot_id.rpartition("/")
    return mark == process_mark() and process_start(claim.pid) == start
