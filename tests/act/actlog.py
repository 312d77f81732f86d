"""What act says about a run, turned into what GitHub's API would say: jobs with names, conclusions, steps, times.

act differs from GitHub in what it calls a job and in the result of a matrix (one for all its jobs), so names are built
from the workflow files and a job's conclusion from its own steps.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NUMBER = re.compile(r"-\d+$")
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


@dataclass
class Job:
    """One job of a run, as far as its log goes."""

    id: str
    name: str
    caller: str
    matrix: dict[str, Any]
    started: str
    completed: str = ""
    conclusion: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[tuple[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    failed: bool = False


class Names:
    """Builds the name that GitHub shows for a job from the one that act logs.

    Shape: act logs `<workflow>/<job>` for a job of the workflow itself and `<calling job>/<called workflow>/<job>` for a
    called one, with `-<n>` behind the jobs of a matrix; GitHub shows `<job>` and `<calling job> / <job>`.
    """

    def __init__(self, workflow: Mapping[str, Any], called: Mapping[str, Mapping[str, Any]]) -> None:
        self.top = str(workflow.get("name", ""))
        self.callers = {
            f"{job.get('name', key)}/{called[job['uses']].get('name', '')}/": (key, str(job.get("name", key)))
            for key, job in workflow["jobs"].items()
            if job.get("uses") in called
        }

    def of(self, logged: str, *, matrix: bool) -> tuple[str, str]:
        """Return (id of the calling job or "", GitHub's name)."""
        plain = NUMBER.sub("", logged) if matrix else logged
        for prefix, (key, caller) in self.callers.items():
            if plain.startswith(prefix):
                return key, f"{caller} / {plain.removeprefix(prefix)}"
        return "", plain.removeprefix(f"{self.top}/")


def lines(log: Path) -> Iterator[dict[str, Any]]:
    """Yield act's log entries; a line that is still being written is left out."""
    if not log.exists():
        return
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def read_jobs(log: Path, names: Names) -> list[Job]:
    """Return the jobs that have begun, in that order; the conclusion of a running one is empty."""
    jobs: dict[tuple[str, str], Job] = {}
    for entry in lines(log):
        logged = str(entry.get("job") or "").strip()
        if not logged:
            continue
        matrix = entry.get("matrix") or {}
        key = (logged, json.dumps(matrix, sort_keys=True))
        if key not in jobs:
            caller, name = names.of(logged, matrix=bool(matrix))
            jobs[key] = Job(str(entry.get("jobID")), name, caller, matrix, started=str(entry.get("time")))
        note(jobs[key], entry)
    return list(jobs.values())


def note(job: Job, entry: Mapping[str, Any]) -> None:
    """Add one log entry to its job."""
    step = str(entry.get("step") or "")
    main = entry.get("stage") == "Main" and len(entry.get("stepID") or ()) == 1
    if entry.get("raw_output"):
        job.text.append(str(entry.get("msg", "")).rstrip("\n"))
    if entry.get("level") == "error":
        job.text.append(f"error: {entry.get('msg')}")
    match entry.get("command"):
        case "set-output" if entry.get("stepID"):
            job.outputs[f"{entry['stepID'][0]}.{entry.get('name')}"] = str(entry.get("arg", ""))
        case "summary":
            job.summary += str(entry.get("content", ""))
        case "error" | "warning" | "notice" as level:
            job.annotations.append((level, str(entry.get("arg") or entry.get("raw") or "")))
        case _:
            pass
    if main and entry.get("stepResult"):
        job.steps.append((step, str(entry["stepResult"])))
        job.failed = job.failed or entry["stepResult"] == "failure"
    if entry.get("msg") == "Failed but continue next step":
        # continue-on-error: the failure that was noted a moment ago does not count
        job.failed = False
    if entry.get("jobResult"):
        job.completed = str(entry.get("time"))
        job.conclusion = "cancelled" if entry["jobResult"] == "cancelled" else "failure" if job.failed else "success"
        if not job.steps and entry["jobResult"] == "failure":
            job.conclusion = "failure"
