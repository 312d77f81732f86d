"""Steps that several generated workflows share: check out, install planloom, upload; and what a step is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planloom import VERSION
from planloom.emit.pins import read_pins
from planloom.ir.workflow import RunStep, UsesStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.emit.pins import Pins
    from planloom.model.plan import Plan, Project

CONTROL_RUNNER: Final = "ubuntu-24.04"
CONTROL_TIMEOUT_MINUTES: Final = 15
KEY_VARIABLE: Final = "PLANLOOM_SIGNING_KEY"
LOCK: Final = "specs/requirements.lock"
BESIDE: Final = '"$RUNNER_TEMP/planloom/bin/planloom"'
"""planloom as installed beside a job's own tools; no PATH is changed."""

ORCHESTRATOR: Final = "orchestrator.yml"
EXECUTE: Final = "execute.yml"
COLLECTOR: Final = "collector.yml"


class Parts(NamedTuple):
    """The building blocks for one project: its pins, its Python, how planloom is installed, where the key is."""

    project: Project
    pins: Pins

    @classmethod
    def of(cls, project: Project) -> Parts:
        """Return the building blocks of a project."""
        return cls(project, read_pins(project.pins))

    def uses(self, name: str, action: str, inputs: Mapping[str, str | bool | int], condition: str = "") -> UsesStep:
        """Return a step that runs a pinned action."""
        pin = self.pins.of(action)
        return UsesStep(name, action, pin.commit, pin.version, inputs, condition)

    def check_out(self, name: str = "Check out", inputs: Mapping[str, str | int] | None = None) -> UsesStep:
        """Return a checkout that leaves no token behind in `.git/config`."""
        return self.uses(name, "actions/checkout", {"persist-credentials": False, **(inputs or {})})

    def control(self) -> tuple[UsesStep, UsesStep, RunStep]:
        """Return how each job of ours that runs no user code begins."""
        python = self.uses("Set up Python", "actions/setup-python", {"python-version": self.project.python})
        return (self.check_out(), python, RunStep("Install planloom", _install("python", self.project.install)))

    def install_beside(self) -> RunStep:
        """Return the installation into a folder of its own, for jobs that belong to the user's code."""
        install = _install('"$RUNNER_TEMP/planloom/bin/python"', self.project.install)
        return RunStep("Install planloom beside the job's own tools", f'python3 -m venv "$RUNNER_TEMP/planloom"\n{install}')

    def upload(self, name: str, artifact: str, path: str, missing: str, condition: str = "") -> UsesStep:
        """Return an upload; `missing` says what happens without files: error, warn or ignore."""
        return self.uses(
            name, "actions/upload-artifact", {"name": artifact, "path": path, "if-no-files-found": missing}, condition
        )

    def key(self) -> dict[str, str]:
        """Return the environment of a step that signs."""
        return {KEY_VARIABLE: f"${{{{ secrets.{self.project.signing_key_secret} }}}}"}


def token() -> dict[str, str]:
    """Return the environment of a step that speaks to GitHub."""
    return {"GITHUB_TOKEN": "${{ github.token }}"}


def header(plan: Plan, digest: str) -> tuple[str, ...]:
    """Return the comment at the top of a plan's workflow."""
    return (
        f"Compiled by planloom from {plan.path} (execution: {plan.workflow.execution}). Edit the plan, then run `planloom compile`.",
        "Merge conflict here? Run `planloom compile`.",
        f"plan sha256:{digest}",
    )


def _install(python: str, how: str) -> str:
    """Return the commands that install planloom with this Python.

    `path` installs the checkout itself: everything else, hatchling that builds it too, comes from the lock by hash, so the
    build asks no index for anything.
    """
    if not how:
        return f"{python} -m pip install planloom=={VERSION}\n"
    locked = f"{python} -m pip install --require-hashes -r {LOCK}\n"
    if how == "path":
        return locked + f"{python} -m pip install --no-index --no-deps --no-build-isolation .\n"
    return locked
