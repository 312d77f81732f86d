"""What a whole process costs: CPU time and peak memory of it and its children, medians of rounds that take turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PLANLOOM = str(Path(sys.executable).with_name("planloom"))
PASS = (sys.executable, "-c", "pass")


class Cost(NamedTuple):
    """CPU time of user and system in seconds, and the peak memory of the process in MB."""

    seconds: float
    megabytes: float


def cost_of(*command, cwd, expected=0):
    """Run a program that must end with a status, and return what it cost."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == expected, (command, process.returncode)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def compare(cwd, rounds, **commands):
    """Return what each command costs: medians of rounds in which they take turns, so that a busy machine is unfair to none.

    A command is a tuple, or a function that lays something down and returns one.
    """
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            words = command() if callable(command) else command
            found[name].append(cost_of(*words, cwd=cwd))
    return {
        name: Cost(statistics.median(c.seconds for c in costs), statistics.median(c.megabytes for c in costs))
        for name, costs in found.items()
    }
