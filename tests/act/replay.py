"""Carries a run on where act stops: after a called workflow that failed.

GitHub evaluates the `if:` of every later job; act 0.2.89 starts none of them. So the jobs that have ended are replaced by stubs with
the same result and the same outputs, which act handles as GitHub does, and the rest of the workflow is run as it is written.
"""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping

    from act.actlog import Job

STEP_OUTPUT = re.compile(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}")

WRITE_OUTPUTS = """\
import json, os
with open(os.environ["GITHUB_OUTPUT"], "a") as out:
    for name, value in json.loads(os.environ["OUTPUTS"]).items():
        out.write(f"{name}<<END_OF_VALUE\\n{value}\\nEND_OF_VALUE\\n")
raise SystemExit(os.environ["RESULT"] != "success")
"""


def result_of(key: str, jobs: list[Job]) -> str:
    """Return the result of a job of the workflow, or of a call: a failure in any job of it, else success."""
    mine = [job for job in jobs if job.caller == key or (not job.caller and job.id == key)]
    return "failure" if any(job.conclusion != "success" for job in mine) else "success"


def left_over(workflow: Mapping[str, Any], jobs: list[Job]) -> list[str]:
    """Return the jobs that never began although a call before them failed; empty when there is nothing to carry on."""
    begun = {job.caller or job.id for job in jobs}
    failed_call = any(
        key in begun and "uses" in job and result_of(key, jobs) == "failure" for key, job in workflow["jobs"].items()
    )
    return [key for key in workflow["jobs"] if key not in begun] if failed_call else []


def carry_on(workflow: Mapping[str, Any], jobs: list[Job]) -> str:
    """Return the workflow with a stub in the place of each job that has ended, as YAML."""
    rest = left_over(workflow, jobs)
    derived = dict(workflow)
    derived["jobs"] = {key: job if key in rest else stub(key, job, jobs) for key, job in workflow["jobs"].items()}
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(derived, text)
    # ruamel writes YAML 1.2, where `on` needs no quotes; act reads it as 1.1.
    return re.sub(r"^on:", '"on":', text.getvalue(), flags=re.MULTILINE)


def stub(key: str, job: Mapping[str, Any], jobs: list[Job]) -> dict[str, Any]:
    """Return a job of one step that ends as `job` ended and gives out what it gave out."""
    result = result_of(key, jobs)
    ended = [one for one in jobs if one.id == key and not one.caller]
    outputs = {
        name: ended[-1].outputs.get(f"{match[1]}.{match[2]}", "") if ended else ""
        for name, text in dict(job.get("outputs", {})).items()
        if (match := STEP_OUTPUT.fullmatch(str(text)))
    }
    return {
        "name": f"replayed {key}",
        "runs-on": "ubuntu-24.04",
        "outputs": {name: f"${{{{ steps.replay.outputs.{name} }}}}" for name in outputs},
        "steps": [
            {"id": "replay", "shell": "python", "env": {"OUTPUTS": json.dumps(outputs), "RESULT": result}, "run": WRITE_OUTPUTS}
        ],
    }
